"""A teacher's own answer to a task, which it is shown as the reference when it judges the answers of others.

What may be taken for a reference is as in `generators/authoring/references.py`: no refusal, and no text that was cut
off. One that may not is asked for again as a fresh sample, like a judgment that cannot be read.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..curation.filters.refusals import Refusals
from ..generators.calls import Caller, Outcome, drawn
from ..generators.protocols import OwnReference, Protocol
from ..generators.providers import Request
from ..schemas.row import UNREAD, Failure, Usage
from ..schemas.rows import Answer, Reference, Task

STAGE = "references"
"""What the ledger files such calls under."""
_REFUSALS = Refusals()


@dataclass(frozen=True, slots=True)
class Written:
    """What came of asking for a reference."""

    text: str | None
    failure: Failure | None
    """Why there is none."""
    usage: Usage


def replaces(own: OwnReference | None, task: Task) -> bool:
    """Whether teachers are to write the reference to this task themselves."""
    return own == "always" or (own == "where_missing" and task.reference is None)


def with_reference(task: Task, text: str, model: str) -> Task:
    """The task as it is shown to the teacher that wrote this reference."""
    return task.model_copy(update={"reference": Reference(text=text, origin="model", model=model)})


def foreseen(protocol: Protocol | None, task: Task, text: str = "") -> Task:
    """The task with the reference that it will have, before anybody has written it; `text` stands for that."""
    own = protocol is not None and replaces(protocol.own_reference, task)
    return with_reference(task, text, "unknown") if own else task


async def written(caller: Caller, task: Task, retries: int) -> Written:
    """A teacher's answer to the task. Asked again for the same task, it comes from the ledger."""
    usage = Usage()
    for again in range(retries + 1):
        sampling = drawn(caller.provider.sampling, again, again)
        outcome = await caller.call(Request(task.messages, sampling, again, task, stage=STAGE))
        usage += outcome.usage
        failure = outcome.failure or _unfit(outcome, task, caller.provider.label)
        if failure is None or failure.kind not in UNREAD:
            break
    if failure is not None:
        return Written(None, Failure(kind=failure.kind, message=f"the reference failed: {failure.message}"), usage)
    return Written(outcome.reply.text if outcome.reply else None, None, usage)


def _unfit(outcome: Outcome, task: Task, model: str) -> Failure | None:
    """Why a reply is no reference; None where it is one."""
    reply = outcome.reply
    if reply is None:
        return None
    if reply.finish_reason == "length":
        return Failure(kind="unreadable", message="it was cut off at the limit of tokens")
    refused = _REFUSALS.drop(task, Answer(task_id=task.id, model=model, text=reply.text))
    return Failure(kind="unreadable", message=f"it {refused}") if refused else None
