"""Offset corrected: one order, less what the teacher gives for standing first, as the pilot shows it.

The mean of both orders cancels a constant position bias (balanced position calibration: Wang et al., arXiv 2305.17926);
half their difference on a few pairs measures it. What differs from pair to pair stays; `adaptive_swap` asks where it
matters.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...schemas.rows import Comparison, Judgment
from ..learned import Learned
from . import Ask, Piloted, Run
from ._settling import FORWARD, corrected, questions


class OffsetCorrected(Piloted):
    """Asks each teacher once and takes its position offset off the margin.

    A teacher whose offset is unknown, because too little of the pilot could be read, is asked in both orders, and the
    verdict is flagged `offset_unknown`.
    """

    def opening(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> list[Ask]:
        return questions(comparison, teachers, references, (FORWARD,))

    def continued(
        self,
        comparison: Comparison,
        teachers: Sequence[str],
        references: Sequence[bool],
        heard: Sequence[Judgment],
        learned: Learned | None,
    ) -> Run:
        return corrected(self, comparison, references, heard, learned, once=teachers, tie_margin=self.tie_margin)

    def expected(self, teacher: int, teachers: int, references: int) -> float:
        return references
