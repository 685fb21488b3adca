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
FIRST_MARGIN, LEAST_STEP, MOST_STEP = 1.02, 1.03, 1.3
"""By how much less is first tried than what was guessed to fit, and each time that it does not."""
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
    tasks: int = 0
    whole: bool = True
    """Whether it has all of the run's rows; not where they were too large."""
    carrying: int = 0
    """Tasks whose texts are on the page."""
    cut: int = 0
    """Texts of those that lost their middle."""


def browser(place: RunDirectory, largest: int = LARGEST) -> Section:
    """The section. Reads a part at a time, the ledger once. `largest`: bytes of compressed texts."""
    calls, flags = Calls(place.ledger), _flags(place)
    guess, scale = _Guess.of(place, calls), FIRST_MARGIN
    while not (found := _pack(place, calls, flags, sparing := guess.sparing(largest / scale), largest)).whole:
        # What was written when it was full says how far the guess was off; a run's first tasks may be its largest.
        off = largest / (guess.of_all(sparing) * found.tasks / guess.tasks)
        scale *= min(max(off / scale, LEAST_STEP), MOST_STEP)
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


@dataclass(frozen=True)
class _Guess:
    """How large a page will be, by the size of a sample."""

    sample: Sequence[Told]
    calls: Calls
    tasks: int
    """All of the run."""
    _sizes: dict[int | None, float] = field(default_factory=dict)

    @classmethod
    def of(cls, place: RunDirectory, calls: Calls) -> _Guess:
        parts = place.parts()
        numbers = {parts * number // SAMPLED_PARTS for number in range(min(SAMPLED_PARTS, parts))}
        sample = [one for number in sorted(numbers) for one in some_told(place, number, SAMPLED_TASKS)]
        tables = (part_columns(place.part(Task, number), ("id",)) for number in range(parts))
        tasks = sum(len(table) for table in tables if table is not None)
        return cls(sample, calls, tasks)

    def sparing(self, room: float) -> Sparing:
        """The most generous one whose chunks have no more than `room` bytes; one without any text, if need be."""
        for most in CUTS:
            if self._size(most) < room:
                return Sparing(most)
        bare = self._size(0)
        share = min(0.95, (room - bare) / max(1.0, self._size(CUTS[-1]) - bare))
        return Sparing(CUTS[-1], share) if share > 0.001 else Sparing(0, 0.0)

    def of_all(self, sparing: Sparing) -> float:
        """Bytes of the whole run's chunks, at least 1."""
        bare = self._size(0)
        return max(1.0, bare + sparing.share * (self._size(sparing.most) - bare))

    def _size(self, most: int | None) -> float:
        if most not in self._sizes:
            telling = Telling(most)
            values = (as_json(telling.task(one, self.calls.of_task(one.id), ())) for one in self.sample)
            size = sum(len(chunk) for chunk, _ in _chunks(values))
            self._sizes[most] = size * self.tasks / max(1, len(self.sample))
        return self._sizes[most]


def _pack(place: RunDirectory, calls: Calls, flags: Flags, sparing: Sparing, largest: int) -> Packed:
    """The page's rows, as far as there is room for them."""
    whole, bare = Telling(sparing.most), Telling(0)
    index = Index(flags)
    found = Packed(sparing, index)

    def values() -> Iterator[bytes]:
        for one in told(place):
            carries = sparing.carries(one.id)
            found.carrying += carries
            raised = index.add(one, *(() if carries else (WITHOUT,)))
            yield as_json((whole if carries else bare).task(one, calls.of_task(one.id), raised))

    for chunk, number in _chunks(values()):
        found.chunks.append(as_text(chunk))
        found.first.append(found.tasks)
        found.size += len(chunk)
        found.tasks += number
        if found.size > largest and sparing.share > 0:
            found.whole = False
            break
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
