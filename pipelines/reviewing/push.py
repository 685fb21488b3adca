"""`prefmill review push`: hand the pairs of the plan to annotators, through the desk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...curation.desks import Batch
from ...schemas.errors import UserError
from ...schemas.row import digest
from ..rundir import RunDirectory
from .desk import desk_of, named, remember
from .plan import reviewable, seed_of
from .shown import pairs, records
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
    refused: dict[str, str]
    """Record -> why the desk cannot show it."""

    def as_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"where": list(self.where), "records": self.records, "missing": self.missing, "refused": self.refused}


def push(
    directory: Path,
    annotators: Sequence[str] = (),
    out: Path | None = None,
    tell: Callable[[int], None] = lambda records: None,
    *,
    url: str | None = None,
    workspace: str | None = None,
) -> Pushed:
    """Hand out what the plan wants and nobody has, evenly over `annotators`, and put all their records before them.

    What was handed out stays with whom it was handed to. Without names, those who have records get them again. `out`:
    where a desk that works with files writes. `tell` hears how many records more are done. `url`, `workspace`: of an
    Argilla server that is used instead of the recipe's desk, from now on. Raises `UserError`.
    """
    place = RunDirectory(directory)
    recipe, settings = reviewable(place)
    store = ReviewStore(place)
    rows, seed = store.require_plan(), seed_of(recipe, settings)
    for name in annotators:
        if not _NAME.fullmatch(name):
            raise UserError(f"--annotator: letters, digits, `.`, `_` and `-`, at most 64 (got {name!r}).")
    with place.claimed(recipe, begins=False):
        desk = desk_of(store, settings)
        if url is not None or workspace is not None:
            desk = named(store, settings, url, workspace)
        planned = {row.comparison_id for row in rows}
        before = [row for row in store.handed() if row.comparison_id in planned]
        names = list(dict.fromkeys(annotators or [row.annotator for row in before] or [ANNOTATOR]))
        handed = handed_out(rows, before, names, seed)
        store.write_handed(handed)
        of_pair: dict[str, list[Handed]] = {}
        for row in handed:
            of_pair.setdefault(row.comparison_id, []).append(row)
        due = [one for name in mixed(rows, seed) for one in of_pair.get(name, ()) if one.annotator in names]
        if not due:
            raise UserError(f"{store.plan}: {', '.join(names)}: nothing is left to hand out; everybody has all of it.")
        shown = records(due, pairs(place, planned), settings.blind)
        batch = Batch(run=recipe.name, guidelines=settings.guidelines, asked=settings.asked, records=tuple(shown))

        def done(count: int) -> None:
            if desk != desk_of(store, settings):
                remember(store, desk)  # As soon as a record is there: a push that is interrupted goes on where it was.
            tell(count)

        offered = desk.offer(batch, out or store.folder / "desk", done)
    has = Counter(row.annotator for row in handed)
    missing = sum(max(0, row.annotators - len(of_pair.get(row.comparison_id, ()))) for row in rows)
    return Pushed(offered.where, {name: has[name] for name in names}, missing, dict(offered.refused))


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
