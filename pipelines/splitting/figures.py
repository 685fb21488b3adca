"""What the split of an export came to: rows and groups on either side, by format, for the manifest and the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...schemas.formats import Format
from ...schemas.formats._split import group_of, held_out, share_of
from ...schemas.rows import Example
from .groups import Groups

TRAIN, HELD_OUT = "train", "held_out"
NO_CATEGORY = "none"


@dataclass
class Sides:
    """Counts of one format's examples."""

    share: float
    """The format's own setting."""
    rows: dict[str, int] = field(default_factory=lambda: {TRAIN: 0, HELD_OUT: 0})
    categories: dict[str, dict[str, int]] = field(default_factory=dict)
    _groups: dict[str, set[int]] = field(default_factory=lambda: {TRAIN: set(), HELD_OUT: set()})

    @classmethod
    def of(cls, plugin: Format) -> Sides | None:
        """The counts of a format, nothing counted yet; None for one that does not split."""
        share = share_of(plugin)
        return None if share is None else cls(share)

    def add(self, example: Example) -> None:
        """Count an example that was written."""
        side = HELD_OUT if held_out(example, self.share) else TRAIN
        self.rows[side] += 1
        group = example.split.group if example.split else group_of(example.task)
        self._groups[side].add(int(group, 16))
        here = self.categories.setdefault(example.task.category or NO_CATEGORY, {TRAIN: 0, HELD_OUT: 0})
        here[side] += 1

    def told(self) -> dict[str, Any]:
        """The counts as JSON values; `groups.both` are groups with rows on either side."""
        counted = {side: len(groups) for side, groups in self._groups.items()}
        both = len(self._groups[TRAIN] & self._groups[HELD_OUT])
        return {
            "share": self.share,
            "rows": self.rows,
            "groups": {**counted, "both": both},
            "by_category": dict(sorted(self.categories.items())),
        }


def told(groups: Groups | None, sides: Mapping[str, Sides]) -> dict[str, Any]:
    """What the manifest says: of the groups of the run's tasks, and of each format that splits."""
    return {**(groups.told if groups else {}), "formats": {name: one.told() for name, one in sides.items()}}


def absent(split: Mapping[str, Any]) -> Sequence[str]:
    """Models and rubrics that are to be held out, and are none of this run's."""
    names: Sequence[str] = split.get("held_out_and_absent", ())
    return names


def lines(split: Mapping[str, Any]) -> Sequence[str]:
    """The same for a card, a sentence a line; none where no format splits."""
    if not split.get("formats"):
        return ()
    found = []
    if "groups" in split:
        alike = "near duplicates" if split["by"] == "clusters" else "the same question"
        found.append(
            f"{split['tasks']:,} tasks are {split['groups']:,} groups of {alike}, {split['of_several_tasks']:,} of "
            f"them of several tasks, the largest of {split['largest']:,}. A group is on one side."
        )
        if left := split.get("pairs_not_compared"):
            found.append(
                f"Many tasks look as if made from one template: {left:,} pairs of them were not compared, so near "
                f"duplicates of these may be on both sides."
            )
    for name, one in split["formats"].items():
        rows, groups = one["rows"], one["groups"]
        found.append(
            f"`{name}`: {rows[TRAIN]:,} rows of {groups[TRAIN]:,} groups to train on, {rows[HELD_OUT]:,} of "
            f"{groups[HELD_OUT]:,} held out; {groups['both']:,} groups on both sides."
        )
    return found
