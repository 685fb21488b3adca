"""A chosen and a rejected answer: the margin between them, and the Example that a row of that shape holds.

Such rows do not say which answer came first. `preferred` draws it from the answers' content, so that the winner of what
was decoded is not always the first.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import CannotCarry
from ..labels import PEOPLE
from ..rows import Answer, Comparison, Example, Judgment, Task, Verdict
from ._lines import Line
from ._pair import Pair


@dataclass(frozen=True, slots=True)
class Side:
    """One answer of a row."""

    text: str
    model: str = "unknown"
    score: float | None = None
    """What the judge gave it, where the row says so."""


def sides_of(pair: Pair) -> tuple[Side, Side]:
    """The winner and the other. Raises `CannotCarry` as `Pair.chosen_and_rejected`."""
    chosen, rejected = pair.chosen_and_rejected()
    return Side(chosen.text or "", chosen.model), Side(rejected.text or "", rejected.model)


def verdict_of(pair: Pair) -> Verdict:
    """The verdict. Raises `CannotCarry`: `no_verdict` where only people have judged."""
    if pair.verdict is None:
        raise CannotCarry("no_verdict")
    return pair.verdict


def margin_of(pair: Pair) -> float:
    """By how much the winner won, 0 or more, on the judge's scale; 0 where people chose the other one.

    Raises `CannotCarry`: `no_verdict`, `no_margin` (no trainer can use a column with gaps) and
    `margin_contradicts_winner`.
    """
    verdict = verdict_of(pair)
    margin = verdict.final_margin
    if margin is None:
        raise CannotCarry("no_margin")
    if margin != 0 and (margin > 0) != (verdict.winner == "first"):
        if PEOPLE in verdict.flags:
            return 0.0
        raise CannotCarry("margin_contradicts_winner")
    return abs(margin)


def model_at(line: Line, key: str) -> str:
    """The name of an answering model, `unknown` where the row does not say."""
    return line.text(key) if line.has(key) else "unknown"


def source_id_at(line: Line) -> str | None:
    """The id that the source gave the task, where the row says it under `source_id`."""
    return line.text("source_id") if line.has("source_id") else None


def preferred(index: int, task: Task, chosen: Side, rejected: Side, margin: float | None = None) -> Example:
    """The Example in which `chosen` won by `margin`; with both scores, also the judgment that they come from."""
    won, lost = (
        Answer(task_id=task.id, model=side.model, text=side.text, origin="recorded") for side in (chosen, rejected)
    )
    answers = tuple(sorted((won, lost), key=lambda answer: answer.id))
    comparison = Comparison(
        task_id=task.id,
        answer_ids=tuple(answer.id for answer in answers),
        models=tuple(answer.model for answer in answers),
    )
    won_first = answers[0] is won
    judgments = _judgments(comparison, (chosen, rejected) if won_first else (rejected, chosen))
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="unknown",
        judgment_ids=tuple(judgment.id for judgment in judgments),
        winner="first" if won_first else "second",
        margin=margin if margin is None or won_first else -margin,
    )
    return Example(index=index, task=task, answers=answers, comparison=comparison, judgments=judgments, verdict=verdict)


def _judgments(comparison: Comparison, sides: tuple[Side, Side]) -> tuple[Judgment, ...]:
    scores = [side.score for side in sides if side.score is not None]
    if len(scores) < 2:
        return ()
    return (
        Judgment(
            comparison_id=comparison.id,
            task_id=comparison.task_id,
            teacher="unknown",
            judge="unknown",
            shown=(0, 1),
            scores=tuple(scores),
        ),
    )
