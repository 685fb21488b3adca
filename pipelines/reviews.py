"""People's reviews of a run's comparisons: read from a file that a person made, kept beside the ledger.

They cannot be made again, so `reviews.jsonl` is never cleared, and is replaced whole. One line a review:

    {"comparison_id": "…", "annotator": "ann", "winner": "first", "stratum": "audit", "comment": "…", "seconds": 41.5,
     "ratings": [4, 2], "criteria": {"helpful": "first", "honest": null}}

`winner` is `first`, `second` or `tie` in the comparison's order, or null where the person cannot judge; so is what is
said by each criterion. `ratings` are of both answers, in that order, on the recipe's scale; null for an answer that was
not rated. A person who reviews a comparison again replaces what they said before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import orjson
from pydantic import ValidationError

from ..curation.merging import Merge, Merged, merged
from ..schemas.errors import SourceError, known
from ..schemas.rows import Comparison, Review
from .reviewing.settings import Reviewing
from .rundir import RunDirectory, write_text

PICKED = "picked"
"""Stratum of a review that does not say how its comparison was drawn: it corrects that label, and says nothing about
those of others."""
SAMPLED = (None, "audit")
"""Strata of reviews that say something about other labels: the audit's, and none, of those that came with a source's
pairs; a review that was collected has one."""
STRATA = ("audit", "disagreement", "slices", PICKED)


def collected(directory: RunDirectory) -> dict[str, list[Review]]:
    """Comparison -> the reviews collected for this run, in the order in which they first came."""
    found: dict[str, list[Review]] = {}
    if directory.reviews.exists():
        for review in _read(directory.reviews):
            found.setdefault(review.comparison_id, []).append(review)
    return found


def people(directory: RunDirectory, merge: Merge) -> Merged:
    """What people say of every pair of the run with a review: all who have judged it, those it came with included."""
    found: dict[str, list[Review]] = {}
    for part in range(directory.parts()):
        for review in directory.rows(Review, part):
            found.setdefault(review.comparison_id, []).append(review)
    for comparison, some in collected(directory).items():
        found.setdefault(comparison, []).extend(some)
    return merged(found, merge)


def collect(directory: RunDirectory, path: Path, settings: Reviewing) -> int:
    """Add the reviews in a file to those of the run; how many of them are new or changed.

    Raises `SourceError` naming file, line and key where a line is no review, is of another run's comparison, or says
    what `settings` do not ask for, and then adds none.
    """
    tasks = {
        comparison.id: comparison.task_id
        for part in range(directory.parts())
        for comparison in directory.rows(Comparison, part)
    }
    before = {_key(review): review for some in collected(directory).values() for review in some}
    after = dict(before)
    for review in _read(path, tasks, settings):
        after[_key(review)] = review
    changed = sum(before.get(key) != review for key, review in after.items())
    if changed:
        write_text(directory.reviews, "".join(_lines(after.values())))
    return changed


def _key(review: Review) -> tuple[str, str]:
    return review.comparison_id, review.annotator


def _lines(reviews: Iterable[Review]) -> Iterator[str]:
    for review in reviews:
        yield orjson.dumps(review.record()).decode() + "\n"


def _read(path: Path, tasks: Mapping[str, str] | None = None, settings: Reviewing | None = None) -> Iterator[Review]:
    """The reviews in a file; `tasks`: comparison -> its task, of the run that they have to be of; `settings`: what was
    asked of people; without these: they were checked."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise SourceError(f"{path}: no reviews can be read ({error.strerror}).") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            where = f"{path}:{number}"
            review = _review(where, line, tasks)
            if settings and (wrong := settings.unasked(review.ratings, review.criteria or ())):
                raise SourceError(f"{where}: {wrong}")
            yield review


def _review(where: str, line: bytes, tasks: Mapping[str, str] | None) -> Review:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{where}: not JSON ({error}).") from None
    if not isinstance(record, dict):
        raise SourceError(f"{where}: a review is a JSON object (got {type(record).__name__}).")
    if tasks is not None:
        comparison = record.get("comparison_id")
        if not isinstance(comparison, str) or comparison not in tasks:
            raise SourceError(
                f"{where}: comparison_id: no comparison of this run (got {comparison!r}). Ids stand in its "
                "3-comparisons; `prefmill review push` hands out pairs with theirs."
            )
        stratum = PICKED if record.get("stratum") is None else record["stratum"]
        if stratum not in STRATA:
            raise SourceError(f"{where}: stratum: {stratum!r} is none. {known(str(stratum), STRATA)}")
        record = {**record, "stratum": stratum, "task_id": tasks[comparison]}
        if "winner" not in record:
            raise SourceError(f"{where}: winner: missing. Known: first, second, tie, or null for cannot judge.")
    try:
        return Review.parse(record)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SourceError(f"{where}: {key}: {first['msg']} (got {first['input']!r}).") from None
    except ValueError as error:
        raise SourceError(f"{where}: {error}") from None
