"""What annotators get to see of a pair: never which models answered, nor why the pair was drawn.

What records can be filtered by tells neither: the question's category and size, and the length of both answers
together, which is the same in either order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from ...curation.desks import Choice, Record
from ...schemas.errors import UserError
from ...schemas.labels import winner_at
from ...schemas.rows import Answer, Judgment, Task, Verdict, Winner
from ..examples import judged
from ..rundir import RunDirectory
from .population import by_judgments, gold
from .store import Handed

if TYPE_CHECKING:
    from ...curation.calibration import Calibration


@dataclass(frozen=True, slots=True)
class Pair:
    """What there is to see of a pair."""

    task: Task
    answers: tuple[Answer, ...]
    teachers: Winner | None
    certainty: float | None = None
    """Probability that people agree with them, where a calibration says so; None for ties."""


def pairs(place: RunDirectory, wanted: Iterable[str]) -> Mapping[str, Pair]:
    """What there is to see of the wanted comparisons. Raises `UserError` where some are none of the run's."""
    left = set(wanted)
    calibration = _calibration(place)
    found = {name: pair for name, pair in _of_run(place, calibration) if name in left}
    tasks = {task.id: task for part in range(place.parts()) for task in place.rows(Task, part) if left - found.keys()}
    for probe, _ in gold(place):
        if probe.comparison.id in left:
            teachers = by_judgments(probe.judgments)
            told = _verdict_of(probe.comparison.id, probe.task_id, teachers, probe.judgments)
            sure = _certainty(told, probe.judgments, calibration)
            found[probe.comparison.id] = Pair(tasks[probe.task_id], probe.answers, teachers, sure)
    if gone := left - found.keys():
        raise UserError(
            f"{place.path}: {len(gone):,} pairs of the plan are none of this run any more ({min(gone)}, …)."
            f" `prefmill review plan {place.path} --again` draws another plan."
        )
    return found


def records(handed: Sequence[Handed], found: Mapping[str, Pair], blind: bool) -> list[Record]:
    """Records of what was handed out, in the same order, each with the vector of its question.

    How rare a word is, is told by the questions of all pairs in `found`, so that a record's vector does not hang on who
    else's records are made.
    """
    from ...curation.duplicates.bags import bags_of

    asked = {pair.task.id: _question(pair.task) for pair in found.values()}
    rows = dict(zip(asked, bags_of(asked.values()).tolist(), strict=True))
    return [_record(one, found[one.comparison_id], rows[found[one.comparison_id].task.id], blind) for one in handed]


def as_shown(winner: Winner, shown: tuple[int, int]) -> Choice:
    """A winner in the comparison's order as an annotator sees it."""
    if winner == "tie":
        return "tie"
    return "A" if shown.index(0 if winner == "first" else 1) == 0 else "B"


def as_compared(choice: Choice | None, shown: tuple[int, int]) -> Winner | None:
    """What an annotator chose, in the comparison's order."""
    if choice in (None, "tie"):
        return choice
    return "first" if shown[0 if choice == "A" else 1] == 0 else "second"


def _of_run(place: RunDirectory, calibration: Calibration | None) -> Iterator[tuple[str, Pair]]:
    for part in judged(place):
        for example in part:
            if example.comparison is not None and example.verdict is not None:
                sure = _certainty(example.verdict, example.judgments, calibration)
                yield example.comparison.id, Pair(example.task, example.answers, example.verdict.winner, sure)


def _record(handed: Handed, pair: Pair, vector: Sequence[float], blind: bool) -> Record:
    a, b = (pair.answers[index].text or "" for index in handed.shown)
    open_ = not blind and pair.teachers is not None
    return Record(
        record_id=handed.record_id,
        annotator=handed.annotator,
        messages=pair.task.messages,
        a=a,
        b=b,
        rubric=pair.task.rubric,
        reference=pair.task.reference.text if pair.task.reference else None,
        teacher=as_shown(pair.teachers, handed.shown) if open_ and pair.teachers else None,
        certainty=pair.certainty if open_ else None,
        metadata=_metadata(pair.task, a, b),
        # Words may cancel out; a vector of zeros has no direction, and Elasticsearch refuses it.
        vector=tuple(vector) if any(vector) else None,
    )


def _metadata(task: Task, a: str, b: str) -> dict[str, str | int]:
    of_task: dict[str, str | int] = {"category": task.category} if task.category else {}
    return {
        **of_task,
        "question_words": len(_question(task).split()),
        "user_turns": sum(turn.role == "user" for turn in task.messages),
        "answers_words": len(a.split()) + len(b.split()),
    }


def _question(task: Task) -> str:
    """All that the user says."""
    return "\n\n".join(turn.content for turn in task.messages if turn.role == "user")


def _calibration(place: RunDirectory) -> Calibration | None:
    if not place.calibration.exists():
        return None
    from ...curation.calibration import Calibration

    return Calibration.load(place.calibration)


def _certainty(verdict: Verdict | None, judgments: Sequence[Judgment], calibration: Calibration | None) -> float | None:
    if verdict is None or calibration is None:
        return None
    from ...curation.labels import with_confidence

    return with_confidence(verdict, judgments, calibration).confidence


def _verdict_of(comparison: str, task: str, winner: Winner | None, judgments: Sequence[Judgment]) -> Verdict | None:
    """What all that teachers said of a gold pair adds up to: without a certainty, gold pairs would stand out."""
    gaps = [scores[0] - scores[1] for one in judgments if (scores := one.by_answer) is not None]
    if winner is None or not gaps:
        return None
    return Verdict(
        comparison_id=comparison,
        task_id=task,
        protocol="gold",
        judgment_ids=tuple(one.id for one in judgments),
        winner=winner,
        margin=fmean(gaps),
        consistent=len({winner_at(gap) for gap in gaps}) == 1 if len(gaps) > 1 else None,
    )
