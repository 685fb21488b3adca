"""Which judgments of an Example a JudgeLM row holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import CannotCarry
from ..judgelm_prompt import HIGHEST, LOWEST
from ..labels import winner_at
from ..rows import Example, Judgment, Winner
from ._pair import pair_of

ORDERS = ((0, 1), (1, 0))
"""The comparison's own order first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The judgments that support the verdict in one order; at least one of the two."""

    shown: tuple[int, ...]
    plain: Judgment | None
    """Made without the reference."""
    referenced: Judgment | None
    """Made with the reference shown."""

    def of(self, with_reference: bool) -> Judgment | None:
        """The judgment of one kind."""
        return self.referenced if with_reference else self.plain


def winner_of(scores: Sequence[float]) -> Winner:
    """The winner of a pair of scores: the higher one, a tie where they are equal (JudgeLM's T = 0)."""
    return winner_at(scores[0] - scores[1])


def choices(example: Example) -> tuple[Choice, ...]:
    """One choice for each order in which a judgment supports the verdict, the comparison's own order first.

    A judgment whose winner is not the verdict's would teach the opposite of what the verdict says, so it is never
    exported, not even beside one that agrees. Of several that agree the protocol's first is taken.

    Raises `CannotCarry` as `pair_of` and `Pair.winner`, `scores_outside_1_to_10` (another
    judge's scale) and `no_judgment_supports_verdict` (such as a tie that is the average of two opposite orders).
    """
    winner = pair_of(example).winner()
    supporting = [judgment for judgment in example.judgments if _winner(judgment) == winner]
    if not supporting:
        raise CannotCarry("no_judgment_supports_verdict")
    if not all(LOWEST <= score <= HIGHEST for judgment in supporting for score in judgment.scores or ()):
        raise CannotCarry("scores_outside_1_to_10")
    by_order = (Choice(shown, _first(supporting, shown, False), _first(supporting, shown, True)) for shown in ORDERS)
    return tuple(choice for choice in by_order if choice.plain or choice.referenced)


def _winner(judgment: Judgment) -> Winner | None:
    return None if judgment.by_answer is None else winner_of(judgment.by_answer)


def _first(judgments: Sequence[Judgment], shown: tuple[int, ...], with_reference: bool) -> Judgment | None:
    matching = (j for j in judgments if j.shown == shown and j.with_reference == with_reference)
    return next(matching, None)
