"""Decontamination of answers: those that recite items of evaluation sets."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field

from ...schemas.frozen import derived
from ...schemas.rows import Answer, Task
from ..contamination.against import Against
from ..contamination.items import Index, Search
from . import AnswerFilter


class DecontaminateAnswers(AnswerFilter):
    """Drops answers that hold more than half of the words of one item of an evaluation set, by the rules of
    `decontaminate`: a model may recite what it has memorised, which the task does not show."""

    against: tuple[Against, ...] = Field(min_length=1)
    """Evaluation sets, as in `decontaminate`; with `fields`, also of their reference answers."""

    def at(self, folder: Path) -> Self:
        """The same filter, its files looked up from `folder`."""
        return self.model_copy(update={"against": tuple(one.at(folder) for one in self.against)})

    def ready(self) -> None:
        self._index  # noqa: B018 - it is made once, and kept

    def drop(self, task: Task, answer: Answer) -> str | None:
        held = next(Search(self._index).look([(answer.text or "",)]))
        return str(held) if held is not None else None

    @derived
    def _index(self) -> Index:
        return Index([item for one in self.against for item in one.items()])
