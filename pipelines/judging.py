"""Stage `judgments` and the verdicts: every comparison's protocol, all comparisons at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..generators.calls import Caller
from ..generators.judges import Judge
from ..generators.protocols import Ask, Protocol
from ..schemas.rows import Answer, Comparison, Judgment, Task, Verdict
from .stages import Answered, Judged, Paired, Seed, loss_of, together
from .teachers import ask


@dataclass(frozen=True)
class Judging:
    """Has teachers compare the answers of a task."""

    judge: Judge
    protocol: Protocol
    callers: Mapping[str, Caller]
    """Teacher's name -> its caller."""

    async def __call__(self, seed: Seed, answered: Answered, paired: Paired) -> Judged:
        """The task's judgments and verdicts."""
        if seed.task is None:
            return Judged()
        task, answers = seed.task, {answer.id: answer for answer in answered.answers}
        runs = await together(
            *(
                self._settle(task, comparison, [answers[i] for i in comparison.answer_ids])
                for comparison in paired.comparisons
            )
        )
        judgments = tuple(judgment for asked, _ in runs for judgment in asked)
        losses = [
            loss_of(
                "judgments", "failed", judgment, (judgment.teacher, judgment.failure.kind, judgment.failure.message)
            )
            for judgment in judgments
            if judgment.failure is not None
        ]
        return Judged(judgments, (), tuple(verdict for _, verdict in runs), tuple(losses))

    async def _settle(
        self, task: Task, comparison: Comparison, answers: Sequence[Answer]
    ) -> tuple[list[Judgment], Verdict]:
        """Run the protocol of one comparison: ask what it wants, tell it what came, until it has a verdict."""
        run = self.protocol.run(comparison, tuple(self.callers), self.judge.asks_with_reference(task))
        asked: list[Judgment] = []
        questions = next(run)
        while True:
            heard = await together(*(self._ask(task, comparison, answers, question) for question in questions))
            asked += heard
            try:
                questions = run.send(heard)
            except StopIteration as ended:
                return asked, ended.value

    async def _ask(self, task: Task, comparison: Comparison, answers: Sequence[Answer], question: Ask) -> Judgment:
        caller, shown = self.callers[question.teacher], [answers[index] for index in question.shown]
        heard = await ask(self.judge, caller, task, shown, question.with_reference)
        reading = heard.reading
        return Judgment(
            comparison_id=comparison.id,
            task_id=comparison.task_id,
            teacher=question.teacher,
            judge=self.judge.plugin_name(),
            shown=question.shown,
            with_reference=question.with_reference,
            sample=heard.sample,
            scores=reading.scores if reading else None,
            rationale=reading.rationale if reading else "",
            aspects=reading.aspects if reading else (),
            raw=heard.raw,
            usage=heard.usage,
            origin=caller.provider.plugin_name(),
            failure=heard.failure,
        )
