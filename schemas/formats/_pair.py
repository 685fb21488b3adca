"""What formats of pairs need of an Example: its two answers, and who won."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import CannotCarry
from ..rows import Answer, Comparison, Example, Verdict, Winner


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers with texts, in the comparison's order."""

    first: Answer
    second: Answer
    comparison: Comparison
    verdict: Verdict | None
    """None where only people have judged."""

    @property
    def texts(self) -> tuple[str, str]:
        """Both texts."""
        return self.first.text or "", self.second.text or ""

    def winner(self) -> Winner:
        """The verdict's winner. Raises `CannotCarry`: `no_verdict`, `failed_verdict`."""
        if self.verdict is None:
            raise CannotCarry("no_verdict")
        if self.verdict.winner is None:
            raise CannotCarry("failed_verdict")
        return self.verdict.winner

    def chosen_and_rejected(self) -> tuple[Answer, Answer]:
        """The winner and the other. Raises `CannotCarry` as `winner`, and `tie`, `empty_answer`, `identical_answers`
        (blanks at the ends do not count)."""
        winner = self.winner()
        if winner == "tie":
            raise CannotCarry("tie")
        first, second = (text.strip() for text in self.texts)
        if not first or not second:
            raise CannotCarry("empty_answer")
        if first == second:
            raise CannotCarry("identical_answers")
        return (self.first, self.second) if winner == "first" else (self.second, self.first)


def pair_of(example: Example) -> Pair:
    """The pair in an example.

    Raises `CannotCarry`: `no_comparison` (a graded answer), `more_than_two_answers`, `failed_answer`.
    """
    if example.comparison is None:
        raise CannotCarry("no_comparison")
    if len(example.answers) != 2:
        raise CannotCarry("more_than_two_answers")
    first, second = example.answers
    if first.text is None or second.text is None:
        raise CannotCarry("failed_answer")
    return Pair(first, second, example.comparison, example.verdict)
