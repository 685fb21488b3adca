"""`prefmill review pull`: what annotators decided becomes reviews of the run, and the run is labelled anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from ...curation.desks import Said
from ...schemas.errors import SourceError
from ..relabel import Relabelled, relabel
from ..rundir import RunDirectory, write_text
from .desk import desk_of
from .plan import reviewable
from .settings import Reviewing
from .shown import as_compared
from .store import GoldSaid, Handed, Planned, ReviewStore


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came back."""

    heard: dict[str, int]
    """Annotator -> decisions in what was read."""
    left_out: dict[str, int]
    """Why a line was not taken -> how many: `not handed out`, `unknown annotator`, `another annotator's record`,
    `decided again later`; and where a desk lost records, which -> how many."""
    gold: int
    """What was said of gold pairs that is new or changed."""
    relabelled: Relabelled

    def as_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def pull(directory: Path, files: Sequence[Path] = ()) -> Pulled:
    """Take in what annotators decided; then all that `relabel` does.

    The same once more changes nothing; what somebody decides anew replaces what they said. Raises `SourceError` for a
    line that is no label or says what was not asked for, and where not one line is of this run's plan; then nothing is
    taken.
    """
    place = RunDirectory(directory)
    recipe, settings = reviewable(place)
    store = ReviewStore(place)
    planned = {row.comparison_id: row for row in store.require_plan()}
    handed = [row for row in store.handed() if row.comparison_id in planned]
    desk = desk_of(store, settings)
    said, left_out = _matched(desk.collect(recipe.name, files), handed, settings)
    if not said and left_out:
        why = ", ".join(f"{reason} {lines:,}" for reason, lines in left_out.items())
        raise SourceError(f"{', '.join(map(str, files)) or recipe.name}: no label of this run's plan ({why}).")
    has = Counter(row.annotator for row in handed)
    left_out |= {f"{why}, records": has[who] for who, why in desk.gone(recipe.name, sorted(has)).items()}
    reviews = [_review(row, one, planned[row.comparison_id]) for row, one in said]
    with place.claimed(recipe, begins=False):
        added = _take_gold(store, said, planned)
        text = "".join(orjson.dumps(review).decode() + "\n" for review in reviews if review["stratum"] != "gold")
        write_text(store.pulled, text)
    done = relabel(directory, store.pulled if text else None)
    heard = Counter(row.annotator for row, _ in said)
    return Pulled(dict(sorted(heard.items())), left_out, added, done)


def _matched(
    lines: Iterable[tuple[str, Said]], handed: Sequence[Handed], settings: Reviewing
) -> tuple[list[tuple[Handed, Said]], dict[str, int]]:
    """Decisions with what they are about, the last one of each; and why others are left out."""
    by_id = {row.record_id: row for row in handed}
    names = {row.annotator for row in handed}
    found: dict[str, Said] = {}
    left_out: Counter[str] = Counter()
    for where, said in lines:
        row = by_id.get(said.record_id)
        if said.annotator not in names:
            left_out["unknown annotator"] += 1
        elif row is None:
            left_out["not handed out"] += 1
        elif row.annotator != said.annotator:
            left_out["another annotator's record"] += 1
        elif wrong := settings.unasked(said.ratings, said.criteria):
            raise SourceError(f"{where}: {wrong}")
        else:
            before = found.get(said.record_id)
            if before is None or (said.at or 0.0) >= (before.at or 0.0):
                found[said.record_id] = said
            left_out["decided again later"] += before is not None and before != said
    return [(by_id[name], said) for name, said in found.items()], dict(sorted((+left_out).items()))


def _review(row: Handed, said: Said, planned: Planned) -> dict[str, Any]:
    """A decision as `relabel` reads it."""
    return {
        "comparison_id": row.comparison_id,
        "annotator": row.annotator,
        "winner": as_compared(said.choice, row.shown),
        "ratings": None if said.ratings is None else [said.ratings[row.shown.index(answer)] for answer in (0, 1)],
        "criteria": {name: as_compared(choice, row.shown) for name, choice in sorted(said.criteria.items())},
        "stratum": planned.stratum,
        "comment": said.comment,
        "seconds": said.seconds,
    }


def _take_gold(store: ReviewStore, said: Sequence[tuple[Handed, Said]], planned: Mapping[str, Planned]) -> int:
    """Keep what was said of gold pairs; how much of it is new or changed."""
    before = {(one.comparison_id, one.annotator): one for one in store.gold()}
    after = dict(before)
    for row, one in said:
        if (right := planned[row.comparison_id].right) is not None:
            after[row.comparison_id, row.annotator] = GoldSaid(
                comparison_id=row.comparison_id,
                annotator=row.annotator,
                right=right,
                winner=as_compared(one.choice, row.shown),
                seconds=one.seconds,
                comment=one.comment,
            )
    changed = sum(before.get(key) != one for key, one in after.items())
    if changed:
        store.write_gold(after.values())
    return changed
