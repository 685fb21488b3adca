"""Filters on verdicts and grades: the first that objects drops the row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..curation.filters import Filter, GradeFilter, VerdictFilter
from ..schemas.rows import Answer, Comparison, Grade, Judgment, Loss, Task, Verdict
from .stages import Answered, Curated, Judged, Paired, Seed, loss_of


def dropped_by(
    filters: Sequence[Filter], comparison: Comparison, judgments: tuple[Judgment, ...], verdict: Verdict
) -> Loss | None:
    """The objection of the first filter that has one to a verdict."""
    for plugin in filters:
        if isinstance(plugin, VerdictFilter) and (found := plugin.drop(comparison, judgments, verdict)) is not None:
            return loss_of("verdicts", "dropped", verdict, (plugin.plugin_name(), plugin.plugin_name(), found))
    return None


@dataclass(frozen=True)
class Curating:
    """Says which verdicts and grades of a task are kept."""

    filters: Sequence[Filter]

    async def __call__(self, seed: Seed, answered: Answered, paired: Paired, judged: Judged) -> Curated:
        """The ids that are kept, and a loss for each row that is not."""
        if seed.task is None:
            return Curated()
        by_comparison: dict[str, list[Judgment]] = {}
        for judgment in judged.judgments:
            by_comparison.setdefault(judgment.comparison_id, []).append(judgment)
        kept, losses = [], []
        for comparison, verdict in zip(paired.comparisons, judged.verdicts, strict=True):
            loss = self._verdict(comparison, tuple(by_comparison.get(comparison.id, ())), verdict)
            if loss is None:
                kept.append(verdict.id)
            else:
                losses.append(loss)
        graded, dropped = self._grades(seed.task, answered.answers, judged.grades)
        return Curated(tuple(kept), graded, (*losses, *dropped))

    def _verdict(self, comparison: Comparison, judgments: tuple[Judgment, ...], verdict: Verdict) -> Loss | None:
        if verdict.failure is not None:
            why = (verdict.protocol, verdict.failure.kind, verdict.failure.message)
            return loss_of("verdicts", "failed", verdict, why)
        return dropped_by(self.filters, comparison, judgments, verdict)

    def _grades(
        self, task: Task, answers: Sequence[Answer], grades: Sequence[Grade]
    ) -> tuple[tuple[str, ...], list[Loss]]:
        """Ids of the grades that are kept, and a loss for each readable one that is not: an answer's grades go
        together."""
        kept: list[str] = []
        losses: list[Loss] = []
        for answer in answers:
            readable = tuple(grade for grade in grades if grade.answer_id == answer.id and grade.failure is None)
            why = self._objection(task, answer, readable) if readable else None
            if why is None:
                kept += [grade.id for grade in readable]
            else:
                losses += [loss_of("grades", "dropped", grade, why) for grade in readable]
        return tuple(kept), losses

    def _objection(self, task: Task, answer: Answer, grades: tuple[Grade, ...]) -> tuple[str, str, str] | None:
        for plugin in self.filters:
            if isinstance(plugin, GradeFilter) and (found := plugin.drop(task, answer, grades)) is not None:
                return plugin.plugin_name(), plugin.plugin_name(), found
        return None
