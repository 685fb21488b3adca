"""Probe pairs of a run: the recipe's `probes:` block, which pairs are drawn, and how copies are altered.

They measure what sways a teacher without people and without a truth (`curation/bias.py`), and the first ones tell at
once when a teacher, or the reader of its replies, does not work at all (`curation/canary.py`). That a teacher looks at
nothing but the place takes longer: some 44 pairs in both orders.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ...schemas.frozen import Frozen
from ...schemas.probe import PROBE_KINDS, ProbeKind


class Probes(Frozen):
    """How many probe pairs a run has, of which kinds, and when a teacher is out of its band.

    A limit counts as broken where chance alone does not explain it, so a few bad replies stop nothing.
    """

    share: float = Field(0.08, ge=0, le=1)
    """Share of the tasks with a comparison that get a probe pair. Every teacher is asked about it; some 100 pairs in
    both orders, and 100 of unequal length, are the least that anything is estimated from."""
    first: int = Field(70, ge=0)
    """So many lines of the source get one whatever `share` says, all kinds in turn, so that a teacher that does not
    work is found before money is spent."""
    kinds: tuple[ProbeKind, ...] = PROBE_KINDS
    """Which kinds are drawn; `padded` three times as often as the others, since the length slope rests on it."""
    unreadable: float = Field(0.3, ge=0, le=1)
    """Greatest share of probe judgments of a teacher that cannot be read; a dead reader is found after 5."""
    fooled: float = Field(0.3, ge=0, le=1)
    """Greatest share of `refusal` probes in which a teacher prefers the refusal."""
    one_sided: float = Field(0.8, ge=0, le=1)
    """Greatest share of `swapped` probes in which a teacher prefers whichever answer stands first, or whichever stands
    last. The weakest judge of arXiv 2306.05685, table 2, does so in 75 %; one that always does is found after 44."""

    @model_validator(mode="after")
    def _each_kind_once(self) -> Self:
        if not self.kinds:
            raise ValueError("`kinds` is empty: name one at least, or leave `probes` out")
        for kind in self.kinds:
            if self.kinds.count(kind) > 1:
                raise ValueError(f"{kind!r} stands in `kinds` twice")
        return self
