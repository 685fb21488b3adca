"""Batch mode of the `openai` provider over real sockets: what is submitted, when, and after a restart."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from prefmill.generators.asking import call_key, request_body
from prefmill.generators.batches.record import BatchRecord, Shelf, State
from prefmill.generators.providers import Reply, Site
from prefmill.generators.providers.openai import OpenAI
from prefmill.schemas.errors import RunDirectoryError

if TYPE_CHECKING:
    from .conftest import Ask, BatchApi, Found, Opened, Question


def test_requests_go_into_one_batch_as_they_would_go_online(
    api: BatchApi, opened: Opened, ask: Ask, question: Question
) -> None:
    async def talk() -> tuple[Found, OpenAI]:
        async with opened() as (connection, model):
            return await ask(connection, 1, 2, temperature=0.5, min_p=0.1, max_tokens=9), model

    found, model = asyncio.run(talk())
    assert found == [Reply(f"to question {k}", "stop", 4, 2, price_factor=0.5) for k in (1, 2)]
    asked = [question(k, temperature=0.5, min_p=0.1, max_tokens=9) for k in (1, 2)]
    assert api.lines("batch_1") == [
        {
            "custom_id": call_key(model, request_body(model, request), request.sample),
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": "m",
                "messages": [{"role": "user", "content": f"question {k}"}],
                "temperature": 0.5,
                "min_p": 0.1,
                "max_tokens": 9,
            },
        }
        for k, request in zip((1, 2), asked, strict=True)
    ]
    assert api.batches["batch_1"]["completion_window"] == "24h"
    assert api.batches["batch_1"]["endpoint"] == "/v1/chat/completions"
    assert not api.online


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        ({"max_requests": 4}, [4, 4, 2]),
        ({"max_bytes": 600}, [3, 3, 3, 1]),
        ({"max_bytes": 10}, [1] * 10),
        ({"max_enqueued_tokens": 64}, [4, 4, 2]),
        ({"max_enqueued_tokens": 1}, [1] * 10),
    ],
)
def test_batches_are_split_at_the_limits(
    api: BatchApi, opened: Opened, ask: Ask, limits: dict[str, int], sizes: list[int]
) -> None:
    """A question's line has 180 bytes; its body has 65, which is taken for 16 tokens."""

    async def talk() -> Found:
        async with opened(**limits) as (connection, _):
            return await ask(connection, *range(10))

    assert asyncio.run(talk()).texts() == [f"to question {k}" for k in range(10)]
    assert api.sizes() == sizes


def test_no_more_tokens_are_enqueued_than_the_account_allows(api: BatchApi, opened: Opened, ask: Ask) -> None:
    api.hold = True

    async def talk() -> Found:
        async with opened(max_enqueued_tokens=64) as (connection, _):
            asked = asyncio.create_task(ask(connection, *range(10)))
            await asyncio.sleep(0.4)
            assert api.sizes() == [4]
            api.hold = False
            return await asked

    assert asyncio.run(talk()).texts() == [f"to question {k}" for k in range(10)]
    assert api.sizes() == [4, 4, 2]


def test_a_batch_waits_while_requests_keep_coming(api: BatchApi, opened: Opened, ask: Ask) -> None:
    async def talk() -> None:
        async with opened(linger=0.3) as (connection, _):
            asked = []
            for k in range(6):
                asked.append(asyncio.create_task(ask(connection, k)))
                await asyncio.sleep(0.1)
            asked.append(asyncio.create_task(ask(connection, 0)))
            await asyncio.gather(*asked)

    asyncio.run(talk())
    assert api.sizes() == [6]


@pytest.mark.parametrize(
    ("state", "made"),
    [("preparing", False), ("uploaded", False), ("uploaded", True), ("open", True), ("ended", True)],
)
def test_a_restart_finds_a_batch_in_any_state(
    api: BatchApi, opened: Opened, ask: Ask, question: Question, *, tmp_path: Path, state: State, made: bool
) -> None:
    """A batch that the endpoint made is not made again, whether or not we got to write down its id."""

    async def talk() -> Found:
        async with opened() as (_, model):
            request = question(1)
            body = request_body(model, request)
            key = call_key(model, body, request.sample)
            shelf = Shelf(tmp_path / "batches", "m")
            record = BatchRecord(
                uuid="u1", label="m", state=state, created_s=time.time(), keys=(key,), input_sha256="", tokens=1
            )
            if made:
                line = {"custom_id": key, "body": json.loads(body)}
                api.batches["batch_1"] = {
                    "id": "batch_1",
                    "created_at": int(time.time()),
                    "status": "validating",
                    "metadata": {"prefmill": "u1"},
                    "input_file_id": api.file(json.dumps(line).encode()),
                }
                record = record.model_copy(update={"batch_id": None if state == "uploaded" else "batch_1"})
            shelf.keep(record)
            async with model.open(Site(folder=tmp_path / "batches")) as again:
                return await ask(again, 1)

    assert asyncio.run(talk()).texts() == ["to question 1"]
    assert api.sizes() == [1]
    assert ("POST /batches" in api.heard) != made
    assert len(list((tmp_path / "batches").glob("*.json"))) == 1


def test_results_that_are_here_need_no_endpoint(api: BatchApi, opened: Opened, ask: Ask, tmp_path: Path) -> None:
    """A kill between the results and the ledger: they are read from disk, as often as they are wanted."""

    async def talk() -> Found:
        async with opened() as (connection, model):
            first = await ask(connection, 1, 2)
            api.refuse = lambda _: (500, {"error": {"message": "down"}})
            async with model.open(Site(folder=tmp_path / "batches")) as again:
                assert await ask(again, 2, 1) == [first[1], first[0]]
                assert await ask(again, 2, 1) == [first[1], first[0]]
                return first

    assert asyncio.run(talk()).texts() == ["to question 1", "to question 2"]
    assert api.sizes() == [2]


def test_a_batch_that_was_made_unheard_is_not_made_again(api: BatchApi, opened: Opened, ask: Ask) -> None:
    api.lose = {"POST /batches"}

    async def talk() -> Found:
        async with opened() as (connection, _):
            return await ask(connection, 1)

    assert asyncio.run(talk()).texts() == ["to question 1"]
    assert api.heard.count("POST /batches") == 1


def test_an_endpoint_that_is_away_for_a_while_is_waited_for(api: BatchApi, opened: Opened, ask: Ask) -> None:
    api.lose = {"POST /files", "GET /batches/batch_1", "GET /files/file-2/content"}

    async def talk() -> Found:
        async with opened() as (connection, _):
            return await ask(connection, 1)

    assert asyncio.run(talk()).texts() == ["to question 1"]
    assert not api.lose


def test_a_change_to_online_still_waits_for_what_is_paid_for(api: BatchApi, opened: Opened, ask: Ask) -> None:
    api.hold = True

    async def talk() -> tuple[Found, list[str]]:
        async with opened() as (connection, _):
            asked = asyncio.create_task(ask(connection, 1))
            while not any(name.startswith("GET /batches/") for name in api.heard):
                await asyncio.sleep(0.01)
            asked.cancel()
        async with opened(mode="online") as (connection, _):
            waiting = asyncio.create_task(ask(connection, 1))
            online = (await ask(connection, 2)).texts()
            api.hold = False
            return await waiting, online

    waited, online = asyncio.run(talk())
    assert (waited.texts(), online) == (["to question 1"], ["online to question 2"])
    assert api.sizes() == [1]


def test_nothing_is_submitted_once_a_run_is_stopping(api: BatchApi, opened: Opened, ask: Ask) -> None:
    async def talk() -> None:
        stopping = asyncio.Event()
        async with opened(stopping=stopping) as (connection, _):
            asked = asyncio.create_task(ask(connection, 1))
            await asyncio.sleep(0.01)
            stopping.set()
            await asyncio.sleep(0.3)
            asked.cancel()

    asyncio.run(talk())
    assert not api.batches


def test_a_record_that_is_none_is_told(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches" / "a.json").write_text("{")

    async def talk() -> None:
        async with opened():
            raise AssertionError

    with pytest.raises(RunDirectoryError, match=r"a\.json: not a batch's record"):
        asyncio.run(talk())
