"""The simulated world as an HTTP server: its errors, its marks, its faults, and that it keeps the truth to itself."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from prefmill.generators.world.population import ANSWERERS, BY_NAME, TEACHERS
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import Faults, WorldSettings

STRONG, CHEAP, OAK, ELM = "sim-teacher-strong", "sim-teacher-cheap-1", "sim-oak-70b", "sim-elm-9b"
QUESTION = "What makes bread rise, and why does sourdough take longer?"


@dataclass(frozen=True)
class Answered:
    """A reply as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        return str(self.body["choices"][0]["message"]["content"])

    @property
    def said(self) -> tuple[int, str]:
        """What a repeat has to repeat."""
        return self.status, self.text if self.status == 200 else str(self.body["error"]["code"])


def chat(model: str, text: str, **parameters: object) -> dict[str, Any]:
    """The body of a request with one user message."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **parameters}


def pair(first: str, second: str) -> str:
    """A prompt that shows two answers, in no known template."""
    return f"Which is better?\n\n=== one\n{first}\n\n=== two\n{second}\n\n=== end"


def send(base_url: str, *bodies: dict[str, Any], key: str | None = None) -> list[Answered]:
    """Replies in the order of the bodies, 64 requests at once; the body of a GET is its path."""

    async def one(session: aiohttp.ClientSession, body: dict[str, Any]) -> Answered:
        path = body.get("path")
        method, address = ("POST", f"{base_url}/chat/completions") if path is None else ("GET", f"{base_url}{path}")
        async with session.request(method, address, json=body if path is None else None) as response:
            content = await response.read()
            parsed = json.loads(content) if response.content_type == "application/json" else {}
            return Answered(response.status, dict(response.headers), parsed)

    async def every() -> list[Answered]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        connector = aiohttp.TCPConnector(limit=64)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            return list(await asyncio.gather(*(one(session, body) for body in bodies)))

    return asyncio.run(every())


def stats(base_url: str) -> dict[str, Any]:
    """`GET /stats`."""
    return send(base_url.removesuffix("/v1"), {"path": "/stats"})[0].body


def test_a_teacher_recognises_answers_after_a_restart() -> None:
    settings = WorldSettings(seed=5)
    with running(settings) as world:
        first, second = send(world.base_url, chat(OAK, QUESTION), chat(ELM, QUESTION))
        prompt = pair(first.text, second.text)
        (before,) = send(world.base_url, chat(CHEAP, prompt))
    with running(settings) as world:
        (after,) = send(world.base_url, chat(CHEAP, prompt))
    assert after.said == before.said
    assert before.status == 200


def test_another_world_does_not_know_the_answer() -> None:
    with running(WorldSettings(seed=5)) as world:
        (answer,) = send(world.base_url, chat(OAK, QUESTION))
    with running(WorldSettings(seed=6)) as world:
        (reply,) = send(world.base_url, chat(STRONG, pair(answer.text, answer.text)))
    assert reply.status == 400


def test_errors_have_the_form_of_openai_errors() -> None:
    with running(WorldSettings(api_key="right")) as world:
        unknown, unfounded, empty, streamed = send(
            world.base_url,
            chat("sim-oak-70", QUESTION),
            chat(STRONG, "[Question]\nWhich is better?\n\n[The Start of Assistant 1's Answer]\nTea."),
            {"model": OAK, "messages": []},
            chat(OAK, QUESTION, stream=True),
            key="right",
        )
        refused, listed = send(world.base_url, chat(OAK, QUESTION), {"path": "/models"}, key="wrong")
    assert unknown.status == 404
    assert unknown.body["error"]["code"] == "model_not_found"
    assert "Did you mean 'sim-oak-70b'?" in unknown.body["error"]["message"]
    assert unfounded.status == 400
    assert "no answer of this world stands in the prompt" in unfounded.body["error"]["message"]
    assert (empty.status, streamed.status) == (400, 400)
    assert "messages" in empty.body["error"]["message"]
    assert "stream" in streamed.body["error"]["message"]
    assert (refused.status, listed.status) == (401, 401)
    assert refused.body["error"]["code"] == "invalid_api_key"


def test_everything_says_that_it_is_simulated_and_nothing_tells_the_truth() -> None:
    with running(WorldSettings()) as world:
        first, second = send(world.base_url, chat(OAK, QUESTION), chat(ELM, QUESTION))
        judged = send(world.base_url, *(chat(teacher.name, pair(first.text, second.text)) for teacher in TEACHERS))
        (models,) = send(world.base_url, {"path": "/models"})
        elsewhere = send(world.base_url.removesuffix("/v1"), *({"path": path} for path in ("/", "/truth", "/v1/truth")))
    assert {entry["id"] for entry in models.body["data"]} == set(BY_NAME)
    assert all(entry.keys() == {"id", "object", "created", "owned_by"} for entry in models.body["data"])
    assert {entry["owned_by"] for entry in models.body["data"]} == {"simulated"}
    assert all(name.startswith("sim-") for name in BY_NAME)
    for reply in (first, second, *judged):
        assert "[simulated]" in reply.text
        assert reply.body["system_fingerprint"].startswith("simulated-")
        assert set(reply.headers) == {"Content-Type", "Content-Length", "Date", "Server"}
        assert set(reply.body) == {"id", "object", "created", "model", "system_fingerprint", "choices", "usage"}
        assert set(reply.body["choices"][0]) == {"index", "message", "finish_reason", "logprobs"}
        assert set(reply.body["choices"][0]["message"]) == {"role", "content"}
    assert [reply.status for reply in elsewhere] == [404, 404, 404]


def test_a_repeated_question_is_a_new_sample_unless_it_has_a_seed() -> None:
    with running(WorldSettings(seed=1)) as world:
        free = [send(world.base_url, chat(OAK, QUESTION))[0].text for _ in range(2)]
        seeded = [send(world.base_url, chat(OAK, QUESTION, seed=seed))[0].text for seed in (7, 7, 8)]
    with running(WorldSettings(seed=1)) as world:
        again = [send(world.base_url, chat(OAK, QUESTION))[0].text for _ in range(2)]
    assert free[0] != free[1]
    assert again == free
    assert seeded[0] == seeded[1] != seeded[2]


FAULTS = Faults(rate_limited=0.1, server_error=0.1, truncated=0.1, empty=0.1, refusal=0.1, unreadable=0.1)
CALLS = 1000


def _outcomes(settings: WorldSettings, prompts: list[str]) -> list[tuple[int, str, str]]:
    with running(settings) as world:
        replies = send(world.base_url, *(chat(CHEAP, prompt) for prompt in prompts))
    return [(*reply.said, str(reply.body.get("choices", [{}])[0].get("finish_reason"))) for reply in replies]


def test_faults_come_at_their_planted_rates_and_repeat_with_the_seed() -> None:
    settings = WorldSettings(seed=9, faults=FAULTS)
    with running(WorldSettings(seed=9)) as world:
        first, second = send(world.base_url, chat(OAK, QUESTION), chat(ELM, QUESTION))
    prompts = [f"Case {number}. {pair(first.text, second.text)}" for number in range(CALLS)]
    outcomes = _outcomes(settings, prompts)
    counts: Counter[str] = Counter()
    for status, text, finish_reason in outcomes:
        unreadable = status == 200 and not any(letter.isdigit() for letter in text)
        kinds = {
            "rate_limited": status == 429,
            "server_error": status == 500,
            "truncated": finish_reason == "length",
            "empty": text == "",
            "refusal": text.startswith("I'm sorry"),
            "unreadable": unreadable and text.startswith("[simulated]"),
        }
        counts.update(kind for kind, holds in kinds.items() if holds)
    for kind, share in FAULTS:
        assert abs(counts[kind] / CALLS - share) <= 3 * math.sqrt(share * (1 - share) / CALLS), kind
    assert _outcomes(settings, prompts) == outcomes
    assert _outcomes(settings.model_copy(update={"seed": 10}), prompts) != outcomes


def test_a_faulty_world_once_retried_says_what_a_faultless_one_says() -> None:
    bodies = [chat(model.name, f"{QUESTION} Part {part}.") for model in ANSWERERS for part in range(10)]
    with running(WorldSettings(seed=2)) as world:
        plain = [reply.text for reply in send(world.base_url, *bodies)]
    with running(WorldSettings(seed=2, faults=Faults(rate_limited=0.3, server_error=0.3))) as world:
        texts: dict[int, str] = {}
        while missing := [index for index in range(len(bodies)) if index not in texts]:
            for index, reply in zip(missing, send(world.base_url, *(bodies[i] for i in missing)), strict=True):
                assert reply.status in (200, 429, 500)
                assert (reply.headers.get("Retry-After") == "0.05") == (reply.status == 429)
                if reply.status == 200:
                    texts[index] = reply.text
        counted = stats(world.base_url)
    assert [texts[index] for index in range(len(bodies))] == plain
    assert counted["repeats"] == counted["requests"] - len(bodies) > 0
    assert counted["codes"]["200"] == len(bodies)


def test_stats_count_requests_repeats_and_billed_tokens() -> None:
    with running(WorldSettings()) as world:
        replies = send(world.base_url, *[chat(OAK, QUESTION)] * 3, chat(ELM, QUESTION), chat("nobody", QUESTION))
        counted = stats(world.base_url)
    assert (counted["requests"], counted["distinct"], counted["repeats"]) == (5, 3, 2)
    assert counted["codes"] == {"200": 4, "404": 1}
    assert 1 <= counted["in_flight_peak"] <= 5
    used = [reply.body["usage"] for reply in replies[:3]]
    assert counted["tokens"][OAK] == [sum(u[key] for u in used) for key in ("prompt_tokens", "completion_tokens")]


def test_a_hanging_call_ends_at_its_cap_and_an_abandoned_one_is_not_billed() -> None:
    async def give_up(base_url: str) -> None:
        limit = aiohttp.ClientTimeout(total=0.2)
        async with aiohttp.ClientSession(timeout=limit) as session:
            await session.post(f"{base_url}/chat/completions", json=chat(OAK, QUESTION))

    with running(WorldSettings(faults=Faults(hang=1), hang_seconds=0.3)) as world:
        assert send(world.base_url, chat(OAK, QUESTION))[0].status == 504
    with running(WorldSettings()) as world:
        (prompt,) = send(world.base_url, chat(OAK, QUESTION))
    with running(WorldSettings(latency=0.5, latency_sigma=0)) as world:
        with pytest.raises(TimeoutError):
            asyncio.run(give_up(world.base_url))
        (second,) = send(world.base_url, chat(OAK, QUESTION))
        counted = stats(world.base_url)
    assert second.text == prompt.text
    assert counted["repeats"] == 1
    assert counted["tokens"][OAK][1] == second.body["usage"]["completion_tokens"]


def test_max_tokens_cuts_the_reply() -> None:
    with running(WorldSettings()) as world:
        (reply,) = send(world.base_url, chat(OAK, QUESTION, max_tokens=12))
    assert reply.body["choices"][0]["finish_reason"] == "length"
    assert reply.body["usage"]["completion_tokens"] <= 12
    assert len(reply.text.split()) == 9
