"""Batch mode of the `openai` provider over real sockets: what becomes of requests that get no answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from prefmill.generators.providers import Reply, Site
from prefmill.schemas.errors import CallFailed

if TYPE_CHECKING:
    from .conftest import Ask, BatchApi, Found, Line, Opened


@pytest.fixture(name="failing")
def _failing(api: BatchApi) -> BatchApi:
    """The test's `api`, where each of the questions 0 to 10 meets another fate."""

    def fate(line: Line) -> Line | None:
        number = int(line["body"]["messages"][-1]["content"].rpartition(" ")[2])
        told = {"custom_id": line["custom_id"], "response": None, "error": None}
        error = {"error": {"message": "no\n such  luck", "type": "t"}}
        withheld = {"choices": [{"message": {"content": None}, "finish_reason": "content_filter"}]}
        fates: dict[int, Line | None] = {
            1: {**told, "error": {"code": "batch_expired", "message": "not in time"}},
            2: {**told, "error": {"code": "batch_cancelled", "message": "not wanted"}},
            3: {**told, "response": {"status_code": 400, "body": error}},
            4: {**told, "response": {"status_code": 429, "body": error}},
            5: {**told, "response": {"status_code": 503, "body": "<html>"}},
            6: {**told, "response": {"status_code": 200, "body": {"choices": []}}},
            7: {**told, "response": {"status_code": 200, "body": withheld}},
            8: None,
            9: {**told, "error": "strange"},
            10: told,
        }
        return fates.get(number, api.answered(line))

    api.answer = fate
    return api


KINDS = {
    0: "to question 0",
    1: "expired",
    2: "expired",
    3: "rejected",
    4: "rate_limited",
    5: "server_error",
    6: "protocol",
    7: "content_filter",
    8: "protocol",
    9: "server_error",
    10: "server_error",
}


@pytest.mark.usefixtures("failing")
def test_what_a_batch_does_not_answer_fails_with_its_reason(opened: Opened, ask: Ask) -> None:
    async def talk() -> Found:
        async with opened(fallback="fail") as (connection, _):
            return await ask(connection, *KINDS)

    found = asyncio.run(talk())
    assert found.texts() == list(KINDS.values())
    failures = [item for item in found if isinstance(item, CallFailed)]
    assert all(item.final and not item.fatal and "\n" not in item.message for item in failures)
    assert [item.message for item in failures][:4] == [
        "not in time", "not wanted", "HTTP 400: no such luck", "HTTP 429: no such luck",
    ]  # fmt: skip
    assert "without a result" in failures[7].message


def test_what_a_batch_does_not_answer_goes_online(failing: BatchApi, opened: Opened, ask: Ask) -> None:
    """At the full price; what the endpoint withheld would be withheld again."""

    async def talk() -> Found:
        async with opened() as (connection, _):
            return await ask(connection, *KINDS)

    found = asyncio.run(talk())
    online = [number for number in KINDS if number not in (0, 7)]
    expected = {**{number: f"online to question {number}" for number in online}, 0: KINDS[0], 7: KINDS[7]}
    assert found.texts() == [expected[number] for number in KINDS]
    assert [item.price_factor for item in found if isinstance(item, Reply)] == [0.5] + [1.0] * len(online)
    assert sorted(failing.online) == sorted(f"question {number}" for number in online)
    assert len(failing.batches) == 1


@pytest.mark.parametrize("retry_failed", [False, True])
def test_failures_are_told_again_unless_they_are_to_be_asked_again(
    failing: BatchApi, opened: Opened, ask: Ask, retry_failed: bool
) -> None:
    async def talk() -> Found:
        async with opened(fallback="fail") as (connection, _):
            await ask(connection, 0, 1, 3)
        failing.answer = failing.answered
        async with opened(fallback="fail", retry_failed=retry_failed) as (connection, _):
            return await ask(connection, 0, 1, 3)

    found = asyncio.run(talk()).texts()
    assert found == [
        "to question 0",
        *(["to question 1", "to question 3"] if retry_failed else ["expired", "rejected"]),
    ]
    assert failing.sizes() == ([3, 2] if retry_failed else [3])


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_requests_that_an_ended_batch_left_out_have_expired(
    api: BatchApi, opened: Opened, ask: Ask, status: str
) -> None:
    api.answer = lambda line: api.answered(line) if line["body"]["messages"][-1]["content"] == "question 0" else None
    api.status = status

    async def talk() -> Found:
        async with opened(fallback="fail") as (connection, _):
            return await ask(connection, 0, 1)

    found = asyncio.run(talk())
    assert found.texts() == ["to question 0", "expired"]
    assert f"the batch was {status}" in str(found[1])


@pytest.mark.parametrize("fallback", ["online", "fail"])
@pytest.mark.parametrize("when", ["created", "validated"])
def test_a_batch_that_is_refused_as_a_whole(api: BatchApi, opened: Opened, ask: Ask, fallback: str, when: str) -> None:
    if when == "created":
        told = {"error": {"message": "the model has no batches"}}
        api.refuse = lambda name: (400, told) if name == "POST /batches" else None
    else:
        api.status, api.errors = "failed", [{"code": "model_not_found", "message": "the model has no batches"}]

    async def talk() -> Found:
        async with opened(fallback=fallback) as (connection, _):
            return await ask(connection, 0, 1)

    found = asyncio.run(talk())
    if fallback == "online":
        assert found.texts() == ["online to question 0", "online to question 1"]
    else:
        assert found.texts() == ["rejected", "rejected"]
        assert "the model has no batches" in str(found[0])


@pytest.mark.parametrize("when", ["created", "validated"])
def test_a_batch_that_the_account_has_no_room_for_is_halved_and_then_given_up(
    api: BatchApi, opened: Opened, ask: Ask, when: str
) -> None:
    if when == "created":
        api.refuse = lambda name: (429, {"error": {"message": "no room"}}) if name == "POST /batches" else None
    else:
        api.status, api.errors = "failed", [{"code": "token_limit_exceeded", "message": "no room"}]

    async def talk() -> Found:
        async with opened(fallback="fail", poll_every=0.002, linger=0.01) as (connection, _):
            return await ask(connection, *range(8))

    found = asyncio.run(talk())
    assert found.texts() == ["rate_limited"] * 8
    assert "no room" in str(found[0])
    if when == "validated":
        assert api.sizes() == [8, 4, 2, *[1] * 6, 7]


@pytest.mark.parametrize(
    ("request_name", "status"),
    [("POST /files", 401), ("POST /files", 404), ("POST /batches", 403), ("GET /batches/batch_1", 404)],
)
def test_what_no_other_call_would_do_better_stops_the_run(
    api: BatchApi, opened: Opened, ask: Ask, request_name: str, status: int
) -> None:
    api.refuse = lambda name: (status, {"error": {"message": "out"}}) if name == request_name else None

    async def talk() -> list[Reply | CallFailed]:
        async with opened() as (connection, _):
            return [*await ask(connection, 1, 2), *await ask(connection, 3)]

    found = asyncio.run(talk())
    assert all(isinstance(item, CallFailed) and item.fatal and item.final for item in found)
    assert f"HTTP {status}: out" in str(found[0])
    assert "m: http://" in str(found[0])
    assert (".json" in str(found[0])) == request_name.startswith("GET")
    assert not api.online


def test_a_key_that_the_endpoint_repeats_is_masked(
    api: BatchApi, opened: Opened, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFMILL_TEST_KEY", "sk-test-0123456789abcdef")
    api.status, api.errors = "failed", [{"code": "c", "message": "the key sk-test-0123456789abcdef is bad"}]

    async def talk() -> Found:
        async with opened(fallback="fail") as (_, model):
            keyed = model.model_copy(update={"api_key_env": "PREFMILL_TEST_KEY"})
            async with keyed.open(Site(folder=tmp_path / "keyed")) as connection:
                return await ask(connection, 1)

    (found,) = asyncio.run(talk())
    assert "***" in str(found)
    assert "0123456789" not in str(found)
    assert not any("0123456789" in path.read_text() for path in (tmp_path / "keyed").iterdir())
