"""What each stage does with one task, without distilabel: answer, pair, judge, curate.

A stage takes what the stages before it made of one task and returns what it made, losses included. Losses carry the
reason; nothing is raised but what stops the whole run (`EndpointError`, `Stopped`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ..curation.filters import AnswerFilter, Filter, VerdictFilter
from ..generators.calls import Caller, Outcome, drawn
from ..generators.comparisons import Compare, draw
from ..generators.judges import Judge
from ..generators.protocols import Ask, Protocol
from ..generators.providers import Request
from ..schemas.errors import Unreadable
from ..schemas.rows import Answer, Comparison, Failure, Judgment, Loss, Task, Usage, Verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seed:
    """One line of the source: a task, or a loss where it is none."""

    place: int
    """0-based position in the source: the canonical order of everything that follows."""
    task: Task | None
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """All answers to a task, in recipe order, failed ones included."""

    answers: tuple[Answer, ...] = ()
    usable: frozenset[str] = frozenset()
    """Ids of the answers that may be compared: neither failed nor dropped."""
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Paired:
    """The comparisons drawn for a task."""

    wanted: int = 0
    comparisons: tuple[Comparison, ...] = ()
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """Every judgment of a task's comparisons, in the order asked, and their verdicts."""

    judgments: tuple[Judgment, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    """One a comparison, in the same order; failed ones included."""
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Curated:
    """Which verdicts are kept."""

    kept: tuple[str, ...] = ()
    """Ids of the verdicts that are neither failed nor dropped."""
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True)
class Answering:
    """Stage `answers`: every answering model, every sample, all at the same time."""

    callers: Sequence[Caller]
    filters: Sequence[Filter]

    async def __call__(self, seed: Seed) -> Answered:
        """The task's answers, and which of them may be compared."""
        if seed.task is None:
            return Answered()
        task = seed.task
        slots = [(caller, sample) for caller in self.callers for sample in range(caller.provider.samples)]
        answers = await together(*(self._answer(task, caller, sample) for caller, sample in slots))
        losses = [loss for answer in answers if (loss := self._loss(task, answer))]
        lost = {loss.row_id for loss in losses}
        return Answered(tuple(answers), frozenset(a.id for a in answers) - lost, tuple(losses))

    async def _answer(self, task: Task, caller: Caller, sample: int) -> Answer:
        """One sample of one model; an empty reply is asked for again while attempts are left."""
        provider, usage = caller.provider, Usage()
        for again in range(1 if provider.local else EMPTY_AGAIN + 1):
            number = sample + again * provider.samples
            request = Request(task.messages, drawn(provider.sampling, number, again), number, task)
            outcome = await caller.call(request)
            usage = usage + outcome.usage if again else outcome.usage
            if outcome.failure is None or outcome.failure.kind != "empty":
                break
        return Answer(
            task_id=task.id,
            model=provider.label,
            family=provider.family,
            sample=sample,
            text=outcome.reply.text if outcome.reply else None,
            finish_reason=outcome.reply.finish_reason if outcome.reply else None,
            sampling=provider.sampling,
            usage=usage,
            origin=provider.plugin_name(),
            failure=outcome.failure,
        )

    def _loss(self, task: Task, answer: Answer) -> Loss | None:
        if answer.failure is not None:
            return _loss("answers", "failed", answer, (answer.model, answer.failure.kind, answer.failure.message))
        for plugin in self.filters:
            if isinstance(plugin, AnswerFilter) and (found := plugin.drop(task, answer)) is not None:
                return _loss("answers", "dropped", answer, (plugin.plugin_name(), plugin.plugin_name(), found))
        return None


async def together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """The results of coroutines that run at the same time. A lone one needs no task of its own, and most are alone."""
    if len(work) == 1:
        return [await work[0]]
    return await asyncio.gather(*work)


EMPTY_AGAIN = 2
"""How often an answer without text is asked for again, as a fresh sample."""


@dataclass(frozen=True)
class Pairing:
    """Stage `comparisons`: which usable answers of the task meet, and in which order."""

    compare: Compare
    seed: int

    async def __call__(self, seed: Seed, answered: Answered) -> Paired:
        """The task's comparisons."""
        if seed.task is None:
            return Paired()
        comparisons, losses = draw(self.compare, seed.task, answered.answers, self.seed, answered.usable)
        count = self.compare.wanted([answer.model for answer in answered.answers])
        return Paired(count, tuple(comparisons), tuple(losses))


@dataclass(frozen=True)
class Judging:
    """Stage `judgments` and the verdicts: every comparison's protocol, all comparisons at the same time."""

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
            _loss("judgments", "failed", judgment, (judgment.teacher, judgment.failure.kind, judgment.failure.message))
            for judgment in judgments
            if judgment.failure is not None
        ]
        return Judged(judgments, tuple(verdict for _, verdict in runs), tuple(losses))

    async def _settle(
        self, task: Task, comparison: Comparison, answers: Sequence[Answer]
    ) -> tuple[list[Judgment], Verdict]:
        """Run the protocol of one comparison: ask what it wants, tell it what came, until it has a verdict."""
        run = self.protocol.run(comparison, tuple(self.callers), self.judge.asks_with_reference(task))
        asked: list[Judgment] = []
        questions = next(run)
        while True:
            heard = await together(*(self._ask(task, comparison, answers, ask) for ask in questions))
            asked += heard
            try:
                questions = run.send(heard)
            except StopIteration as ended:
                return asked, ended.value

    async def _ask(self, task: Task, comparison: Comparison, answers: Sequence[Answer], ask: Ask) -> Judgment:
        """One question; a reply that cannot be read is asked for again, then stays a failure with its raw text."""
        caller, usage = self.callers[ask.teacher], Usage()
        shown = [answers[index] for index in ask.shown]
        messages = self.judge.ask(task, shown, ask.with_reference)
        for again in range(self.judge.retries + 1):
            request = Request(messages, drawn(caller.provider.sampling, again, again), again, task)
            outcome = await caller.call(request)
            usage = usage + outcome.usage if again else outcome.usage
            judgment = self._read(outcome, comparison, ask, again, usage)
            if judgment.failure is None or judgment.failure.kind not in ("unreadable", "empty"):
                break
        return judgment

    def _read(self, outcome: Outcome, comparison: Comparison, ask: Ask, again: int, usage: Usage) -> Judgment:
        failure, scores, rationale = outcome.failure, None, ""
        if outcome.reply is not None:
            try:
                reading = self.judge.read(outcome.reply.text, len(ask.shown))
                scores, rationale = reading.scores, reading.rationale
            except Unreadable as error:
                failure = Failure(kind="unreadable", message=str(error))
        return Judgment(
            comparison_id=comparison.id,
            task_id=comparison.task_id,
            teacher=ask.teacher,
            judge=self.judge.plugin_name(),
            shown=ask.shown,
            with_reference=ask.with_reference,
            sample=again,
            scores=scores,
            rationale=rationale,
            raw=outcome.reply.text if outcome.reply else None,
            usage=usage,
            origin=self.callers[ask.teacher].provider.plugin_name(),
            failure=failure,
        )


@dataclass(frozen=True)
class Curating:
    """Filters on verdicts: the first that objects drops it."""

    filters: Sequence[Filter]

    async def __call__(self, paired: Paired, judged: Judged) -> Curated:
        """Which of the task's verdicts are kept."""
        by_comparison: dict[str, list[Judgment]] = {}
        for judgment in judged.judgments:
            by_comparison.setdefault(judgment.comparison_id, []).append(judgment)
        kept, losses = [], []
        for comparison, verdict in zip(paired.comparisons, judged.verdicts, strict=True):
            loss = self._loss(comparison, tuple(by_comparison.get(comparison.id, ())), verdict)
            if loss is None:
                kept.append(verdict.id)
            else:
                losses.append(loss)
        return Curated(tuple(kept), tuple(losses))

    def _loss(self, comparison: Comparison, judgments: tuple[Judgment, ...], verdict: Verdict) -> Loss | None:
        if verdict.failure is not None:
            return _loss(
                "verdicts", "failed", verdict, (verdict.protocol, verdict.failure.kind, verdict.failure.message)
            )
        for plugin in self.filters:
            if isinstance(plugin, VerdictFilter):
                found = plugin.drop(comparison, judgments, verdict)
                if found is not None:
                    return _loss("verdicts", "dropped", verdict, (plugin.plugin_name(), plugin.plugin_name(), found))
        return None


def _loss(
    stage: str, status: Literal["dropped", "failed"], row: Answer | Judgment | Verdict, why: tuple[str, str, str]
) -> Loss:
    """A row that does not go on; `why` is who says so, the reason, and one line of detail."""
    by, reason, detail = why
    return Loss(stage=stage, status=status, row_id=row.id, task_id=row.task_id, by=by, reason=reason, detail=detail)
