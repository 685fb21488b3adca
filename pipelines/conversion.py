"""What a conversion did: rows in, rows out, and everything that is lost between."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .waterfall import StageCount


@dataclass
class Conversion:
    """Counts of one conversion; every row that came in is kept, refused or failed."""

    source: str
    """Name of the format that was read."""
    target: str
    """Name of the format that was written."""
    recoded: bool
    """Whether records were only written another way: both formats are the same."""
    read: dict[str, int] = field(default_factory=dict)
    """File -> places read, broken ones included."""
    written: dict[str, int] = field(default_factory=dict)
    """File -> records written."""
    count: StageCount = field(default_factory=StageCount)
    """Examples (records, where recoded): `dropped` are those that the target refuses, by the reason of `CannotCarry`;
    `failed` are places in the source without an example."""
    left_out: Counter[str] = field(default_factory=Counter)
    """What the target does not carry (`contents.Content`) -> examples written that had it."""
    other_columns: Counter[str] = field(default_factory=Counter)
    """Column that the source format does not know -> records that had it. A format may read such columns of a
    published layout; it does not write them."""
    absent: Counter[str] = field(default_factory=Counter)
    """Column -> records, where recoded, that have nothing in it."""
    failed: Path | None = None
    """Where the places without an example are written, with what is wrong; None where there are none."""

    @property
    def losses(self) -> dict[str, Counter[str]]:
        """Everything that is lost, by kind; kinds without a loss are left out."""
        kinds = {
            "refused": self.count.dropped,
            "malformed": self.count.failed,
            "left out": self.left_out,
            "other columns": self.other_columns,
        }
        return {kind: rows for kind, rows in kinds.items() if rows}

    def as_plain(self) -> dict[str, Any]:
        """The conversion as JSON values."""
        counted = self.count.as_plain()
        return {
            "from": self.source,
            "to": self.target,
            "recoded": self.recoded,
            "read": self.read,
            "written": self.written,
            "in": counted["in"],
            "out": counted["kept"],
            "refused": counted["dropped"],
            "malformed": counted["failed"],
            "left_out": _largest_first(self.left_out),
            "other_columns": _largest_first(self.other_columns),
            "absent": _largest_first(self.absent),
            "failed_rows": None if self.failed is None else str(self.failed),
        }


def _largest_first(rows: Counter[str]) -> dict[str, int]:
    return dict(sorted(rows.items(), key=lambda item: (-item[1], item[0])))
