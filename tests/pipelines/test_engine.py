"""The engine: rows stream through the steps of a distilabel DAG, and nothing that goes wrong makes it hang."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from importlib import metadata
from typing import Any

import pytest

from prefmill.generators.halt import Halt
from prefmill.pipelines.engine import WAITING_ROWS, Mill, RowStep, Seeds, Work, chain, seeds, stage
from prefmill.pipelines.stages import Seed
from prefmill.schemas.errors import EndpointError, RunDirectoryError, SourceError, Stopped

Lines = Callable[[], Iterator[Seed] | AsyncGenerator[Seed]]
Planned = tuple[str, Work, list[str], str, int]
"""Name, work, columns taken, column given, open rows: what `stage` takes."""


def rows(count: int) -> Lines:
    return lambda: (Seed(place, None) for place in range(count))


def mill(lines: Lines, *planned: Planned) -> Mill:
    made = Mill(name="test")
    with made:
        chain(seeds(lines), *(stage(*arguments) for arguments in planned))
    return made


def run(made: Mill, halt: Halt | None = None, seconds: float = 20) -> Halt:
    """Stream to the end; also that nothing is left running."""
    used = halt or Halt(grace_s=0.2)

    async def whole() -> None:
        try:
            async with asyncio.timeout(seconds):
                await made.stream(used)
        finally:
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(whole())
    return used


class Kept:
    """The last step: keeps what comes, in the order in which it comes."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    async def __call__(self, *made: object) -> None:
        self.rows.append(made)


async def double(seed: Seed) -> int:
    return seed.place * 2


async def increased(number: int) -> int:
    return number + 1


def test_every_row_comes_through_every_step() -> None:
    kept = Kept()
    made = mill(
        rows(300),
        ("double", double, ["seed"], "two", 8),
        ("more", increased, ["two"], "three", 1),
        ("keep", kept, ["seed", "two", "three"], "kept", 1),
    )
    halt = run(made)
    assert halt.reason is None
    assert sorted((seed.place, two, three) for seed, two, three in kept.rows) == [
        (place, place * 2, place * 2 + 1) for place in range(300)
    ]


def test_a_run_without_rows_ends() -> None:
    kept = Kept()
    run(mill(rows(0), ("keep", kept, ["seed"], "kept", 1)))
    assert kept.rows == []


def test_a_slow_row_holds_back_no_other() -> None:
    """Row 0 is done only when all others have come out at the end: a barrier anywhere would wait forever."""
    kept = Kept()
    others_done = asyncio.Event()

    async def slow(seed: Seed) -> int:
        if seed.place == 0:
            await others_done.wait()
        return seed.place

    async def keep(seed: Seed, _: int) -> None:
        kept.rows.append((seed.place,))
        if len(kept.rows) == 499:
            others_done.set()

    first: Planned = ("slow", slow, ["seed"], "slow", 4)
    second: Planned = ("slow_too", slow, ["seed"], "slow_too", 4)
    run(mill(rows(500), first, second, ("keep", keep, ["seed", "slow"], "kept", 1)))
    assert [place for (place,) in kept.rows] == [*range(1, 500), 0]


@pytest.mark.parametrize("most", [1, 5])
def test_no_more_rows_are_open_than_the_step_says(most: int) -> None:
    open_now = peak = 0
    order: list[int] = []

    async def work(seed: Seed) -> None:
        nonlocal open_now, peak
        order.append(seed.place)
        open_now += 1
        peak = max(peak, open_now)
        await asyncio.sleep(0.002)
        open_now -= 1

    run(mill(rows(60), ("work", work, ["seed"], "done", most)))
    assert peak == most
    assert order == list(range(60))


def test_a_step_that_is_behind_holds_up_the_source() -> None:
    """Memory: a source of any length is read only as far as its rows are needed."""
    read = 0
    far = WAITING_ROWS + 1000

    def lines() -> Iterator[Seed]:
        nonlocal read
        for place in range(far):
            read += 1
            yield Seed(place, None)

    async def stuck(_: Seed) -> None:
        await asyncio.Event().wait()

    async def whole() -> None:
        halt = Halt(grace_s=0)
        running = asyncio.create_task(mill(lines, ("stuck", stuck, ["seed"], "done", 3)).stream(halt))
        before = -1
        while before != read:
            before = read
            await asyncio.sleep(0.2)
        halt.request(Stopped("seen enough"))
        await running

    asyncio.run(whole())
    assert WAITING_ROWS < read < far


class Bug(Exception):
    """Something that no stage should ever raise."""


@pytest.mark.parametrize("where", ["first", "middle", "last"])
@pytest.mark.parametrize("most", [1, 120])
@pytest.mark.parametrize("place", [0, 5, 99])
def test_a_bug_is_raised_at_once(where: str, most: int, place: int) -> None:
    """Also while other rows of this step, and of the steps before and after it, will not be done for a long time."""

    async def broken(seed: Seed) -> None:
        if seed.place == place:
            raise Bug(where)
        if seed.place % 7 == 6 and most > 1:
            await asyncio.Event().wait()

    async def waits(seed: Seed) -> None:
        if seed.place > place:
            await asyncio.Event().wait()

    def work(name: str) -> Work:
        return broken if name == where else waits

    made = mill(rows(100), *((name, work(name), ["seed"], name, most) for name in ("first", "middle", "last")))
    with pytest.raises(Bug, match=where):
        run(made, seconds=5)


@pytest.mark.parametrize("error", [RunDirectoryError("full"), SourceError("cut off")])
def test_an_error_of_the_run_stops_it_and_is_the_reason(error: Exception) -> None:
    kept = Kept()
    begun: list[int] = []

    async def work(seed: Seed) -> int:
        begun.append(seed.place)
        await asyncio.sleep(0.01)
        if seed.place == 20 and not isinstance(error, SourceError):
            raise error
        return seed.place

    def lines() -> Iterator[Seed]:
        for place in range(5000):
            if place == 200 and isinstance(error, SourceError):
                raise error
            yield Seed(place, None)

    halt = run(mill(lines, ("work", work, ["seed"], "done", 10), ("keep", kept, ["seed", "done"], "kept", 1)))
    assert halt.reason is error
    assert halt.requested.is_set()
    # Rows that were open came through, and the source was not read to its end.
    assert {seed.place for seed, _ in kept.rows} >= set(range(20))
    assert len(begun) < 2000


def test_a_row_whose_endpoint_has_failed_goes_no_further_and_the_others_do() -> None:
    kept = Kept()

    async def work(seed: Seed) -> int:
        if seed.place % 2:
            raise EndpointError("refused")
        return seed.place

    halt = run(mill(rows(100), ("work", work, ["seed"], "done", 10), ("keep", kept, ["done"], "kept", 1)))
    assert sorted(place for (place,) in kept.rows) == list(range(0, 100, 2))
    assert halt.reason is None


def test_an_error_in_the_source_that_is_a_bug_is_raised() -> None:
    def lines() -> Iterator[Seed]:
        yield Seed(0, None)
        raise Bug

    with pytest.raises(Bug):
        run(mill(lines, ("double", double, ["seed"], "two", 4)))


def test_what_is_in_flight_has_its_grace() -> None:
    """A stopped row goes no further, a quick one comes through, and a long one is cut short."""
    kept = Kept()
    cut: list[int] = []

    async def work(seed: Seed) -> int:
        try:
            await asyncio.sleep(60 if seed.place == 1 else 0.1)
        except asyncio.CancelledError:
            cut.append(seed.place)
            raise
        if seed.place == 2:
            raise Stopped("not sent")
        return seed.place

    made = mill(rows(4), ("work", work, ["seed"], "done", 4), ("keep", kept, ["done"], "kept", 1))
    halt = Halt(grace_s=0.5)

    async def whole() -> float:
        running = asyncio.create_task(made.stream(halt))
        await asyncio.sleep(0.02)
        started = asyncio.get_running_loop().time()
        halt.request(Stopped("stopped by SIGINT"))
        halt.request(Stopped("a second reason"))
        await running
        return asyncio.get_running_loop().time() - started

    seconds = asyncio.run(whole())
    assert 0.4 < seconds < 2
    assert sorted(place for (place,) in kept.rows) == [0, 3]
    assert cut == [1]
    assert str(halt.reason) == "stopped by SIGINT"


def test_a_stopped_run_without_open_rows_ends_before_its_grace() -> None:
    halt = Halt(grace_s=30)
    halt.request(Stopped("before it began"))
    run(mill(rows(10), ("double", double, ["seed"], "two", 4)), halt, seconds=5)


def test_steps_run_in_the_order_of_the_chain() -> None:
    """Not in the order in which they were made."""
    kept = Kept()
    with Mill(name="test") as made:
        last = stage("keep", kept, ["three"], "kept")
        second = stage("more", increased, ["two"], "three", 3)
        first = stage("double", double, ["seed"], "two", 3)
        chain(seeds(rows(3)), first, second, last)
    run(made)
    assert sorted(kept.rows) == [(1,), (3,), (5,)]


def test_columns_that_do_not_fit_are_refused_before_anything_runs() -> None:
    begun: list[int] = []

    async def work(seed: Seed, _: int) -> None:
        begun.append(seed.place)

    with pytest.raises(ValueError, match=r"'work' requires inputs .* inputs=\['two'\] are missing"):
        run(mill(rows(3), ("work", work, ["seed", "two"], "done", 1), ("double", double, ["seed"], "two", 1)))
    assert begun == []


def test_a_step_that_nothing_leads_to_is_refused() -> None:
    with Mill(name="test") as made:
        chain(seeds(rows(3)), stage("double", double, ["seed"], "two"))
        stage("alone", double, ["seed"], "four")
    with pytest.raises(ValueError, match="'alone' cannot be a root step"):
        run(made)


def test_steps_do_the_same_work_a_batch_at_a_time() -> None:
    """As distilabel's own runner calls them: `process` of each step on the batches of the step before it."""
    kept = Kept()
    planned: list[Planned] = [("double", double, ["seed"], "two", 2), ("more", increased, ["two"], "three", 2)]
    run(mill(rows(200), *planned, ("keep", kept, ["seed", "two", "three"], "kept", 1)))
    made = mill(rows(200), *planned)
    source, *steps = (made.dag.get_step(name)["step"] for name in ("tasks", "double", "more"))
    assert isinstance(source, Seeds)
    batches = list(source.process())
    assert [len(batch) for batch, _ in batches] == [64, 64, 64, 8]
    assert [last for _, last in batches] == [False, False, False, True]
    out = []
    for columns, _ in batches:
        batch = columns
        for step in steps:
            assert isinstance(step, RowStep)
            (batch,) = step.process(batch)
        out += [(row["seed"], row["two"], row["three"]) for row in batch]
    assert sorted(out, key=lambda row: row[0].place) == sorted(kept.rows, key=lambda row: row[0].place)
    rest, last = list(source.process(offset=192))[-1]
    assert ([row["seed"].place for row in rest], last) == (list(range(192, 200)), True)


def test_lines_that_are_written_come_as_they_come() -> None:
    """On the run's event loop: here the source goes on only when its row has come out at the end."""
    out = asyncio.Event()
    threads: set[threading.Thread] = set()

    async def lines() -> AsyncGenerator[Seed]:
        for place in range(5):
            threads.add(threading.current_thread())
            yield Seed(place, None)
            await out.wait()
            out.clear()

    async def keep(seed: Seed, two: int) -> None:
        assert two == 2 * seed.place
        out.set()

    run(mill(lines, ("double", double, ["seed"], "two", 4), ("keep", keep, ["seed", "two"], "kept", 1)), seconds=5)
    assert threads == {threading.current_thread()}


def test_lines_that_are_read_are_read_beside_the_loop() -> None:
    """A slow disk holds up nothing: the loop has its turn while a line is read."""
    turns: list[int] = []
    turned = threading.Event()

    def lines() -> Iterator[Seed]:
        yield Seed(0, None)
        assert threading.current_thread() is not threading.main_thread()
        turned.wait(5)
        yield Seed(1, None)

    async def turn() -> None:
        turns.append(len(kept.rows))
        turned.set()

    kept = Kept()

    async def whole() -> None:
        beside = asyncio.create_task(turn())
        await mill(lines, ("keep", kept, ["seed"], "kept", 1)).stream(Halt())
        await beside

    asyncio.run(whole())
    assert (turns, len(kept.rows)) == ([0], 2)


def test_written_lines_are_rows_a_batch_at_a_time_too() -> None:
    async def lines() -> AsyncGenerator[Seed]:
        for place in range(130):
            await asyncio.sleep(0)
            yield Seed(place, None)

    source = mill(lines, ("double", double, ["seed"], "two", 2)).dag.get_step("tasks")["step"]
    found = [([row["seed"].place for row in batch], last) for batch, last in source.process()]
    assert found == [(list(range(64)), False), (list(range(64, 128)), False), ([128, 129], True)]
    assert [row["seed"].place for batch, _ in source.process(offset=128) for row in batch] == [128, 129]

    async def flowed() -> list[int]:
        return [row["seed"].place async for row in source.flow()]

    assert asyncio.run(flowed()) == list(range(130))


@pytest.mark.parametrize("error", [SourceError("cut off"), Stopped("a cap"), Bug()])
def test_what_a_written_source_raises_stops_the_run(error: Exception) -> None:
    kept = Kept()

    async def lines() -> AsyncGenerator[Seed]:
        for place in range(3):
            yield Seed(place, None)
        raise error

    made = mill(lines, ("double", double, ["seed"], "two", 4), ("keep", kept, ["two"], "kept", 1))
    if isinstance(error, Bug):
        with pytest.raises(Bug):
            run(made)
        return
    assert run(made).reason is error
    assert sorted(kept.rows) == [(0,), (2,), (4,)]


def test_a_step_that_is_behind_holds_up_what_is_written() -> None:
    """No text is asked for, and paid, that would wait long for its turn."""
    begun: list[int] = []

    async def lines() -> AsyncGenerator[Seed]:
        for place in range(WAITING_ROWS + 1000):
            begun.append(place)
            yield Seed(place, None)

    async def stuck(_: Seed) -> None:
        await asyncio.Event().wait()

    async def whole() -> None:
        halt = Halt(grace_s=0)
        running = asyncio.create_task(mill(lines, ("stuck", stuck, ["seed"], "done", 3)).stream(halt))
        await asyncio.sleep(0.3)
        halt.request(Stopped("seen enough"))
        await running

    asyncio.run(whole())
    assert WAITING_ROWS < len(begun) < WAITING_ROWS + 20


@pytest.mark.parametrize("waiting", [True, False])
def test_a_written_source_is_closed_when_the_run_stops(waiting: bool) -> None:
    """Whether it waits for a reply or for its turn: its own calls end with it, before the run does."""
    ended: list[str] = []
    halt = Halt(grace_s=0.2)

    async def call() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("call")

    async def lines() -> AsyncGenerator[Seed]:
        own = asyncio.create_task(call())
        try:
            for place in range(10_000):
                yield Seed(place, None)
                if place == 20 and waiting:
                    await asyncio.Event().wait()
        finally:
            own.cancel()
            await asyncio.gather(own, return_exceptions=True)
            ended.append("source")

    async def slow(seed: Seed) -> None:
        await asyncio.sleep(0.001)
        if seed.place == 20:
            halt.request(Stopped("seen enough"))

    run(mill(lines, ("slow", slow, ["seed"], "done", 1)), halt, seconds=5)
    assert ended == ["call", "source"]


NEEDED = {
    "distilabel.pipeline:Pipeline": ("__enter__", "__exit__"),
    "distilabel.pipeline._dag:DAG": ("validate", "get_step", "iter_based_on_trophic_levels"),
    "distilabel.steps:Step": ("inputs", "outputs", "process", "connect"),
    "distilabel.steps:GeneratorStep": ("inputs", "outputs", "process", "connect"),
}


@pytest.mark.parametrize("place", NEEDED)
def test_distilabel_is_as_the_engine_needs_it(place: str) -> None:
    module, _, name = place.partition(":")
    thing = getattr(__import__(module, fromlist=[name]), name, None)
    missing = [needed for needed in NEEDED[place] if not hasattr(thing, needed)]
    version = metadata.version("distilabel")
    assert thing is not None, f"distilabel {version} has no {place}, which pipelines/engine.py needs: pin 1.5.3 again."
    assert not missing, f"distilabel {version}: {place} lacks {missing}, which pipelines/engine.py needs: pin 1.5.3."


def test_a_distilabel_step_is_made_as_the_engine_makes_it() -> None:
    made = mill(rows(1), ("double", double, ["seed"], "two", 7))
    source, step = made.dag.get_step("tasks")["step"], made.dag.get_step("double")["step"]
    said = f"distilabel {metadata.version('distilabel')} makes steps otherwise than pipelines/engine.py needs"
    assert list(made.dag) == ["tasks", "double"], said
    assert list(made.dag.get_step_successors("tasks")) == ["double"], said
    assert (source.name, source.outputs, source.batch_size) == ("tasks", ["seed"], 64), said
    assert (step.name, step.inputs, step.outputs, step.open_rows) == ("double", ["seed"], ["two"], 7), said
