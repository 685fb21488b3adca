"""What several tests share: real servers on loopback ports, and rows as the stages make them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal

import pytest
from aiohttp import web
from hypothesis import settings

# The same examples on every machine and in every run, and no time limit: a busy machine is no failure.
settings.register_profile("prefmill", derandomize=True, deadline=None, max_examples=60, database=None)
settings.load_profile("prefmill")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def _serving(handler: Handler) -> AsyncIterator[str]:
    application = web.Application(client_max_size=2**24)
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@pytest.fixture(name="serving")
def _serving_fixture() -> Callable[[Handler], AbstractAsyncContextManager[str]]:
    """A server on the running loop that answers every request with the handler; gives its `base_url`."""
    return _serving


@pytest.fixture(name="completion")
def _completion_fixture() -> Callable[..., dict[str, Any]]:
    """Makes the JSON body of a chat completion; keywords change its message."""

    def body(content: object = "Fine.", finish_reason: object = "stop", **message: object) -> dict[str, Any]:
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish_reason,
                    "message": {"role": "assistant", "content": content, **message},
                }
            ],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }

    return body


@pytest.fixture(name="made", scope="session")
def _made_fixture() -> Callable[[int], tuple[Any, ...]]:
    """What the stages make of source line `place` (`collect.Made`): the same each time, with losses at every stage."""
    from prefmill.generators.comparisons import Compare, draw
    from prefmill.generators.protocols.both_orders import BothOrders
    from prefmill.pipelines.stages import Answered, Curated, Judged, Paired, Seed
    from prefmill.schemas.row import Failure
    from prefmill.schemas.rows import Answer, Judgment, Loss, Message, Task

    def loss(stage: str, row: Any, reason: str, status: Literal["dropped", "failed"] = "failed") -> Loss:  # noqa: ANN401
        return Loss(stage=stage, status=status, row_id=row.id, task_id=row.task_id, by="test", reason=reason)

    def made(place: int) -> tuple[Any, ...]:
        if place % 5 == 4:
            lost = Loss(stage="tasks", status="failed", row_id=f"f:{place}", reason="malformed")
            return Seed(place, None, (lost,)), Answered(), Paired(), Judged(), Curated()
        task = Task(source_id=str(place), messages=(Message(role="user", content=f"Question {place}?"),))
        late = Failure(kind="timeout", message="no reply within 5 s")
        answers = [
            Answer(task_id=task.id, model=model, text=None if late_one else f"{model} on {place}", failure=late_one)
            for model in "abc"
            for late_one in [late if model == "a" and place % 3 == 0 else None]
        ]
        lost_answers = [loss("answers", one, "timeout") for one in answers if one.failure]
        if place % 4 == 1:
            lost_answers.append(loss("answers", answers[2], "refusals", "dropped"))
        usable = frozenset(one.id for one in answers) - {lost.row_id for lost in lost_answers}
        comparisons, lost_pairs = draw(Compare(pairs="all"), task, answers, 1, usable)
        judgments, verdicts, lost_verdicts = [], [], []
        for number, comparison in enumerate(comparisons):
            protocol = BothOrders().run(comparison, ["t"], [False])
            unreadable = Failure(kind="unreadable", message="no scores") if (place + number) % 7 == 2 else None
            heard = [
                Judgment(
                    comparison_id=comparison.id,
                    task_id=task.id,
                    teacher="t",
                    judge="judgelm",
                    shown=ask.shown,
                    scores=None if unreadable else ((9.0, 4.0), (4.0, 9.0), (5.0, 5.0))[(place + ask.shown[0]) % 3],
                    rationale="" if unreadable else "So.",
                    failure=unreadable,
                )
                for ask in next(protocol)
            ]
            judgments += heard
            try:
                protocol.send(heard)
            except StopIteration as ended:
                verdicts.append(ended.value)
        for verdict in verdicts:
            if verdict.failure:
                lost_verdicts.append(loss("verdicts", verdict, "no_judgment"))
            elif place % 4 == 2 and "order_inconsistent" in verdict.flags:
                lost_verdicts.append(loss("verdicts", verdict, "order_inconsistent", "dropped"))
        lost_judgments = [loss("judgments", one, "unreadable") for one in judgments if one.failure]
        gone = {lost.row_id for lost in lost_verdicts}
        return (
            Seed(place, task),
            Answered(tuple(answers), usable, tuple(lost_answers)),
            Paired(3, tuple(comparisons), tuple(lost_pairs)),
            Judged(tuple(judgments), (), tuple(verdicts), tuple(lost_judgments)),
            Curated(tuple(one.id for one in verdicts if one.id not in gone), (), tuple(lost_verdicts)),
        )

    return made
