"""Length-matched pairs: the longer answer wins no more often than it should, among like pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import Field

from ...schemas.row import digest
from ...schemas.rows import Example
from ..balance.axes import models
from ..balance.lengths import Bin, pooled, ratio_of, stay
from ..nuisances import log_length
from . import ExampleSetFilter, Selection

_Row = tuple[str, Bin, bool]
"""Key, bin, whether the longer answer won."""


class LengthMatched(ExampleSetFilter):
    """Drops pairs until the longer answer wins at `rate`, within each pair of models and range of length ratios.

    Of the pairs that go, which ones is drawn by hash. Ties, answers of equal length and comparisons of more than two
    answers are left alone. Better answers are often longer for good reason: what is dropped are mostly right labels,
    and what is left teaches a judge to tell answers apart by something else.
    """

    rate: float = Field(0.5, gt=0, lt=1)
    """Share of the pairs that the longer answer is to win: a half, or what people were found to prefer."""
    least: float = Field(0.2, ge=0, le=1)
    """Share of a bin's pairs that stay at least; where that is too many, the manifest says how many of the other kind
    there are too few."""
    fewest: int = Field(20, ge=1)
    """Pairs from which on two models have bins of their own; others with like ratios share one."""
    seed: int = 0
    """Draws the pairs."""

    def choose(self, examples: Callable[[], Iterable[Example]]) -> Selection:
        rows = [row for example in examples() if (row := self._row(example)) is not None]
        own = pooled((found for _, found, _ in rows), self.fewest)
        bins: dict[Bin, dict[bool, list[str]]] = {}
        for key, found, longer in rows:
            bins.setdefault(own[found], {True: [], False: []})[longer].append(key)
        dropped: dict[str, str] = {}
        short: list[dict[str, Any]] = []
        wins = {False: 0, True: 0}
        for found, won in sorted(bins.items()):
            counts = len(won[True]), len(won[False])
            kept = dict(zip((True, False), stay(*counts, self.rate, self.least), strict=True))
            like = f"{found.models}, {found.ratios} times as long"
            why = f"the longer answer won {counts[0]:,} of {sum(counts):,}: {like}"
            for kind, keys in won.items():
                keys.sort(key=lambda key: digest("length_matched", self.seed, key))
                dropped |= dict.fromkeys(keys[kept[kind] :], why)
                wins[kind] += kept[kind]
            too_few = self._too_few(kept[True], kept[False])
            if too_few:
                short.append({"models": found.models, "ratios": found.ratios, "longer_won": kept[True],
                              "shorter_won": kept[False], "too_few": too_few})  # fmt: skip
        before = sum(longer for _, _, longer in rows)
        told = {
            "pairs": len(rows),
            "kept": len(rows) - len(dropped),
            "longer_wins": {
                "before": round(before / len(rows), 4) if rows else None,
                "after": round(wins[True] / sum(wins.values()), 4) if any(wins.values()) else None,
                "wanted": self.rate,
            },
            "short": short,
        }
        return Selection(dropped=dropped, told=told)

    def _row(self, example: Example) -> _Row | None:
        if example.verdict is None or example.verdict.winner in (None, "tie") or len(example.answers) != 2:
            return None
        length = log_length(*example.answers)
        if length == 0:
            return None
        longer = (length > 0) == (example.verdict.winner == "first")
        return self.key(example), Bin(models(example), ratio_of(length)), longer

    def _too_few(self, longer: int, shorter: int) -> int:
        """How many more of the scarce kind the bin would have to have."""
        if longer * (1 - self.rate) > shorter * self.rate:
            return round(longer * (1 - self.rate) / self.rate) - shorter
        return round(shorter * self.rate / (1 - self.rate)) - longer
