"""Contradictory rationale: the teacher's explanation concludes that the other answer is better."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...schemas.rows import Comparison, Judgment, Verdict
from ..texts.preferences import Better, preference
from . import VerdictFilter


class ContradictoryRationale(VerdictFilter):
    """Drops verdicts that rest on a judgment whose explanation says that the answer with the lower score is better.

    A judge trained on it learns that explanation and scores have nothing to do with each other; chains of thought that
    contradict what they conclude are common (Turpin et al., arXiv 2305.04388). `Assistant 1` and `the first answer` are
    the answer that was shown first, which is the comparison's second where the order was swapped. Written for
    precision: only what the last three sentences say in so many words of the whole answers counts, and it has to be one
    thing (see `texts/preferences.py`). Of 30 conclusions that were written once the phrases stood, it read ten,
    nine of them rightly; what misled it (`considering accuracy, …`) is excepted since.
    """

    label: Literal["scores", "winner"] = "scores"
    """What an explanation has to agree with: the `scores` of its own judgment, or the verdict's `winner`, which other
    judgments, biases taken off and people may have decided."""
    ties: bool = False
    """Also drop verdicts where an explanation prefers one answer and the label is a tie, or the other way round."""
    allow: int = Field(0, ge=0)
    """Judgments of a verdict that may contradict themselves."""

    def drop(self, comparison: Comparison, judgments: tuple[Judgment, ...], verdict: Verdict) -> str | None:
        used = [judgment for judgment in judgments if judgment.id in verdict.judgment_ids]
        found = [why for judgment in used if (why := self._contradiction(judgment, verdict)) is not None]
        return found[0] if len(found) > self.allow else None

    def _contradiction(self, judgment: Judgment, verdict: Verdict) -> str | None:
        label = _scored(judgment) if self.label == "scores" else _won(judgment, verdict)
        said = preference(judgment.rationale) if label is not None else None
        if label is None or said is None or said.better == label:
            return None
        if "tie" in (said.better, label) and not self.ties:
            return None
        shown = ", ".join(("first", "second")[place] for place in judgment.shown)
        says = "a tie" if label == "tie" else f"the answer shown {('first', 'second')[label]}"
        return f"{judgment.teacher} writes {said.sentence[:160]!r} and the label is {says} (shown: {shown})"


def _scored(judgment: Judgment) -> Better | None:
    """Which of two answers has the higher score, in the order shown."""
    if judgment.scores is None or len(judgment.scores) != 2:
        return None
    one, other = judgment.scores
    return "tie" if one == other else 0 if one > other else 1


def _won(judgment: Judgment, verdict: Verdict) -> Better | None:
    """Which of two answers has won, in the order in which this judgment's teacher saw them."""
    if verdict.winner is None or len(judgment.shown) != 2:
        return None
    return (
        "tie" if verdict.winner == "tie" else 0 if judgment.shown[0] == ("first", "second").index(verdict.winner) else 1
    )
