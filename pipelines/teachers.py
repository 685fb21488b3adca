"""One question to one teacher: ask, read, ask again for what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import orjson

from ..generators.calls import Caller, Outcome, drawn
from ..generators.expected import Unweighed, expected_scores
from ..generators.judges import Judge, Reading
from ..generators.probabilities import unpacked
from ..generators.protocols import Ask
from ..generators.providers import Request
from ..schemas.errors import Unaskable, Unreadable
from ..schemas.row import UNREAD, Failure, Usage
from ..schemas.rows import Answer, Comparison, Judgment, Task
from .own_references import Written, replaces, written
from .own_references import with_reference as referenced
from .stages import together


@dataclass(frozen=True, slots=True)
class Heard:
    """What a teacher said: a reading, or why there is none."""

    reading: Reading | None
    failure: Failure | None
    raw: str | None
    """The reply; of several parts, a JSON list of them, null for one that did not come."""
    usage: Usage
    """Of all replies that were paid for."""
    sample: int
    """0 for the first reply, k for the k-th time it was asked again."""
    expected: tuple[float, ...] | None = None
    """The scores weighed by their probabilities, where those were asked for and given."""


async def judgment_of(  # noqa: PLR0917 - who is asked, and all that is asked about
    judge: Judge,
    callers: Mapping[str, Caller],
    task: Task,
    comparison: Comparison,
    answers: Sequence[Answer],
    question: Ask,
    *,
    counted: set[str] | None = None,
) -> Judgment:
    """A teacher's reply to one question about a comparison; `answers` in the comparison's own order.

    `counted`: teachers whose own reference to this task is in the usage of another judgment; whoever is asked first
    adds itself. None: the usage of this judgment holds it.
    """
    caller, shown = callers[question.teacher], [answers[index] for index in question.shown]
    own: Written | None = None
    if question.own_reference is not None and replaces(question.own_reference, task):
        first = counted is None or question.teacher not in counted
        if counted is not None:
            counted.add(question.teacher)
        own = await written(caller, task, judge.retries)
        own = own if first else replace(own, usage=Usage())
    if own is not None and own.failure is not None:
        heard = Heard(None, own.failure, None, own.usage, 0)
    else:
        heard = await ask(
            judge,
            caller,
            task,
            shown,
            question.with_reference,
            probabilities=question.probabilities,
            reference=own.text if own else None,
        )
    reading = heard.reading
    return Judgment(
        comparison_id=comparison.id,
        task_id=comparison.task_id,
        teacher=question.teacher,
        judge=judge.plugin_name(),
        shown=question.shown,
        with_reference=question.with_reference,
        own_reference=own.text if own else None,
        sample=heard.sample,
        scores=reading.scores if reading else None,
        expected=heard.expected,
        rationale=reading.rationale if reading else "",
        aspects=reading.aspects if reading else (),
        raw=heard.raw,
        usage=heard.usage + own.usage if own and own.failure is None else heard.usage,
        origin=caller.provider.plugin_name(),
        failure=heard.failure,
    )


async def ask(
    judge: Judge,
    caller: Caller,
    task: Task,
    shown: Sequence[Answer],
    with_reference: bool,
    *,
    probabilities: bool = False,
    reference: str | None = None,
) -> Heard:
    """Ask a teacher about the answers shown.

    A reply that cannot be read is asked for again as a fresh sample, `judge.retries` times; then it stays a failure
    with its raw text. `probabilities`: weigh its scores by them. `reference`: the teacher's own, shown in place of the
    task's.
    """
    seen = task if reference is None else referenced(task, reference, caller.provider.label)
    try:
        parts = judge.questions(seen, shown, with_reference)
    except Unaskable as error:
        return Heard(None, Failure(kind="unaskable", message=str(error)), None, Usage(), 0)

    def read(texts: Sequence[str]) -> Reading:
        return judge.read_for(seen, texts, len(shown))

    usage: Usage | None = None
    for again in range(judge.retries + 1):
        sampling = drawn(caller.provider.sampling, again, again)
        # The calls are filed under the task itself, whose id does not depend on what a teacher wrote.
        outcomes = await together(
            *(caller.call(Request(part, sampling, again, task, probabilities=probabilities)) for part in parts)
        )
        spent = reduce(add, (outcome.usage for outcome in outcomes))
        usage = spent if usage is None else usage + spent
        heard = _heard(outcomes, usage, again, read)
        if heard.failure is None or heard.failure.kind not in UNREAD:
            break
    return replace(heard, expected=_weighed(outcomes, read, len(shown))) if probabilities and heard.reading else heard


def _weighed(
    outcomes: Sequence[Outcome], read: Callable[[Sequence[str]], Reading], answers: int
) -> tuple[float, ...] | None:
    """The expected scores of a reply that was read; None where the endpoint gave no probabilities that fit it."""
    replies = [
        (outcome.reply.text, unpacked(outcome.reply.probabilities))
        for outcome in outcomes
        if outcome.reply is not None and outcome.reply.probabilities is not None
    ]
    if len(replies) < len(outcomes):
        return None
    try:
        return expected_scores(replies, lambda texts: read(texts).scores, answers)
    except Unweighed:
        return None


def _heard(outcomes: Sequence[Outcome], usage: Usage, again: int, read: Callable[[Sequence[str]], Reading]) -> Heard:
    replies = [outcome.reply.text if outcome.reply else None for outcome in outcomes]
    texts = [text for text in replies if text is not None]
    raw = (texts[0] if len(outcomes) == 1 else orjson.dumps(replies).decode()) if texts else None
    for outcome in outcomes:
        if outcome.failure is not None:
            return Heard(None, outcome.failure, raw, usage, again)
    try:
        return Heard(read(texts), None, raw, usage, again)
    except Unreadable as error:
        return Heard(None, Failure(kind="unreadable", message=str(error)), raw, usage, again)
