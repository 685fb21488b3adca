"""What the filters of toxicity have in common: the classifier and its limits."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator

from ...schemas.errors import UserError, known
from ...schemas.frozen import Frozen
from ..texts.toxicity import labels_of, toxicity


class Classified(Frozen):
    """A local classifier, and from which scores on a text is dropped."""

    model: Path
    """Folder with a text classifier that transformers loads; a relative path is looked up from the recipe's folder.
    Nothing is downloaded."""
    limits: dict[str, float] = Field(min_length=1)
    """Label of the classifier, in any case -> score from 0 to 1 from which on a text is dropped: `{toxic: 0.9}`. Of a
    text longer than 1,000 characters the worst window counts."""

    @field_validator("limits")
    @classmethod
    def _scores(cls, limits: dict[str, float]) -> dict[str, float]:
        for label, limit in limits.items():
            if not 0 < limit <= 1:
                raise ValueError(f"{label}: a score from 0 to 1 (got {limit:g})")
        return {label.lower(): limit for label, limit in limits.items()}

    def at(self, folder: Path) -> Self:
        """The same filter, its model looked up from `folder`."""
        return self.model_copy(update={"model": folder / self.model.expanduser()})

    def ready(self) -> None:
        there = labels_of(self.model)
        for label in self.limits:
            if label not in there:
                raise UserError(f"toxicity: {self.model} has no label {label!r}. {known(label, sorted(there))}")

    def toxic(self, text: str) -> str | None:
        """One line on the first label whose limit the text reaches; None where it reaches none."""
        self.ready()
        scores = toxicity(text, self.model)
        return next(
            (
                f"{label} {score:.2f}"
                for label, limit in self.limits.items()
                if (score := scores.get(label, 0.0)) >= limit
            ),
            None,
        )
