"""What a PandaLM training row says of its two responses: result, reason and reference."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import CannotCarry, Unreadable
from ..pandalm_prompt import read_evaluation, target
from ..rows import Example, Judgment, Winner
from ._judgelm_choice import winner_of
from ._judgelm_text import judgment_text
from ._pair import Pair

JUDGE = "pandalm"
"""The judge whose replies have PandaLM's form."""
_ASSISTANT = re.compile(r"Assistant (?=[12](?![A-Za-z0-9]|[.,]\d))")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one judgment says, in the order shown."""

    shown: tuple[int, ...]
    """Indexes into the comparison's answers: Response 1, Response 2."""
    winner: Winner
    reason: str
    reference: str

    @property
    def target(self) -> str:
        """The column `output_sequence`."""
        return target(self.winner, self.reason, self.reference)


def supporting(example: Example, pair: Pair) -> list[Judgment]:
    """The judgments whose winner is the verdict's, in their order; another would teach the opposite of the verdict.

    Raises `CannotCarry`: as `Pair.winner`, and `no_judgment_supports_verdict`.
    """
    winner = pair.winner()
    found = [one for one in example.judgments if one.by_answer is not None and winner_of(one.by_answer) == winner]
    if not found:
        raise CannotCarry("no_judgment_supports_verdict")
    return found


def evaluation_of(judgment: Judgment, reference: str | None) -> Evaluation:
    """The row's part of a judgment; `reference` is the task's own, for teachers that wrote none.

    Explanations by other judges are taken where they name answers as JudgeLM's teachers do (`Assistant 1`), and name
    them anew. Raises `CannotCarry`: `no_reason`, `no_reference`, and `ambiguous_rationale` where an explanation names
    answers in another way.
    """
    scores, reason = judgment.scores or (), judgment.rationale.strip()
    written = reference
    if judgment.judge == JUDGE:
        written = _written(judgment) or reference
    else:
        reason = _ASSISTANT.sub("Response ", judgment_text(scores, reason).partition("\n")[2])
    if not reason:
        raise CannotCarry("no_reason")
    if not written or not written.strip():
        raise CannotCarry("no_reference")
    return Evaluation(judgment.shown, winner_of(scores), reason, written.strip())


def _written(judgment: Judgment) -> str | None:
    """The reference in a teacher's reply; a judgment from a file may have lost the reply."""
    try:
        return read_evaluation(judgment.raw or "")[2]
    except Unreadable:
        return None
