"""Stage `grades`: every teacher grades every usable answer by itself; a verdict is the gap of two answers' grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from statistics import fmean

from ..generators.calls import Caller
from ..generators.judges import Judge
from ..schemas.labels import margin_between, winner_at
from ..schemas.row import Failure, Usage
from ..schemas.rows import Answer, Comparison, Grade, Task, Verdict
from .stages import Answered, Judged, Paired, Seed, loss_of, together
from .teachers import ask

PROTOCOL = "grades"
"""What verdicts that rest on grades call their protocol."""


@dataclass(frozen=True)
class Grading:
    """Has teachers grade the answers of a task, one at a time."""

    judge: Judge
    callers: Mapping[str, Caller]
    """Teacher's name -> its caller."""

    async def __call__(self, seed: Seed, answered: Answered, paired: Paired) -> Judged:
        """The task's grades, and a verdict for each of its comparisons."""
        if seed.task is None:
            return Judged()
        task = seed.task
        modes = self.judge.asks_with_reference(task)
        usable = [answer for answer in answered.answers if answer.id in answered.usable]
        grades = await together(
            *(
                self._grade(task, answer, caller, with_reference)
                for answer in usable
                for with_reference in modes
                for caller in self.callers.values()
            )
        )
        losses = [
            loss_of("grades", "failed", grade, (grade.teacher, grade.failure.kind, grade.failure.message))
            for grade in grades
            if grade.failure is not None
        ]
        deciding = [grade for grade in grades if grade.with_reference == modes[0]]
        verdicts = tuple(verdict_of(comparison, deciding) for comparison in paired.comparisons)
        return Judged(grades=tuple(grades), verdicts=verdicts, losses=tuple(losses))

    async def _grade(self, task: Task, answer: Answer, caller: Caller, with_reference: bool) -> Grade:
        heard = await ask(self.judge, caller, task, [answer], with_reference)
        reading = heard.reading
        return Grade(
            answer_id=answer.id,
            task_id=task.id,
            teacher=caller.provider.label,
            judge=self.judge.plugin_name(),
            with_reference=with_reference,
            sample=heard.sample,
            score=reading.scores[0] if reading else None,
            feedback=reading.rationale if reading else "",
            raw=heard.raw,
            usage=heard.usage,
            origin=caller.provider.plugin_name(),
            failure=heard.failure,
        )


def verdict_of(comparison: Comparison, grades: Sequence[Grade]) -> Verdict:
    """The verdict of a comparison from the grades of its answers: each answer's score is the mean over teachers.

    Only teachers all of whose grades could be read count: one is stricter than another, and an answer would win because
    the strict one was read about the other answer alone. Failed where there is no such teacher. Its usage is that of
    the grades, which other comparisons may share.
    """
    of = [[grade for grade in grades if grade.answer_id == answer] for answer in comparison.answer_ids]
    usage = reduce(add, (grade.usage for some in of for grade in some), Usage())
    common = {"comparison_id": comparison.id, "task_id": comparison.task_id, "protocol": PROTOCOL, "usage": usage}
    read = [{grade.teacher: grade for grade in some if grade.failure is None} for some in of]
    teachers = [teacher for teacher in read[0] if all(teacher in by_teacher for by_teacher in read)]
    if not teachers:
        failure = Failure(kind="no_judgment", message=_unread(comparison, of))
        return Verdict.model_validate({**common, "judgment_ids": (), "failure": failure})
    used = [[by_teacher[teacher] for teacher in teachers] for by_teacher in read]
    scores = tuple(round(fmean(grade.score for grade in some if grade.score is not None), 9) for some in used)
    common["judgment_ids"] = tuple(grade.id for some in used for grade in some)
    common["flags"] = ("asked_again",) if any(grade.sample for some in used for grade in some) else ()
    if len(scores) != 2:
        return Verdict.model_validate({**common, "scores": scores})
    margin = margin_between(scores)
    winner = winner_at(margin)
    return Verdict.model_validate({**common, "winner": winner, "margin": margin})


def _unread(comparison: Comparison, of: Sequence[Sequence[Grade]]) -> str:
    """Every grade that is missing, on one line."""
    reasons = [
        f"{grade.teacher} of {model}: {grade.failure.kind}: {grade.failure.message}"
        for model, some in zip(comparison.models, of, strict=True)
        for grade in some
        if grade.failure is not None
    ]
    return " ".join("; ".join(reasons).split()) or "nothing was asked"
