"""Confident verdicts: those whose winner is right with a probability that was shown on people's labels."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from ...schemas.errors import UserError, known
from ...schemas.frozen import derived
from ...schemas.rows import Comparison, Judgment, Verdict
from ..calibration import Calibration
from ..guarantee import CONFIDENCE, Kept, Nothing, keep_accurate, keep_share
from ..labelled import FEATURES, verdict_features
from . import VerdictFilter


class Confident(VerdictFilter):
    """Keeps verdicts whose calibrated p(the winner is right) is high enough for a target accuracy.

    The threshold is chosen on labels that the calibration has not seen, such that people agree with at least `accuracy`
    of what is kept, with probability `confidence` (Learn then Test, arXiv 2110.01052). Where no threshold can be shown
    to do so every verdict is dropped, and the reason says what is missing. Ties have no winner and are dropped.

    The promise holds for the teachers, the judge, the protocol and the kind of tasks that the labels were drawn from.
    """

    calibration: Path | None = None
    """JSON file such as a run with people's reviews writes (`calibration.json` in its directory); a relative path is
    looked up from the recipe's folder. None: the run's own, once people have reviewed a sample of it."""
    accuracy: float | None = Field(None, gt=0, lt=1)
    """Least share of what is kept that people agree with."""
    share: float | None = Field(None, gt=0, lt=1)
    """Instead of `accuracy`: share of the most certain verdicts to keep, judged by the labels that the calibration has
    held out."""
    confidence: float = Field(CONFIDENCE, gt=0, lt=1)
    """Probability with which the promise of `accuracy` holds, over the draw of the labels."""

    @field_validator("calibration")
    @classmethod
    def _home(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path and path.parts[:1] == ("~",) else path

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.accuracy is None) == (self.share is None):
            raise ValueError("give either accuracy or share")
        return self

    def at(self, folder: Path) -> Self:
        """The same filter, its file looked up from `folder`."""
        return self.model_copy(update={"calibration": folder / self.calibration}) if self.calibration else self

    @derived
    def chosen(self) -> Kept | Nothing:
        """The threshold, or why there is none. Raises `UserError` where the file cannot be used."""
        if self.accuracy is not None:
            return keep_accurate(self._read, self.accuracy, self.confidence)
        assert self.share is not None
        return keep_share(self._read, self.share, np.array(self._read.held_out.p), self.confidence)

    def drop(self, comparison: Comparison, judgments: tuple[Judgment, ...], verdict: Verdict) -> str | None:
        if self.calibration is None:
            return "no calibration yet: people's labels of a random sample are missing"
        if isinstance(self.chosen, Nothing):
            return self.chosen.why
        if verdict.winner in (None, "tie"):
            return "no winner"
        curve = self._read.curve
        p = float(curve.p(verdict_features(curve.features, verdict, judgments)[None, :])[0])
        return None if p >= self.chosen.threshold else f"p {p:.3f} < {self.chosen.threshold:.3f}"

    @derived
    def _read(self) -> Calibration:
        assert self.calibration is not None
        calibration = Calibration.load(self.calibration)
        strange = [name for name in calibration.curve.features if name not in FEATURES]
        if strange:
            raise UserError(f"{self.calibration}: curve.features: {strange[0]!r}. {known(strange[0], FEATURES)}")
        return calibration
