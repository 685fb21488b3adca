"""prefmill's own way to a model it has loaded, for `vllm.py`: what a run does for each call, ledger included.

    python -P benchmarks/vllm_calls.py JOB

JOB is a JSON file: `way`: `calls`, `judges` or `turns`; `folder` for logs and ledgers; `devices`; `entries`, recipe
entries; `tokens` of each reply. The last line printed is JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from prefmill.generators.calls import Caller
from prefmill.generators.halt import Halt
from prefmill.generators.hosting.pool import Pool
from prefmill.generators.hosting.settings import Hosted
from prefmill.generators.judges import Judge
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.judges.prometheus_absolute import PrometheusAbsolute
from prefmill.generators.ledger import Ledger
from prefmill.generators.providers import Provider, Request, Site
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Answer, Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric

TEXT = (
    "mill water stone grain wheel river flour sack miller price bread hand turn slow heavy old new because although "
    "therefore the a of and to is was it that for with on by from as not this which would could each other some more"
)
WORDS = TEXT.split()
QUESTION, ANSWER = 40, 150
"""Words."""
LEVELS = (
    "misses the question, or says what is wrong and would mislead whoever relies on it",
    "touches on the question, leaves out most of what matters and has several mistakes",
    "answers the question in the main, with gaps or a mistake that a careful reader notices",
    "answers the question correctly and in order; a detail or an example is missing",
    "answers the question correctly, completely and in an order that makes it easy to follow",
)
RUBRIC = Rubric(
    criteria="Does the answer say correctly and completely what was asked, with reasons that can be checked?",
    levels=tuple(Level(score=score, description=text) for score, text in enumerate(LEVELS, start=1)),
)
TURNS = ((0, True), (1, True), (0, True), (1, True), (0, False), (1, False), (0, False))
"""Which of two models is next, and whether the other one is wanted again: it sleeps then, and else is stopped."""
JUDGES: dict[str, type[Judge]] = {"judgelm": JudgeLM, "prometheus_absolute": PrometheusAbsolute}


async def ready() -> None:
    """What a run finds out here about its endpoints is no part of this."""


async def burst(caller: Caller, asked: Sequence[tuple[Message, ...]]) -> dict[str, float]:
    """All at once, as many in flight as the entry allows; every reply is in the ledger when it counts."""
    sampling = caller.provider.sampling
    requests = [Request(messages, sampling, 0, Task(messages=messages)) for messages in asked]
    started = time.perf_counter()
    done = await asyncio.gather(*(caller.call(request) for request in requests))
    seconds = time.perf_counter() - started
    lost = [outcome.failure for outcome in done if outcome.failure]
    if lost:
        raise SystemExit(f"{len(lost)} calls failed: {lost[0]}")
    return {"seconds": seconds, "tokens": sum(outcome.usage.completion_tokens or 0 for outcome in done)}


async def calls(job: dict[str, Any], pool: Pool, callers: Sequence[Caller]) -> object:
    """Bursts of the same prompts as everybody's."""
    (caller,) = callers
    messages = [[(Message(role="user", content=text),) for text in texts] for texts in [job["warm"], *job["bursts"]]]
    await burst(caller, messages[0])
    return [await burst(caller, asked) for asked in messages[1:]]


async def judges(job: dict[str, Any], pool: Pool, callers: Sequence[Caller]) -> object:
    """Judge prompts, as published and with what they share first, in turn: seconds, and what the cache held."""
    (caller,) = callers
    assert isinstance(caller.provider, Hosted)
    key, drawn, found = caller.provider.engine_key(), random.Random(1), []
    await burst(caller, [asked(JudgeLM(), drawn) for _ in job["warm"]])
    for _ in range(job["rounds"]):
        for name, judge in JUDGES.items():
            for shared in (False, True):
                before = await pool.served(key)
                made = judge.model_validate({"shared_first": shared})
                one = await burst(caller, [asked(made, drawn) for _ in range(job["count"])])
                after = await pool.served(key)
                prompt = after.prompt_tokens - before.prompt_tokens
                cached = after.cached_tokens - before.cached_tokens
                found.append({"judge": name, "shared": shared, "prompt": prompt, "cached": cached, **one})
    return found


def asked(judge: Judge, drawn: random.Random) -> tuple[Message, ...]:
    """A judge's question about texts of random words."""

    def words(count: int) -> str:
        return " ".join(drawn.choices(WORDS, k=count))

    question = (Message(role="user", content=words(QUESTION)),)
    task = Task(messages=question, rubric=RUBRIC, reference=Reference(text=words(ANSWER)))
    shown = 1 if judge.single else 2
    answers = [Answer(task_id=task.id, model=f"m{n}", text=words(ANSWER)) for n in range(shown)]
    return judge.ask(task, answers, judge.single)


async def turns(job: dict[str, Any], pool: Pool, callers: Sequence[Caller]) -> object:
    """Two models that do not fit together, in turn: seconds from the last reply of one until the other is ready."""
    entries = [caller.provider for caller in callers if isinstance(caller.provider, Hosted)]
    keys, found = [entry.engine_key() for entry in entries], []
    for number, (which, again) in enumerate(TURNS):
        hosting, started = pool.hostings()[keys[which]], time.perf_counter()
        loads = hosting.loads
        await pool.admit([entries[which]], again=keys if again else ())
        await pool.loaded(keys[which])
        seconds = time.perf_counter() - started
        how = "first load" if number < 2 else "load" if hosting.loads > loads else "wake" if again else "last wake"
        await burst(callers[which], [(Message(role="user", content=f"ab cd {number}"),)])
        found.append({"how": how, "seconds": seconds})
    return found


WAYS = {"calls": calls, "judges": judges, "turns": turns}


async def work(job: dict[str, Any]) -> object:
    """Open what the job names, and do it."""
    folder = Path(job["folder"])
    pool = Pool(folder / "engines", job["devices"])
    try:
        async with AsyncExitStack() as stack:
            ledger, callers, entries = stack.enter_context(Ledger.open(folder / "ledger.sqlite")), [], []
            for fields in job["entries"]:
                name = fields.pop("provider")
                entry = load(Provider, name).model_validate(fields)
                assert isinstance(entry, Hosted)
                connection = await stack.enter_async_context(entry.open(Site(engines=pool)))
                callers.append(Caller("answers", entry, connection, ledger, ready, Halt()))
                entries.append(entry)
            if job["way"] != "turns":
                await pool.admit(entries)
            return await WAYS[job["way"]](job, pool, callers)
    finally:
        await pool.close()


def main() -> None:
    """Do the job."""
    import uvloop

    print(json.dumps(uvloop.run(work(json.loads(Path(sys.argv[1]).read_text())))))


if __name__ == "__main__":
    main()
