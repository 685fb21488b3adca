"""Teachers that answer a task themselves before they judge it, over real sockets and a real ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from prefmill.generators.comparisons import Compare
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.ledger import Ledger
from prefmill.generators.protocols.reference_first import ReferenceFirst
from prefmill.pipelines.judging import Judging
from prefmill.pipelines.pairing import Pairing
from prefmill.pipelines.stages import Answered, Judged, Seed
from prefmill.schemas.row import Failure, Usage
from prefmill.schemas.rows import Answer, Message, Reference, Task

from .conftest import Completion, Endpoint, Endpoints

TASK = Task(source_id="q", messages=(Message(role="system", content="Be brief."), Message(role="user", content="Why?")))
GIVEN = TASK.model_copy(update={"reference": Reference(text="The given one.")})
PRICE = {"input": 1000.0, "output": 2000.0}


def about_task(body: dict[str, Any]) -> bool:
    """Whether the task itself is asked."""
    return bool(body["messages"] == [message.model_dump() for message in TASK.messages])


def replying(reference: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda body: reference(body) if about_task(body) else "8 3\nSo."


def own(body: dict[str, Any]) -> str:
    return f"{body['model']}'s own answer."


def judge(
    server: Endpoint,
    protocol: ReferenceFirst,
    task: Task = TASK,
    *,
    models: str = "ab",
    teachers: tuple[str, ...] = ("t", "u"),
    reader: JudgeLM | None = None,
) -> Judged:
    answers = tuple(Answer(task_id=task.id, model=model, text=f"{model} says so") for model in models)
    seed, answered = Seed(0, task), Answered(answers, frozenset(answer.id for answer in answers))

    async def work() -> Judged:
        paired = await Pairing(Compare(pairs="all"), 1)(seed, answered)
        entries = [{"model": name, "price": PRICE, "sampling": {"temperature": 0, "seed": 4}} for name in teachers]
        async with server.callers(*entries) as callers:
            panel = {caller.provider.label: caller for caller in callers}
            return await Judging(reader or JudgeLM(), protocol, panel)(seed, answered, paired)

    return asyncio.run(work())


def spent(server: Endpoint) -> list[tuple[str, str, int]]:
    """Stage, model and calls, as the ledger has them."""
    with Ledger.open(server.path / "ledger.sqlite") as ledger:
        return [(row.stage, row.model, row.calls) for row in ledger.totals()]


def test_each_teacher_is_shown_its_own_answer(endpoint: Endpoints) -> None:
    server = endpoint(replying(own))
    made = judge(server, ReferenceFirst())
    assert [(one.teacher, one.with_reference, one.own_reference) for one in made.judgments] == [
        (teacher, True, f"{teacher}'s own answer.") for teacher in ("t", "t", "u", "u")
    ]
    asked = [body for body in server.heard if not about_task(body)]
    assert len(asked) == 4
    for body in asked:
        assert f"[Reference Answer]\n{body['model']}'s own answer." in body["messages"][1]["content"]
    assert spent(server) == [("references", "t", 1), ("references", "u", 1), ("stage", "t", 2), ("stage", "u", 2)]
    assert {one.task_id for one in made.judgments} == {TASK.id}
    with Ledger.open(server.path / "ledger.sqlite") as ledger:
        assert len(ledger.of_task(TASK.id)) == 6, "`prefmill show` lists them all under the task"


def test_it_is_asked_once_a_task_and_counted_once(endpoint: Endpoints) -> None:
    """Three comparisons in both orders by two teachers: twelve judgments, two references."""
    server = endpoint(replying(own))
    made = judge(server, ReferenceFirst(), models="abc")
    assert (len(made.judgments), len(server.heard)) == (12, 14)
    with Ledger.open(server.path / "ledger.sqlite") as ledger:
        totals = ledger.totals()
    for usage in (
        sum((one.usage for one in made.judgments), Usage()),
        sum((verdict.usage for verdict in made.verdicts), Usage()),
    ):
        assert (usage.calls, usage.prompt_tokens, usage.completion_tokens) == (
            sum(row.calls for row in totals),
            sum(row.prompt_tokens for row in totals),
            sum(row.completion_tokens for row in totals),
        )
        assert usage.cost_usd == pytest.approx(sum(row.cost_usd or 0 for row in totals))
    first = [one.usage.calls for one in made.judgments if one.comparison_id == made.verdicts[0].comparison_id]
    assert (first, {one.usage.calls for one in made.judgments[4:]}) == ([2, 1, 2, 1], {1}), "the first one pays"
    assert judge(server, ReferenceFirst(), models="abc") == made, "and so it does when all comes from the ledger"
    assert len(server.heard) == 14


def test_a_task_keeps_the_reference_it_has(endpoint: Endpoints) -> None:
    server = endpoint(replying(own))
    made = judge(server, ReferenceFirst(), GIVEN, teachers=("t",))
    assert [(one.with_reference, one.own_reference) for one in made.judgments] == [(True, None)] * 2
    assert all("[Reference Answer]\nThe given one." in body["messages"][1]["content"] for body in server.heard)
    made = judge(server, ReferenceFirst(replace=True), GIVEN, teachers=("t",))
    assert [one.own_reference for one in made.judgments] == ["t's own answer."] * 2
    assert [about_task(body) for body in server.heard] == [False, False, True, False, False]
    assert "given one" not in str(server.heard[3:])


def test_without_the_reference_too_where_the_judge_asks_both_ways(endpoint: Endpoints) -> None:
    server = endpoint(replying(own))
    made = judge(server, ReferenceFirst(orders="one"), teachers=("t",), reader=JudgeLM(reference="both"))
    assert [(one.with_reference, one.own_reference) for one in made.judgments] == [
        (True, "t's own answer."),
        (False, None),
    ]
    assert made.verdicts[0].judgment_ids == (made.judgments[0].id,)


@pytest.mark.parametrize(
    ("said", "failure", "calls"),
    [
        (503, "server_error: no 503", 1),
        (400, "rejected: no 400", 1),
        (" ", "empty: no text", 3),
        ("I'm sorry, but I can't help with that.", "unreadable: it refuses: ", 3),
        ("length", "unreadable: it was cut off at the limit of tokens", 3),
    ],
)
def test_a_reference_that_failed_is_a_failed_judgment(
    endpoint: Endpoints, completion: Completion, said: object, failure: str, calls: int
) -> None:
    """Nobody judges without it, and what was paid for it is counted."""
    server = endpoint(replying(lambda _: completion("So, to begin with", "length") if said == "length" else said))
    made = judge(server, ReferenceFirst(), models="abc", teachers=("t",))
    kind, message = failure.split(": ", maxsplit=1)
    assert all(about_task(body) for body in server.heard)
    assert len(made.judgments) == 6
    for one in made.judgments:
        assert one.failure is not None
        assert (one.failure.kind, one.with_reference, one.own_reference, one.raw) == (kind, True, None, None)
        assert one.failure.message.startswith(f"the reference failed: {message}")
    assert [one.usage.calls for one in made.judgments] == [calls, 0, 0, 0, 0, 0]
    assert sum(count for *_, count in spent(server)) == calls
    assert [verdict.failure.kind for verdict in made.verdicts if verdict.failure] == ["no_judgment"] * 3
    assert {loss.reason for loss in made.losses} == {kind}


def test_a_reference_that_is_no_good_is_asked_for_again(endpoint: Endpoints) -> None:
    server = endpoint(replying(lambda body: "" if body["seed"] == 4 else f"With seed {body['seed']}."))
    made = judge(server, ReferenceFirst(orders="one"), teachers=("t",))
    (judgment,) = made.judgments
    assert (judgment.own_reference, judgment.usage.calls, judgment.sample) == ("With seed 5.", 3, 0)


def test_one_teacher_without_a_reference_leaves_the_verdict_to_the_others(endpoint: Endpoints) -> None:
    server = endpoint(replying(lambda body: 400 if body["model"] == "t" else own(body)))
    made = judge(server, ReferenceFirst(orders="one"))
    assert [one.failure is None for one in made.judgments] == [False, True]
    assert made.verdicts[0].winner == "first"
    assert isinstance(made.judgments[0].failure, Failure)
