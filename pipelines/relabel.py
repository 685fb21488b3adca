"""After people have reviewed a finished run: labels, filters, exports anew, and what that changed. Makes no call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from ..schemas.errors import UserError
from ..schemas.labels import PEOPLE
from ..schemas.rows import Loss, Winner
from .export import export
from .labelling import STAGE, label
from .recipe_reading import read_recipe
from .reviewing.settings import Reviewing
from .reviews import collect
from .rundir import RunDirectory, write_text
from .selecting import forget, select
from .waterfall import Waterfall

DIFF = "relabelled.jsonl"
"""What the latest reviews that changed anything have changed."""
BEFORE = "relabelled.before.json"
"""What was published before a relabelling that is under way."""
UNDER_WAY = "relabelling"
"""The manifest's key while labels are made anew: what lies there is half old and half new."""


@dataclass(frozen=True, slots=True)
class Label:
    """What is published of a comparison."""

    winner: Winner | None
    """None for a verdict on more than two answers, and where there is none."""
    by: str
    """`teachers` or `people`."""
    dropped: str | None
    """Reason why it is not published; None where it is."""


@dataclass(frozen=True, slots=True)
class Relabelled:
    """What people's reviews changed."""

    reviews: int
    """Reviews that are new, or differ from what the same person said before."""
    changes: dict[str, int]
    """What became of labels -> how many: `winner`, `now kept`, `now dropped`, and `now by people` for those that people
    confirm."""
    manifest: dict[str, Any]
    """The run's, as it is now."""


def relabel(directory: Path, reviews: Path | None) -> Relabelled:
    """Add a file of reviews to a finished run and make labels, filters and exports anew; every change is a line of
    `relabelled.jsonl`.

    The same reviews once more change nothing. Raises `SourceError` for a file that holds no reviews of this run, and
    `UserError` where the run is not finished or compares nothing.
    """
    place = RunDirectory(directory)
    recipe = read_recipe(place.recipe(), environment=False)
    with place.claimed(None):
        manifest = place.manifest()
        if not manifest["finished"] and UNDER_WAY not in manifest:
            raise UserError(f"{directory}: this run is not finished. `prefmill run` on its recipe goes on with it.")
        if recipe.judge.protocol is None:
            raise UserError(f"{directory}: teachers graded single answers here; people's reviews are of comparisons.")
        added = collect(place, reviews, recipe.review or Reviewing()) if reviews else 0
        # What was published before has to outlast a kill in the middle: half of the labels may be new then.
        snapshot = directory / BEFORE
        if not snapshot.exists():
            before = {comparison: asdict(was) for comparison, was in _labels(place).items()}
            write_text(snapshot, orjson.dumps(before).decode())
        published = {key: Label(**was) for key, was in orjson.loads(snapshot.read_bytes()).items()}
        place.write_manifest(manifest | {"finished": False, UNDER_WAY: True})
        for key in ("agreement", "calibration", "labels", "review", UNDER_WAY):
            manifest.pop(key, None)
        fall = Waterfall.of_plain(manifest["stages"])
        forget(place, recipe.filters, fall)
        label(place, recipe, fall, manifest)
        select(place, recipe.filters, fall, manifest)
        fall.check()
        manifest["stages"] = fall.as_plain()
        place.write_manifest(manifest | {"finished": False, UNDER_WAY: True})
        manifest["stages"] |= export(place, recipe.exports, manifest).as_plain()
        changes: Counter[str] = Counter()
        lines = "".join(_changed(published, _labels(place), changes))
        if lines or not (directory / DIFF).exists():
            write_text(directory / DIFF, lines)
        manifest["finished"] = True
        place.write_manifest(manifest)
        snapshot.unlink()
    return Relabelled(added, dict(sorted(changes.items())), manifest)


def _labels(place: RunDirectory) -> dict[str, Label]:
    """Comparison -> what is published of it now."""
    found = {}
    late = {loss.row_id: loss for loss in place.late_losses() if loss.stage == STAGE}
    for part in range(place.parts()):
        losses = {loss.row_id: loss for loss in place.rows(Loss, part) if loss.stage == STAGE} | late
        for verdict in place.labels(part):
            by = "people" if PEOPLE in verdict.flags else "teachers"
            loss = losses.get(verdict.id)
            found[verdict.comparison_id] = Label(verdict.winner, by, loss.reason if loss else None)
    return found


def _changed(before: dict[str, Label], after: dict[str, Label], changes: Counter[str]) -> Iterator[str]:
    """A line for each comparison whose label is another one now; counts what changed."""
    for comparison, now in after.items():
        was = before[comparison]
        if was == now:
            continue
        if was.winner != now.winner:
            changes["winner"] += 1
        elif was.by != now.by:
            changes[f"now by {now.by}"] += 1
        if (was.dropped is None) != (now.dropped is None):
            changes["now kept" if now.dropped is None else "now dropped"] += 1
        line = {"comparison_id": comparison, "before": asdict(was), "after": asdict(now)}
        yield orjson.dumps(line).decode() + "\n"
