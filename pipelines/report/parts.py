"""What is counted in a run's parts: one pass, a part at a time, only the columns that are counted.

Rows are not made of the columns: twenty thousand examples take a second that way, and minutes the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.row import Row
from ...schemas.rows import Comparison, Grade, Judgment, Loss, Verdict
from ..part_columns import part_columns
from ..rundir import FOLDERS, LABELS, RunDirectory
from .histogram import Histogram
from .win_rates import WinRates

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
NO_SCORE = "no reply of it could be read"
NO_GAP = "no pair was judged"
NO_LABEL = "there are no verdicts with a margin"


def counted(place: RunDirectory) -> dict[str, Any]:
    """`losses`, `scores`, `margins`, `labels_told` and `win_rates`, as `figures.py` describes them."""
    counts = _Counts()
    for number in range(place.parts()):
        for kind in (Judgment, Grade):
            counts.teachers(part_columns(place.part(kind, number), _TEACHERS[kind]))
        compared = part_columns(place.part(Comparison, number), ("id", "models"))
        labels = place.path / LABELS / place.part(Verdict, number).name
        path = labels if labels.exists() else place.part(Verdict, number)
        counts.labels(part_columns(path, _VERDICT), compared)
    for path in sorted((place.path / FOLDERS[Loss]).glob("*.parquet")):
        counts.lost(part_columns(path, ("stage", "status", "by", "reason", "row_id")))
    return counts.plain()


_TEACHERS: dict[type[Row], Sequence[str]] = {
    Judgment: ("teacher", "scores"),
    Grade: ("teacher", "score"),
}
_VERDICT = (
    "id", "comparison_id", "task_id", "winner", "margin", "scores", "debiased", "confidence", "consistent",
)  # fmt: skip


class _Counts:
    def __init__(self) -> None:
        self._scores: dict[str, Histogram] = {}
        self._gaps: dict[str, Histogram] = {}
        self._margins, self._confidence = Histogram(), Histogram(probabilities=True)
        self._winners: Counter[str] = Counter()
        self._losses: Counter[tuple[str, str, str, str]] = Counter()
        self._gone: set[str] = set()
        self._judged: list[str] = []
        self._rates = WinRates()

    def teachers(self, table: pa.Table | None) -> None:
        """Scores of one part: of judgments, or of grades."""
        if table is None or not len(table):
            return
        names = table["teacher"].to_numpy(zero_copy_only=False)
        for name in dict.fromkeys(names.tolist()):
            self._scores.setdefault(name, Histogram())
        if "score" in table.column_names:
            values = table["score"].to_numpy(zero_copy_only=False).astype(np.float64)
            for name, scores in self._scores.items():
                scores.add(values[names == name])
            return
        for name in dict.fromkeys(names.tolist()):
            self._gaps.setdefault(name, Histogram())
        for rows, values in _by_answers(table):
            gaps = values[:, 0] - values[:, 1] if values.shape[1] == 2 else None
            for name in dict.fromkeys(names[rows].tolist()):
                mine = names[rows] == name
                self._scores[name].add(values[mine].ravel())
                if gaps is not None:
                    self._gaps[name].add(gaps[mine])

    def labels(self, table: pa.Table | None, compared: pa.Table | None) -> None:
        """Labels of one part, and the comparisons that they are of."""
        if table is None or compared is None or not len(table):
            return
        margin, debiased, confidence = (_numbers(table, name) for name in ("margin", "debiased", "confidence"))
        self._margins.add(np.where(np.isnan(debiased), margin, debiased))
        self._confidence.add(confidence)
        models = dict(zip(compared["id"].to_pylist(), compared["models"].to_pylist(), strict=True))
        rows = zip(
            *(table[name].to_pylist() for name in ("id", "comparison_id", "task_id", "winner", "scores")), strict=True
        )
        for verdict, comparison, task, winner, scores in rows:
            if winner is None and not scores:
                continue
            self._judged.append(verdict)
            if winner is not None:
                self._winners[winner] += 1
            self._rates.add(models[comparison], winner, scores, task)

    def lost(self, table: pa.Table | None) -> None:
        """Losses of one file."""
        if table is None:
            return
        names = ("stage", "status", "by", "reason", "row_id")
        for stage, status, by, reason, row_id in zip(*(table[name].to_pylist() for name in names), strict=True):
            self._losses[stage, status, by, reason] += 1
            if stage == "verdicts":
                self._gone.add(row_id)

    def plain(self) -> dict[str, Any]:
        """What was counted, as JSON values."""
        return {
            "losses": [
                {"stage": stage, "status": status, "by": by, "reason": reason, "rows": rows}
                for (stage, status, by, reason), rows in sorted(self._losses.items(), key=lambda one: (-one[1], one[0]))
            ],
            "scores": {name: found.plain(NO_SCORE) for name, found in sorted(self._scores.items())},
            "margins": {name: found.plain(NO_GAP) for name, found in sorted(self._gaps.items())},
            "labels_told": self._labels(),
            "win_rates": self._rates.plain(),
        }

    def _labels(self) -> dict[str, Any]:
        if not self._judged:
            return {"undefined": NO_LABEL}
        confidence = "no calibration says how sure a label is"
        return {
            "kept": sum(verdict not in self._gone for verdict in self._judged),
            "winners": {winner: self._winners[winner] for winner in ("first", "second", "tie")},
            **self._margins.plain(NO_LABEL),
            "n": len(self._judged),
            "confidence": self._confidence.plain(confidence),
        }


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A column with nan where there is no number; all nan where an older run has no such column."""
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    numbers: NDArray[np.float64] = table[name].to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers


def _by_answers(table: pa.Table) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Readable judgments with equally many answers: their rows, and scores as shown, shape (n, answers)."""
    import pyarrow.compute as pc

    told = np.flatnonzero(pc.is_valid(table["scores"]).to_numpy(zero_copy_only=False))
    some = table.take(told)
    sizes = pc.list_value_length(some["scores"]).to_numpy(zero_copy_only=False)
    for size in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == size)
        values = pc.list_flatten(some.take(rows)["scores"]).to_numpy(zero_copy_only=False)
        yield told[rows], values.reshape(len(rows), size)
