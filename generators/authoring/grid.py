"""The grid of answers that aim at a score, rubric by instruction by score: what is missing, and what to keep.

A judge that is trained on more of one score, or on longer answers for better scores, learns that (Prometheus,
arXiv 2310.08491, section 3.1: as many answers of every score, of like length). Dropping single rows leaves such a
bias, so rows are chosen with the whole grid in view: every score keeps as many as the scarcest one has, whole
instructions first, and longest and shortest answers go where mean lengths differ.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ...schemas.row import digest
from ...schemas.rows import Task

FLAT = 0.02
"""How far the number of rows may differ between scores, as a share of the largest."""
EVEN = 0.10
"""How far the mean length may differ between scores, as a share of the longest."""

Reason = Literal["more_than_other_scores", "uneven_length"]


class Group(NamedTuple):
    """What one answer of every score is wanted for."""

    rubric: str
    instruction: str


class Cell(NamedTuple):
    """A place in the grid."""

    group: Group
    score: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer in the grid; `score` is the one that its judge confirmed."""

    id: str
    group: Group
    score: int
    words: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Which rows stay, and what the grid is like with them."""

    kept: tuple[str, ...]
    """Ids, in the order given."""
    dropped: tuple[tuple[str, Reason], ...]
    """Ids with the reason, in the order given."""
    counts: dict[int, int]
    """Score -> rows kept."""
    lengths: dict[int, float]
    """Score -> mean words of the rows kept; scores without rows are left out."""
    missing: tuple[Cell, ...]
    """Cells without any row, in the order of the groups: what would have to be asked for again."""

    @property
    def tilt(self) -> float:
        """How far the numbers of rows differ, 0..1."""
        return _spread(self.counts.values())

    @property
    def length_gap(self) -> float:
        """How far the mean lengths differ, 0..1."""
        return _spread(self.lengths.values())

    def told(self) -> str:
        """One line on the grid: how many of every score, how even, and what is missing."""
        counts = ", ".join(f"{score}: {count}" for score, count in self.counts.items())
        lacking = Counter(cell.score for cell in self.missing)
        gaps = ", ".join(f"{count} of score {score}" for score, count in sorted(lacking.items())) or "nothing"
        return f"{counts}; tilt {self.tilt:.1%}, length gap {self.length_gap:.1%}; missing: {gaps}"


def group_of(task: Task) -> Group:
    """The place of a task in the grid: as `authored` names it, else its rubric's hash and its own id."""
    rubric, slash, instruction = (task.source_id or "").partition("/")
    if task.source == "authored" and slash:
        return Group(rubric, instruction)
    return Group(digest(task.rubric), task.id)


def missing(entries: Iterable[Entry], groups: Sequence[Group], scores: Sequence[int]) -> tuple[Cell, ...]:
    """The cells that no entry fills, in the order of groups and scores."""
    filled = {Cell(entry.group, entry.score) for entry in entries}
    return tuple(cell for group in groups for score in scores if (cell := Cell(group, score)) not in filled)


def balance(entries: Sequence[Entry], groups: Sequence[Group], scores: Sequence[int]) -> Grid:
    """Choose the rows to keep, so that numbers differ by at most `FLAT` and mean lengths by at most `EVEN`.

    Of a score with too many rows those go first whose instruction lacks most other scores, then those whose length is
    furthest from the mean. Where lengths still differ, one row of every score goes at a time: the longest of a score
    that is longer than the mean of all, the shortest of one that is shorter. Where a score has no rows at all there is
    nothing to balance: all are kept and the grid says so. The result does not depend on the order of the entries.
    """
    by_score: dict[int, list[Entry]] = {score: [] for score in scores}
    for entry in entries:
        by_score[entry.score].append(entry)
    dropped: dict[str, Reason] = {}
    if all(by_score.values()):
        least = min(map(len, by_score.values()))
        if _spread([len(rows) for rows in by_score.values()]) > FLAT:
            by_score = {score: _scarcest(rows, entries, least, dropped) for score, rows in by_score.items()}
        by_score = _evened(by_score, dropped)
    kept = tuple(entry.id for entry in entries if entry.id not in dropped)
    return Grid(
        kept=kept,
        dropped=tuple((entry.id, dropped[entry.id]) for entry in entries if entry.id in dropped),
        counts={score: len(rows) for score, rows in by_score.items()},
        lengths={score: _mean(rows) for score, rows in by_score.items() if rows},
        missing=missing(entries, groups, scores),
    )


def _scarcest(rows: list[Entry], entries: Sequence[Entry], least: int, dropped: dict[str, Reason]) -> list[Entry]:
    """The `least` rows of a score that are worth most."""
    whole = Counter(group for group, _ in {Cell(entry.group, entry.score) for entry in entries})
    mean = sum(entry.words for entry in entries) / len(entries)
    ranked = sorted(rows, key=lambda row: (-whole[row.group], abs(row.words - mean), row.id))
    dropped.update((row.id, "more_than_other_scores") for row in ranked[least:])
    return ranked[:least]


def _evened(by_score: dict[int, list[Entry]], dropped: dict[str, Reason]) -> dict[int, list[Entry]]:
    """The rows without those by which mean lengths differ; as they were, where no choice makes them even."""
    sorted_rows = {score: deque(sorted(rows, key=lambda row: (row.words, row.id))) for score, rows in by_score.items()}
    sums = {score: sum(row.words for row in rows) for score, rows in sorted_rows.items()}
    gone: list[str] = []
    while True:
        means = {score: sums[score] / len(rows) for score, rows in sorted_rows.items()}
        if _spread(means.values()) <= EVEN:
            dropped.update((name, "uneven_length") for name in gone)
            return {score: list(rows) for score, rows in sorted_rows.items()}
        if min(map(len, sorted_rows.values())) == 1:
            return by_score
        middle = sum(means.values()) / len(means)
        # Numbers that differ a little would differ by a larger share when fewer are left: first of all they are equal.
        most, least = max(map(len, sorted_rows.values())), min(map(len, sorted_rows.values()))
        for score, rows in sorted_rows.items():
            if most == least or len(rows) > least:
                row = rows.pop() if means[score] > middle else rows.popleft()
                sums[score] -= row.words
                gone.append(row.id)


def _mean(rows: Sequence[Entry]) -> float:
    return sum(row.words for row in rows) / len(rows)


def _spread(values: Collection[float]) -> float:
    """How far the smallest value is from the largest, as a share of it; 0 where there is none."""
    return 1 - min(values) / max(values) if values and max(values) else 0.0
