"""`prefmill review push`: hand the pairs of the plan to annotators, through the desk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...curation.desks import Batch, Choice, Record
from ...schemas.errors import UserError
from ...schemas.row import digest
from ...schemas.rows import Answer, Task, Winner
from ..examples import judged
from ..rundir import RunDirectory
from .plan import reviewable, seed_of
from .population import by_judgments, gold
from .store import Handed, Planned, ReviewStore

ANNOTATOR = "annotator"
"""Who reviews where nobody is named."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What an annotator may be called: files are."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was handed out."""

    where: tuple[str, ...]
    """Where annotators find it, as the desk says."""
    records: dict[str, int]
    """Annotator -> how many records they have."""
    missing: int
    """Reviews that the plan wants and nobody has yet: for those that another annotator is to say something about."""

    def as_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"where": list(self.where), "records": self.records, "missing": self.missing}


@dataclass(frozen=True, slots=True)
class _Pair:
    """What there is to see of a pair."""

    task: Task
    answers: tuple[Answer, ...]
    teachers: Winner | None


def push(directory: Path, annotators: Sequence[str] = (), out: Path | None = None) -> Pushed:
    """Hand out what the plan wants and nobody has, evenly over `annotators`, and put all their records before them.

    What was handed out stays with whom it was handed to. Without names, those who have records get them again. `out`:
    where a desk that works with files writes. Raises `UserError`.
    """
    place = RunDirectory(directory)
    recipe, settings = reviewable(place)
    store = ReviewStore(place)
    rows, seed = store.require_plan(), seed_of(recipe, settings)
    for name in annotators:
        if not _NAME.fullmatch(name):
            raise UserError(f"--annotator: letters, digits, `.`, `_` and `-`, at most 64 (got {name!r}).")
    with place.claimed(recipe, begins=False):
        planned = {row.comparison_id for row in rows}
        before = [row for row in store.handed() if row.comparison_id in planned]
        names = list(dict.fromkeys(annotators or [row.annotator for row in before] or [ANNOTATOR]))
        handed = handed_out(rows, before, names, seed)
        store.write_handed(handed)
        pairs = _pairs(place, planned)
        of_pair: dict[str, list[Handed]] = {}
        for row in handed:
            of_pair.setdefault(row.comparison_id, []).append(row)
        records = [
            _record(one, pairs[one.comparison_id], settings.blind)
            for comparison in mixed(rows, seed)
            for one in of_pair.get(comparison, ())
            if one.annotator in names
        ]
        if not records:
            raise UserError(f"{store.plan}: {', '.join(names)}: nothing is left to hand out; everybody has all of it.")
        batch = Batch(run=recipe.name, guidelines=settings.guidelines, records=tuple(records))
        where = settings.desk.offer(batch, out or store.folder / "desk")
    has = Counter(row.annotator for row in handed)
    missing = sum(max(0, row.annotators - len(of_pair.get(row.comparison_id, ()))) for row in rows)
    return Pushed(where, {name: has[name] for name in names}, missing)


def handed_out(rows: Sequence[Planned], before: Sequence[Handed], names: Sequence[str], seed: int) -> list[Handed]:
    """Who gets which pair: `before`, and for what is still wanted whoever of `names` has least."""
    found = list(before)
    load = Counter(row.annotator for row in before)
    has: dict[str, set[str]] = {}
    for one in before:
        has.setdefault(one.comparison_id, set()).add(one.annotator)
    for row in rows:
        those = has.setdefault(row.comparison_id, set())
        for _ in range(row.annotators - len(those)):
            free = [name for name in names if name not in those]
            if not free:
                break
            name = min(free, key=lambda name: (load[name], digest("review who", seed, row.comparison_id, name)))
            those.add(name)
            load[name] += 1
            found.append(_handed(row.comparison_id, name, seed))
    return found


def mixed(rows: Sequence[Planned], seed: int) -> list[str]:
    """The comparisons in the order in which they are gone through: strata mixed, the audit's in the order drawn."""
    order = sorted(rows, key=lambda row: digest("review place", seed, row.comparison_id))
    audit = iter([row for row in rows if row.stratum == "audit"])
    return [(next(audit) if row.stratum == "audit" else row).comparison_id for row in order]


def _handed(comparison: str, annotator: str, seed: int) -> Handed:
    drawn = int(digest("review order", seed, comparison, annotator, size=1), 16) % 2
    shown = (0, 1) if drawn == 0 else (1, 0)
    record = digest("review record", comparison, annotator, shown)
    return Handed(record_id=record, comparison_id=comparison, annotator=annotator, shown=shown)


def _pairs(place: RunDirectory, wanted: Iterable[str]) -> Mapping[str, _Pair]:
    """What there is to see of the wanted comparisons."""
    left = set(wanted)
    found = {name: pair for name, pair in _of_run(place) if name in left}
    tasks = {task.id: task for part in range(place.parts()) for task in place.rows(Task, part) if left - found.keys()}
    for probe, _ in gold(place):
        if probe.comparison.id in left:
            found[probe.comparison.id] = _Pair(tasks[probe.task_id], probe.answers, by_judgments(probe.judgments))
    if gone := left - found.keys():
        raise UserError(
            f"{place.path}: {len(gone):,} pairs of the plan are none of this run any more ({min(gone)}, …)."
            f" `prefmill review plan {place.path} --again` draws another plan."
        )
    return found


def _of_run(place: RunDirectory) -> Iterator[tuple[str, _Pair]]:
    for part in judged(place):
        for example in part:
            if example.comparison is not None and example.verdict is not None:
                yield example.comparison.id, _Pair(example.task, example.answers, example.verdict.winner)


def _record(handed: Handed, pair: _Pair, blind: bool) -> Record:
    a, b = (pair.answers[index].text or "" for index in handed.shown)
    return Record(
        record_id=handed.record_id,
        annotator=handed.annotator,
        messages=pair.task.messages,
        a=a,
        b=b,
        rubric=pair.task.rubric,
        reference=pair.task.reference.text if pair.task.reference else None,
        teacher=None if blind or pair.teachers is None else as_shown(pair.teachers, handed.shown),
    )


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
