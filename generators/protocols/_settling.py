"""From judgments of a pair to its verdict: what every protocol that asks in one or both orders has in common.

Averaging a teacher's scores over both orders is balanced position calibration (Wang et al., arXiv 2305.17926).
Consistency is JudgeLM's (arXiv 2310.17631): the winner of each order, and a tie that stays a tie counts as agreement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from statistics import fmean

from ...schemas.labels import winner_at
from ...schemas.row import Failure, Usage
from ...schemas.rows import Comparison, Judgment, Verdict
from ..learned import Learned
from . import Ask, Piloted, Run

FORWARD, BACKWARD = (0, 1), (1, 0)
"""The comparison's own order, and the other one."""
NO_OFFSETS: Mapping[str, float] = {}


def questions(
    comparison: Comparison, teachers: Sequence[str], references: Sequence[bool], orders: Sequence[tuple[int, ...]]
) -> list[Ask]:
    """Every teacher in every order, first all about the reference mode that decides.

    Raises `ValueError` where the comparison is not one of two answers.
    """
    if len(comparison.answer_ids) != 2:
        raise ValueError(f"this protocol compares pairs (got {len(comparison.answer_ids)} answers)")
    return [Ask(teacher, order, reference) for reference in references for teacher in teachers for order in orders]


def settle(
    comparison: Comparison,
    judgments: Sequence[Judgment],
    *,
    protocol: str,
    with_reference: bool,
    tie_margin: float,
    ties_where_inconsistent: bool = False,
    offsets: Mapping[str, float] = NO_OFFSETS,
    flags: Sequence[str] = (),
    weighed: bool = False,
) -> Verdict:
    """The verdict of all `judgments` made for a pair; those of the given reference mode decide it.

    The margin is the mean over teachers of each teacher's mean over its readable judgments, and |margin| <=
    `tie_margin` is a tie. Where some teacher's orders disagree the verdict is flagged, and a tie if
    `ties_where_inconsistent`. Without a readable judgment the verdict is a failure that names every reason.
    `offsets`: teacher -> what it adds for the answer shown first; taken off where one order was read. `flags` come
    before those that are found here. `weighed`: the scores weighed by their probabilities count; where some judgment
    has none, its plain ones do, and the verdict is flagged `no_probabilities`.
    """
    deciding = [judgment for judgment in judgments if judgment.with_reference == with_reference]
    readable = [judgment for judgment in deciding if judgment.scores is not None]
    usage = reduce(add, (judgment.usage for judgment in judgments)) if judgments else Usage()
    if not readable:
        failure = Failure(kind="no_judgment", message=reasons(deciding))
        return Verdict(
            comparison_id=comparison.id,
            task_id=comparison.task_id,
            protocol=protocol,
            judgment_ids=(),
            usage=usage,
            failure=failure,
        )
    margins = _margins(readable, weighed=weighed)
    margin = _mean([_corrected(orders, offsets.get(teacher, 0)) for teacher, orders in margins.items()])
    consistent = _consistent(margins, tie_margin)
    found = list(flags)
    if weighed and any(judgment.expected is None for judgment in readable):
        found.append("no_probabilities")
    if consistent is False:
        found.append("order_inconsistent")
    if any(len(orders) == 1 and _asked_both(deciding, teacher) for teacher, orders in margins.items()):
        found.append("one_order_failed")
    if any(judgment.sample > 0 for judgment in readable):
        found.append("asked_again")
    return Verdict(
        comparison_id=comparison.id,
        task_id=comparison.task_id,
        protocol=protocol,
        judgment_ids=tuple(judgment.id for judgment in readable),
        winner="tie" if ties_where_inconsistent and consistent is False else winner_at(margin, tie_margin),
        margin=margin,
        consistent=consistent,
        flags=tuple(found),
        usage=usage,
    )


def margin_of(
    judgments: Sequence[Judgment], with_reference: bool, offsets: Mapping[str, float] = NO_OFFSETS
) -> float | None:
    """The margin that `settle` would give these judgments; None where none of them can be read."""
    readable = [one for one in judgments if one.scores is not None and one.with_reference == with_reference]
    found = [_corrected(orders, offsets.get(teacher, 0)) for teacher, orders in _margins(readable).items()]
    return _mean(found) if found else None


def corrected(
    protocol: Piloted,
    comparison: Comparison,
    references: Sequence[bool],
    heard: Sequence[Judgment],
    learned: Learned | None,
    *,
    once: Sequence[str],
    tie_margin: float,
) -> Run:
    """The conversation after an opening in one order: settled less each teacher's position offset.

    Those of the teachers asked `once` whose offset is unknown are asked in the other order, too; but for comparisons of
    the pilot, the verdict is flagged `offset_unknown` then.
    """
    offsets = offsets_in(learned)
    unknown = [teacher for teacher in once if teacher not in offsets]
    if unknown:
        heard = [*heard, *(yield questions(comparison, unknown, references, (BACKWARD,)))]
    return settle(
        comparison,
        heard,
        protocol=protocol.plugin_name(),
        with_reference=references[0],
        tie_margin=tie_margin,
        offsets=offsets,
        flags=("offset_unknown",) if unknown and learned else (),
    )


def offsets_in(learned: Learned | None) -> Mapping[str, float]:
    """Teacher -> its position offset, of those for whom it is known."""
    return {habit.teacher: habit.offset for habit in learned.habits} if learned else NO_OFFSETS


def _corrected(orders: Mapping[tuple[int, ...], float], offset: float) -> float:
    """A teacher's mean over its orders; of a single one, less what the teacher adds for the answer shown first."""
    margin = _mean(list(orders.values()))
    if len(orders) > 1:
        return margin
    return margin - offset if FORWARD in orders else margin + offset


def _margins(readable: Sequence[Judgment], *, weighed: bool = False) -> dict[str, dict[tuple[int, ...], float]]:
    """Teacher -> order shown -> score of the first answer minus the second's, in the comparison's order."""
    found: dict[str, dict[tuple[int, ...], list[float]]] = {}
    for judgment in readable:
        scores = judgment.weighed_by_answer if weighed else judgment.by_answer
        if scores is not None:
            found.setdefault(judgment.teacher, {}).setdefault(judgment.shown, []).append(scores[0] - scores[1])
    return {teacher: {order: _mean(margins) for order, margins in orders.items()} for teacher, orders in found.items()}


def _mean(values: Sequence[float]) -> float:
    # Rounded, so that 0.1 + 0.2 - 0.3 is a tie and not a narrow win; adding 0 turns -0.0 into 0.0.
    return round(fmean(values), 9) + 0.0


def _consistent(margins: dict[str, dict[tuple[int, ...], float]], tie_margin: float) -> bool | None:
    """False where a teacher's orders disagree; True where each teacher that was read was read in both; else None."""
    winners = [{winner_at(margin, tie_margin) for margin in orders.values()} for orders in margins.values()]
    if any(len(found) > 1 for found in winners):
        return False
    return True if all(len(orders) == 2 for orders in margins.values()) else None


def _asked_both(judgments: Sequence[Judgment], teacher: str) -> bool:
    return len({judgment.shown for judgment in judgments if judgment.teacher == teacher}) > 1


def reasons(failed: Sequence[Judgment]) -> str:
    """Every failure on one line, each with its teacher and the order it was shown."""
    reasons = [
        f"{judgment.teacher} shown {judgment.shown}: {judgment.failure.kind}: {judgment.failure.message}"
        for judgment in failed
        if judgment.failure is not None
    ]
    return " ".join("; ".join(reasons).split()) or "nothing was asked"
