"""Stage `answers`: every answering model, every sample, all at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..curation.filters import AnswerFilter, AnswerSetFilter, Filter
from ..generators.authoring.aimed import Aim
from ..generators.calls import Caller, Outcome, drawn
from ..generators.providers import Request
from ..schemas.errors import Unaskable
from ..schemas.row import Failure, Usage
from ..schemas.rows import Answer, Loss, Message, Task
from .stages import Answered, Seed, loss_of, together

EMPTY_AGAIN = 2
"""How often an answer without text is asked for again, as a fresh sample."""


@dataclass(frozen=True)
class Answering:
    """Answers a task, or takes the answers that came with it."""

    callers: Sequence[Caller]
    filters: Sequence[Filter]
    aim: Aim | None = None
    """Where answers are to deserve certain scores."""

    async def __call__(self, seed: Seed) -> Answered:
        """The task's answers, and which of them may be compared."""
        if seed.task is None:
            return Answered()
        task = seed.task
        if seed.given is not None:
            answers = list(seed.given.answers)
        else:
            answers = await together(*(self._answer(task, *slot) for slot in self._slots()))
        losses = self._losses(task, answers)
        return Answered(tuple(answers), frozenset(a.id for a in answers) - losses.keys(), tuple(losses.values()))

    def _slots(self) -> Iterator[tuple[Caller, int, int | None]]:
        """Model, number of the sample and intended score of each answer to a task, in recipe order."""
        scores = self.aim.scores if self.aim else (None,)
        for caller in self.callers:
            yield from ((caller, number, score) for number, score in enumerate(scores * caller.provider.samples))

    async def _answer(self, task: Task, caller: Caller, sample: int, score: int | None) -> Answer:
        """One sample of one model; an empty reply is asked for again while attempts are left."""
        provider = caller.provider
        messages: tuple[Message, ...] = ()
        outcome, usage = Outcome(None, None, Usage()), Usage()
        try:
            messages = task.messages if self.aim is None or score is None else self.aim.messages(task, score)
        except Unaskable as error:
            outcome = Outcome(None, Failure(kind="unaskable", message=str(error)), usage)
        for again in range((1 if provider.local else EMPTY_AGAIN + 1) if messages else 0):
            number = sample + again * provider.samples * (len(self.aim.scores) if self.aim else 1)
            request = Request(messages, drawn(provider.sampling, number, again), number, task)
            outcome = await caller.call(request)
            usage = usage + outcome.usage if again else outcome.usage
            if outcome.failure is None or outcome.failure.kind != "empty":
                break
        return Answer(
            task_id=task.id,
            model=provider.label,
            family=provider.family,
            sample=sample,
            intended=score,
            text=outcome.reply.text if outcome.reply else None,
            finish_reason=outcome.reply.finish_reason if outcome.reply else None,
            sampling=provider.sampling,
            usage=usage,
            origin=provider.plugin_name(),
            failure=outcome.failure,
        )

    def _losses(self, task: Task, answers: Sequence[Answer]) -> dict[str, Loss]:
        """Answer -> why it may not be compared; the first filter that objects drops it."""
        found: dict[str, Loss] = {}
        for answer in answers:
            if (failure := answer.failure) is not None:
                found[answer.id] = loss_of("answers", "failed", answer, (answer.model, failure.kind, failure.message))
        for plugin in self.filters:
            left = [answer for answer in answers if answer.id not in found]
            if isinstance(plugin, AnswerFilter):
                dropped = {answer.id: why for answer in left if (why := plugin.drop(task, answer)) is not None}
            elif isinstance(plugin, AnswerSetFilter):
                dropped = dict(plugin.drop(task, left))
            else:
                continue
            for answer in left:
                if (why := dropped.get(answer.id)) is not None:
                    name = plugin.plugin_name()
                    found[answer.id] = loss_of("answers", "dropped", answer, (name, name, why))
        return {answer.id: found[answer.id] for answer in answers if answer.id in found}
