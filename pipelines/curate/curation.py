"""What a curation did: rows in, rows out, and what each filter dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..waterfall import StageCount, Unaccounted

DROPPED, FLAGGED = "dropped.jsonl", "flagged.jsonl"
"""Files of notes, beside the files that are made."""


@dataclass
class FilterCount:
    """What one filter did. Every row that it saw was kept or dropped."""

    name: str
    acts_on: str
    entered: int = 0
    kept: int = 0
    dropped: int = 0
    flagged: int = 0
    """Rows of those kept that people should look at."""
    unasked: int = 0
    """Rows of those kept that hold nothing it looks at, such as a verdict."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """The figures that a filter of a set gives (`Selection.told`)."""

    def as_plain(self) -> dict[str, Any]:
        """The count as JSON values."""
        return {
            "filter": self.name,
            "acts_on": self.acts_on,
            "in": self.entered,
            "kept": self.kept,
            "dropped": self.dropped,
            "flagged": self.flagged,
            "nothing_to_look_at": self.unasked,
            "told": dict(self.told),
        }


@dataclass
class Curation:
    """Counts of one curation."""

    rows: str
    """What was read: `tasks`, or the name of the format."""
    filters: list[FilterCount]
    count: StageCount = field(default_factory=StageCount)
    """All rows: `dropped` by a filter, or a task that stood there before; `failed`: places that are no row."""
    read: dict[str, int] = field(default_factory=dict)
    """File -> its records, broken ones included."""
    written: dict[str, int] = field(default_factory=dict)
    """File -> records written."""
    not_read: list[str] = field(default_factory=list)
    """Files of the format that decoding it does not look at: they repeat the rows of others, and are not written."""
    notes: dict[str, Path] = field(default_factory=dict)
    """`dropped.jsonl` and `flagged.jsonl` -> where they are, where they hold anything."""

    def check(self) -> None:
        """Raise `Unaccounted` where a sum does not hold."""
        self.count.check(f"curate {self.rows}")
        for one in self.filters:
            if one.entered != one.kept + one.dropped:
                raise Unaccounted(f"{one.name}: {one.entered} in, but {one.kept} kept + {one.dropped} dropped.")

    def as_plain(self) -> dict[str, Any]:
        """The curation as JSON values."""
        return {
            "rows": self.rows,
            **self.count.as_plain(),
            "filters": [one.as_plain() for one in self.filters],
            "read": self.read,
            "written": self.written,
            "not_read": self.not_read,
            **{f"{name.removesuffix('.jsonl')}_rows": str(path) for name, path in self.notes.items()},
        }
