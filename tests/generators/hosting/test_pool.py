"""The engines of a run: shared, loaded when they are first asked, one after the other where they do not fit."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from prefmill.generators.hosting.engine import Served
from prefmill.generators.hosting.pool import Pool
from prefmill.generators.providers import Connection, Site
from prefmill.generators.providers.vllm_server import VLLMServer
from prefmill.schemas.errors import CallFailed, EndpointError

if TYPE_CHECKING:
    from ..conftest import RequestFor
    from .conftest import FakeVLLM

Work = Callable[[Pool, Sequence[Connection]], Awaitable[None]]


def pooled(entries: Sequence[VLLMServer], folder: Path, devices: Sequence[int], work: Work) -> Pool:
    """Do something with a pool and a connection for each entry; nothing is admitted yet. Gives the closed pool."""

    async def run() -> Pool:
        pool = Pool(folder / "engines", devices)
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(entry.open(Site(engines=pool))) for entry in entries]
            try:
                await work(pool, opened)
            finally:
                await pool.close()
        return pool

    return asyncio.run(run())


def models(fake_vllm: FakeVLLM) -> list[str]:
    """The models that were started, in this order."""
    return [start["argv"][1] for start in fake_vllm.starts()]


def devices_of(fake_vllm: FakeVLLM) -> list[str]:
    """The GPUs of each start."""
    return [start["environment"]["CUDA_VISIBLE_DEVICES"] for start in fake_vllm.starts()]


def test_entries_that_differ_in_sampling_share_one_engine(
    fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path
) -> None:
    entries = [fake_vllm.entry(name="a", sampling={"temperature": 0}), fake_vllm.entry(name="b", timeout=9)]
    others = [fake_vllm.entry(dtype="float16"), fake_vllm.entry(chat_template=tmp_path), fake_vllm.entry("--child")]
    assert len({entry.engine_key() for entry in [*entries, *others]}) == 4

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        await pool.admit(entries)
        assert models(fake_vllm) == []  # Nobody has asked anything yet.
        replies = await asyncio.gather(*(one.complete(request_for("a")) for one in (*opened, *opened, *opened)))
        assert {reply.text for reply in replies} == {"org/m on a"}
        assert await pool.served(entries[0].engine_key()) == Served(6, 5, 18)

    pool = pooled(entries, tmp_path, (), work)
    (hosting,) = pool.hostings().values()
    assert (hosting.loads, hosting.crashes, hosting.wakes) == (1, 0, 0)
    assert hosting.load_s > 0
    assert models(fake_vllm) == ["org/m"]
    assert asyncio.run(pool.served(entries[0].engine_key())) == Served(6, 5, 18), "still known once it is closed"


def test_adapters_of_a_model_are_loaded_with_it(fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path) -> None:
    adapters = [str(tmp_path / name) for name in ("kind", "strict")]
    for adapter in adapters:
        Path(adapter).mkdir()
        (Path(adapter) / "adapter_config.json").write_text('{"r": 8}')
    entries = [fake_vllm.entry(), *(fake_vllm.entry(adapter=adapter, name=adapter) for adapter in adapters)]

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        await pool.admit(entries[:1])
        replies = [await one.complete(request_for("a")) for one in opened]
        names = ["org/m", *(f"adapter:{adapter}" for adapter in adapters)]
        assert [reply.text for reply in replies] == [f"{name} on a" for name in names]

    pooled(entries, tmp_path, (), work)
    assert models(fake_vllm) == ["org/m"]


@pytest.mark.parametrize("devices", [(), (3,)])
def test_two_that_do_not_fit_are_loaded_one_after_the_other(
    fake_vllm: FakeVLLM, request_for: RequestFor, *, tmp_path: Path, devices: tuple[int, ...]
) -> None:
    a, b = (fake_vllm.entry(model=model, sleep=False) for model in ("a", "b"))

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        assert not pool.fits([a, b])
        assert pool.together([a, b]) == [a]
        with pytest.raises(EndpointError, match=r"a: gpus: 1, replicas: 1, gpu_memory_utilization: 0\.9; b: "):
            await pool.admit([a, b])
        for entry, connection in zip((a, b, a), (*opened, opened[0]), strict=True):
            await pool.admit([entry], again=[a.engine_key()])
            assert (await connection.complete(request_for("x"))).text == f"{entry.model} on x"
            assert len(fake_vllm.left()) == 1, "one server, and nothing of the other"

    pool = pooled([a, b], tmp_path, devices, work)
    assert models(fake_vllm) == ["a", "b", "a"]
    assert fake_vllm.left() == []
    assert [hosting.loads for hosting in pool.hostings().values()] == [2, 1]
    if devices:
        assert devices_of(fake_vllm) == ["3"] * 3


def test_what_is_needed_again_sleeps_meanwhile(fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path) -> None:
    a, b = (fake_vllm.entry(model=model) for model in ("a", "b"))

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        for entry, connection in zip((a, b, a), (*opened, opened[0]), strict=True):
            await pool.admit([entry], again=[a.engine_key()])
            assert (await connection.complete(request_for("x"))).text == f"{entry.model} on x"
        assert await pool.served(a.engine_key()) == Served(2, 1, 6)

    pool = pooled([a, b], tmp_path, (0,), work)
    assert models(fake_vllm) == ["a", "b"]
    assert [(hosting.loads, hosting.wakes) for hosting in pool.hostings().values()] == [(1, 1), (1, 0)]
    assert fake_vllm.left() == []


def test_where_memory_is_short_those_asleep_are_stopped(
    fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path
) -> None:
    """A model that sleeps keeps some of the GPU's memory. Whether the next one is loaded or woken, it goes on."""
    a, b = fake_vllm.entry(model="a"), fake_vllm.entry("--alone", model="b")
    both = [a.engine_key(), b.engine_key()]

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        for entry in (a, b, a, b):
            await pool.admit([entry], again=both)
            assert (await opened[entry is b].complete(request_for("x"))).text == f"{entry.model} on x"

    pool = pooled([a, b], tmp_path, (0,), work)
    assert models(fake_vllm) == ["a", "b", "b", "a", "b"]
    assert [(one.loads, one.wakes) for one in pool.hostings().values()] == [(2, 0), (2, 0)]
    assert fake_vllm.left() == []


def test_those_asleep_go_on_sleeping_where_memory_is_not_what_is_missing(
    fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path
) -> None:
    a, b = fake_vllm.entry(model="a"), fake_vllm.entry("--fails", "ValueError: no", model="b")

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        await pool.admit([a])
        await opened[0].complete(request_for("x"))
        await pool.admit([b], again=[a.engine_key()])
        with pytest.raises(CallFailed, match="vLLM did not start: ValueError: no"):
            await opened[1].complete(request_for("x"))
        await pool.admit([a])
        await opened[0].complete(request_for("x"))

    pool = pooled([a, b], tmp_path, (0,), work)
    assert models(fake_vllm) == ["a", "b"]
    assert [(one.loads, one.wakes) for one in pool.hostings().values()] == [(1, 1), (0, 0)]


@pytest.mark.parametrize(("devices", "held_back"), [((0,), True), ((0, 1), False), ((), False)])
def test_a_model_does_not_work_while_another_is_loaded_beside_it(
    fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path, *, devices: tuple[int, ...], held_back: bool
) -> None:
    """vLLM takes what the other allocates meanwhile for its own. One on another GPU, or on the CPU, goes on."""
    a, b = (
        fake_vllm.entry("--slow", "0.5", "--seconds", "0.05", model=model, gpu_memory_utilization=0.4)
        for model in ("a", "b")
    )

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        async def keep_asking(until: asyncio.Event) -> None:
            while not until.is_set():
                assert (await opened[0].complete(request_for("x"))).text == "a on x"

        await pool.admit([a, b])
        await opened[0].complete(request_for("x"))
        first, second = pool.hostings().values()
        loaded = asyncio.Event()
        asking = [asyncio.create_task(keep_asking(loaded)) for _ in range(4)]
        loading = asyncio.create_task(opened[1].complete(request_for("y")))
        at_work: list[int] = []
        while second.engine is None:
            if len(fake_vllm.starts()) == 2:
                at_work.append(first.pace.open)
            await asyncio.sleep(0.01)
        assert len(at_work) > 10
        assert max(at_work) == (0 if held_back else 4)
        assert (await loading).text == "b on y"
        before = first.pace.calls
        while first.pace.calls < before + 8:  # It goes on.
            await asyncio.sleep(0.01)
        loaded.set()
        await asyncio.gather(*asking)

    pooled([a, b], tmp_path, devices, work)


def test_one_that_waits_for_another_to_load_goes_on_where_that_fails(
    fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path
) -> None:
    a = fake_vllm.entry(model="a", gpu_memory_utilization=0.4)
    b = fake_vllm.entry("--slow", "0.5", "--fails", "ValueError: no", model="b", gpu_memory_utilization=0.4)

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        await pool.admit([a, b])
        await opened[0].complete(request_for("x"))
        failing = asyncio.create_task(opened[1].complete(request_for("y")))
        while len(fake_vllm.starts()) < 2:
            await asyncio.sleep(0.01)
        assert (await opened[0].complete(request_for("x"))).text == "a on x"
        with pytest.raises(CallFailed, match="did not start"):
            await failing

    pooled([a, b], tmp_path, (0,), work)
    assert models(fake_vllm) == ["a", "b"]


def test_models_that_fit_get_gpus_of_their_own_and_start_one_after_the_other(
    fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path
) -> None:
    """vLLM looks at the memory that is free while it starts."""
    entries = [fake_vllm.entry("--slow", "0.3", model=model, gpus=gpus) for model, gpus in (("a", 2), ("b", 1))]

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        await pool.admit(entries)
        asked = [asyncio.create_task(one.complete(request_for("x"))) for one in opened]
        while not all(task.done() for task in asked):
            running = [entry for entry in pool.hostings().values() if entry.engine is not None]
            assert len(fake_vllm.starts()) <= len(running) + 1
            await asyncio.sleep(0.02)
        assert [task.result().text for task in asked] == ["a on x", "b on x"]

    pooled(entries, tmp_path, (4, 5, 6), work)
    assert sorted(devices_of(fake_vllm)) == ["4,5", "6"]


def test_a_model_that_died_is_loaded_again_and_its_remains_are_gone(
    fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path
) -> None:
    entry = fake_vllm.entry("--child", "--crash-after", "1", "--lingers", "30")

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        (connection,) = opened
        await pool.admit([entry])
        await connection.complete(request_for("a"))
        with pytest.raises(CallFailed, match="the model has died: EngineCore encountered an issue") as caught:
            await connection.complete(request_for("b"))
        assert (caught.value.kind, caught.value.fatal) == ("connection", False)
        before = fake_vllm.left()
        assert (await connection.complete(request_for("b"))).text == "org/m on b"
        assert set(before).isdisjoint(fake_vllm.left())

    pool = pooled([entry], tmp_path, (), work)
    assert [(one.loads, one.crashes) for one in pool.hostings().values()] == [(2, 1)]


def test_a_pool_ends_what_an_earlier_process_left(fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path) -> None:
    """Its launcher, which would have done so, was killed as well."""

    async def work(pool: Pool, opened: Sequence[Connection]) -> None:
        await pool.admit([entry])
        await opened[0].complete(request_for("a"))
        (note,) = (tmp_path / "engines").glob("*.pid")
        os.kill(json.loads(note.read_text())["pid"], signal.SIGKILL)
        # The server dies with it. Its child is what there is to find; for another pool it is another process's.
        while len(left := fake_vllm.left()) != 1:
            await asyncio.sleep(0.01)
        assert Pool(tmp_path / "engines", ()).reaped == (f"{note.stem}: process {left[0]} was still running",)
        assert fake_vllm.left() == []

    entry = fake_vllm.entry("--child")
    assert pooled([entry], tmp_path, (), work).reaped == ()
