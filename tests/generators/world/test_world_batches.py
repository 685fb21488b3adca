"""The simulated world's Batch API, as the `openai` package sees it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from openai import APIStatusError, AuthenticationError, NotFoundError, OpenAI
from openai.types import Batch

from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldBatches, WorldSettings


def line(number: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - a line's keys
    body = {"model": "sim-oak-8b", "messages": [{"role": "user", "content": f"Say {number}."}]}
    return {"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": body, **changes}


def create(client: OpenAI, lines: list[dict[str, Any]]) -> Batch:
    content = "\n".join(json.dumps(each) for each in lines).encode()
    file = client.files.create(file=("a.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"name": "it"}
    )


def lines_of(client: OpenAI, file: str | None) -> list[dict[str, Any]]:
    return [json.loads(text) for text in client.files.content(file).text.splitlines()] if file else []


@contextmanager
def world(**batches: Any) -> Iterator[OpenAI]:  # noqa: ANN401 - settings
    with (
        running(WorldSettings(seed=1, batches=WorldBatches(**batches))) as started,
        OpenAI(base_url=started.base_url, api_key="none", max_retries=0) as client,
    ):
        yield client


def test_every_line_is_answered_as_a_single_call_is() -> None:
    with world() as client:
        made = create(client, [line(number) for number in range(3)])
        assert (made.status, made.output_file_id) == ("validating", None)
        batch = client.batches.retrieve(made.id)
        assert (batch.status, batch.metadata) == ("completed", {"name": "it"})
        assert batch.request_counts is not None
        assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (3, 3, 0)
        found = lines_of(client, batch.output_file_id)
    with world() as client:
        for number, each in enumerate(found):
            single = client.chat.completions.create(**line(number)["body"])
            assert (each["custom_id"], each["response"]["status_code"]) == (f"r{number}", 200)
            assert each["response"]["body"]["choices"][0]["message"]["content"] == single.choices[0].message.content


def test_planted_faults_stand_in_the_error_file() -> None:
    with world(failed=0.3, expired=0.3) as client:
        batch = client.batches.retrieve(create(client, [line(number) for number in range(60)]).id)
        good, bad = lines_of(client, batch.output_file_id), lines_of(client, batch.error_file_id)
        assert batch.status == "expired"
        assert {each["custom_id"] for each in good + bad} == {f"r{number}" for number in range(60)}
        codes = [each["error"]["code"] if each["error"] else each["response"]["status_code"] for each in bad]
        assert set(codes) == {"batch_expired", 500}
        assert 8 <= codes.count(500) <= 28
        assert 8 <= codes.count("batch_expired") <= 28


def test_a_batch_takes_its_time_and_can_be_cancelled() -> None:
    with world(seconds=1000) as client:
        made = create(client, [line(0)])
        assert client.batches.retrieve(made.id).status == "in_progress"
        assert client.batches.cancel(made.id).status == "cancelling"
        batch = client.batches.retrieve(made.id)
        assert (batch.status, batch.output_file_id) == ("cancelled", None)
        assert [each["error"]["code"] for each in lines_of(client, batch.error_file_id)] == ["batch_cancelled"]
        with pytest.raises(APIStatusError, match="cancelled"):
            client.batches.cancel(made.id)


def test_a_cancelled_batch_keeps_what_was_done() -> None:
    with world(seconds=0.6) as client:
        made = create(client, [line(number) for number in range(100)])
        time.sleep(0.2)
        client.batches.cancel(made.id)
        batch = client.batches.retrieve(made.id)
        done, left = lines_of(client, batch.output_file_id), lines_of(client, batch.error_file_id)
        assert len(done) + len(left) == 100
        assert done
        assert left


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "invalid_file"),
        ([line(0), line(0)], "duplicate_custom_id"),
        ([line(0), line(1, url="/v1/embeddings")], "invalid_url"),
        ([line(0), line(1, body={"model": "sim-elm-9b", "messages": []})], "mismatched_model"),
        ([line(number) for number in range(9)], "token_limit_exceeded"),
    ],
)
def test_a_batch_that_is_no_good_is_refused(lines: list[dict[str, Any]], code: str) -> None:
    with world(enqueued_tokens=100) as client:
        batch = client.batches.retrieve(create(client, lines).id)
        assert batch.status == "failed"
        assert batch.errors is not None
        assert batch.errors.data is not None
        assert [problem.code for problem in batch.errors.data] == [code]


def test_batches_are_listed_page_by_page_newest_first() -> None:
    with world() as client:
        names = [create(client, [line(number)]).id for number in range(5)]
        assert [batch.id for batch in client.batches.list(limit=2)] == names[::-1]


def test_what_is_not_there_and_who_may_not() -> None:
    with world() as client:
        for ask in (client.batches.retrieve, client.batches.cancel, client.files.content):
            with pytest.raises(NotFoundError):
                ask("nothing")
    with (
        running(WorldSettings(api_key="right")) as started,
        OpenAI(base_url=started.base_url, api_key="wrong", max_retries=0) as client,
    ):
        for refused in (lambda: create(client, [line(0)]), lambda: client.batches.retrieve("x"), client.batches.list):
            with pytest.raises(AuthenticationError):
                refused()
