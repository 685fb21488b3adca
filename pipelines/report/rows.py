"""The section of the page in which every row can be read: kept, dropped and failed, with all that it rests on.

The list is columns of numbers (`row_index.py`); texts lie in chunks of whole tasks (`row_texts.py`), which the page
decodes when somebody opens a row or searches. Where all texts would make the page too large, long ones lose their
middle, at a length that is chosen for the run; where that is not enough, tasks drawn uniformly by the hash of their id
carry texts, and the others only figures. The page says which, with numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from ...schemas.row import digest
from ...schemas.rows import Task
from ..part_columns import part_columns
from ..rundir import RunDirectory
from .packing import as_json, as_text, packed
from .page import Section
from .row_calls import Calls
from .row_index import Index
from .row_parts import Told, some_told, told
from .row_texts import Flag, Telling

LARGEST = 9_600_000
"""Bytes that all chunks may have together: 12.8 MB of the page, as base64."""
CHUNK = 400_000
"""Bytes of JSON in a chunk, compressed as one: a few milliseconds for a browser."""
CUTS = (None, 32_000, 16_000, 8_000, 4_000, 2_000)
"""Characters of a text that are tried, in this order, before texts of some tasks are left out."""
SAMPLED_PARTS, SAMPLED_TASKS = 5, 200
"""Parts that the size of a page is guessed from, and tasks of each."""
WITHOUT = "its texts are not on this page"

Flags = dict[str, list[Flag]]


@dataclass(frozen=True)
class Sparing:
    """How texts are spared. `most`: characters of a text; `share`: of the tasks whose texts are on the page."""

    most: int | None = None
    share: float = 1.0

    def carries(self, task_id: str) -> bool:
        """Whether the texts of this task are on the page."""
        return self.share >= 1 or int(digest("texts of the report", task_id), 16) < self.share * 2**64


@dataclass
class Packed:
    """The texts of a page, and the index of its rows."""

    sparing: Sparing
    index: Index
    chunks: list[str] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    """Of each chunk, the number of its first task."""
    size: int = 0
    carrying: int = 0
    """Tasks whose texts are on the page."""
    cut: int = 0
    """Texts of those that lost their middle."""


def browser(place: RunDirectory, largest: int = LARGEST) -> Section:
    """The section. Reads a part at a time, the ledger once. `largest`: bytes of compressed texts."""
    calls, flags = Calls(place.ledger), _flags(place)
    found = next(
        one for sparing in _tried(place, calls, largest) if (one := _pack(place, calls, flags, sparing, largest))
    )
    data: dict[str, object] = {f"browse-{number}": chunk for number, chunk in enumerate(found.chunks)}
    data["browse-index"] = {
        **found.index.plain(),
        "run": place.path.resolve().name,
        "chunks": found.first,
        "without": WITHOUT,
        "texts": {"most": found.sparing.most, "carrying": found.carrying, "cut": found.cut},
    }
    scripts = [_file(name) for name in ("row_store.js", "row_view.js", "rows.js")]
    return Section(
        "browse", "Read the rows", _file("rows.html"), data=data, scripts=scripts, styles=[_file("rows.css")]
    )


def _tried(place: RunDirectory, calls: Calls, largest: int) -> Iterator[Sparing]:
    """What may fit, the most generous first, by the size of a sample; it ends with what has no text at all."""
    guess = _Guess.of(place, calls)
    yield from (Sparing(most) for most in CUTS if guess.size(most) < largest)
    bare, least = guess.size(0), guess.size(CUTS[-1])
    share = min(0.95, (0.96 * largest - bare) / max(1.0, least - bare))
    while share > 0.001:
        yield Sparing(CUTS[-1], share)
        share *= 0.9
    yield Sparing(0, 0.0)


@dataclass(frozen=True)
class _Guess:
    sample: Sequence[Told]
    calls: Calls
    times: float
    """Tasks of the run for each one of the sample."""

    @classmethod
    def of(cls, place: RunDirectory, calls: Calls) -> _Guess:
        parts = place.parts()
        numbers = {parts * number // SAMPLED_PARTS for number in range(min(SAMPLED_PARTS, parts))}
        sample = [one for number in sorted(numbers) for one in some_told(place, number, SAMPLED_TASKS)]
        tables = (part_columns(place.part(Task, number), ("id",)) for number in range(parts))
        tasks = sum(len(table) for table in tables if table is not None)
        return cls(sample, calls, tasks / max(1, len(sample)))

    def size(self, most: int | None) -> float:
        """Bytes of the whole run's chunks."""
        telling = Telling(most)
        values = (as_json(telling.task(one, self.calls.of_task(one.id), ())) for one in self.sample)
        return self.times * sum(len(chunk) for chunk, _ in _chunks(values))


def _pack(place: RunDirectory, calls: Calls, flags: Flags, sparing: Sparing, largest: int) -> Packed | None:
    """The page's rows; None where they are too large."""
    whole, bare = Telling(sparing.most), Telling(0)
    index = Index(flags)
    found = Packed(sparing, index)

    def values() -> Iterator[bytes]:
        for one in told(place):
            carries = sparing.carries(one.id)
            found.carrying += carries
            raised = index.add(one, *(() if carries else (WITHOUT,)))
            yield as_json((whole if carries else bare).task(one, calls.of_task(one.id), raised))

    tasks = 0
    for chunk, number in _chunks(values()):
        found.chunks.append(as_text(chunk))
        found.first.append(tasks)
        found.size += len(chunk)
        tasks += number
        if found.size > largest and sparing.share > 0:
            return None
    found.cut = whole.cut
    return found


def _chunks(values: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """JSON lists of the values, compressed, and how many are in each."""
    some: list[bytes] = []
    size = 0
    for value in values:
        some.append(value)
        size += len(value)
        if size > CHUNK:
            yield packed(b"[" + b",".join(some) + b"]"), len(some)
            some, size = [], 0
    if some:
        yield packed(b"[" + b",".join(some) + b"]"), len(some)


def _flags(place: RunDirectory) -> Flags:
    found: Flags = {}
    if place.flagged.exists():
        with place.flagged.open(encoding="utf-8") as lines:
            for line in lines:
                flag: Any = json.loads(line)
                found.setdefault(flag["row_id"], []).append(flag)
    return found


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
