"""Requests that a real vLLM does not take: each fails alone, with vLLM's own words. Tiny model, CPU."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import time
from typing import Any

import pytest

from prefmill.generators.providers import Reply
from prefmill.schemas.errors import CallFailed

from .loaded_vllm import Loaded, asked

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"temprature": 1}, "temprature: this parameter is not taken; known: add_generation_prompt, "),
    ({"n": 2}, "n: this parameter is not taken; each sample is a call of its own"),
    ({"guided_json": {"type": "object"}}, r"guided_json: .*structured_outputs: \{json: "),
    ({"guided_choice": ["A", "B"]}, r"guided_choice: .*structured_outputs: \{choice: "),
    ({"stream": True}, "stream: this parameter is not taken"),
    ({"tools": []}, "tools: this parameter is not taken"),
    ({"prompt_logprobs": 1}, "prompt_logprobs: this parameter is not taken"),
    ({"structured_outputs": {}}, "structured outputs constraint"),
    ({"structured_outputs": {"jsn": {}}}, "structured_outputs: jsn"),
    ({"structured_outputs": {"choice": ["A"], "bakend": "x"}}, "structured_outputs: bakend"),
    ({"structured_outputs": {"choice": ["A"], "regex": "B"}}, "only use one kind"),
    ({"structured_outputs": {"regex": "(("}}, "regex"),
    ({"structured_outputs": {"json": {"type": "nope"}}}, "nope"),
    ({"response_format": {"type": "json_schema"}}, "json_schema"),
    ({"response_format": {"type": "nope"}}, "response_format"),
    ({"temperature": -1}, "temperature must be non-negative"),
    ({"temperature": "hot"}, "temperature: .*number"),
    ({"top_p": 7}, "top_p must be in"),
    ({"stop": [""]}, "stop cannot contain an empty string"),
    ({"max_tokens": 513}, "max_tokens=513"),
    ({"max_tokens": 0}, "max_tokens must be at least 1"),
    ({"logprobs": True, "top_logprobs": 21}, "21"),
    ({"top_logprobs": 3}, "logprobs"),
    ({"logit_bias": {"99999": 1}}, "99999"),
    ({"chat_template": "{{ nothing.at.all }}"}, "undefined"),
    ({"chat_template": "{{"}, "end of template"),
    ({"chat_template": "{{ 1 / 0 }}"}, "zero"),
    ({"chat_template": "{# nothing #}"}, "empty"),
]


def test_each_bad_request_fails_alone(loaded: Loaded) -> None:
    good = [asked(f"Good {n}.", temperature=1.0, max_tokens=4) for n in range(len(BAD))]
    bad = [asked("Bad.", extra_body=body) for body, _ in BAD]
    replies = loaded.all([request for pair in zip(good, bad, strict=True) for request in pair])
    assert [type(reply) for reply in replies[::2]] == [Reply] * len(good)
    for (body, message), failed in zip(BAD, replies[1::2], strict=True):
        assert isinstance(failed, CallFailed), body
        assert failed.kind == "rejected"
        assert not failed.fatal
        assert re.search(message, failed.message), (body, failed.message)
        assert "\n" not in failed.message


def test_a_prompt_that_is_too_long_fails_alone(loaded: Loaded) -> None:
    """One that leaves less room than `max_tokens` gets what vLLM's server gives it: a reply as far as the room goes;
    0.26 refuses it."""
    texts = ["word " * 3000, "w " * 700, "w " * 250 + "x", "Short."]
    *too_long, nearly, short = loaded.all([asked(text, max_tokens=300, temperature=1.0) for text in texts])
    for failed in too_long:
        assert isinstance(failed, CallFailed)
        assert failed.kind == "rejected"
        assert "maximum context length is 512 tokens" in failed.message
    assert isinstance(short, Reply)
    if isinstance(nearly, Reply):
        assert (nearly.finish_reason, nearly.prompt_tokens + nearly.completion_tokens) == ("length", 512)
    else:
        assert nearly.kind == "rejected"
        assert "300 output tokens" in nearly.message


def test_a_parameter_without_effect_may_be_written_out(loaded: Loaded) -> None:
    body = {"n": 1, "response_format": {"type": "text"}}
    (reply,) = loaded.replies([asked("Plain.", max_tokens=4, temperature=1.0, extra_body=body)])
    assert reply.completion_tokens > 0


def test_what_is_given_up_makes_room(loaded: Loaded) -> None:
    """Twice as many as run at a time would keep a late request waiting, were they not taken out of the batch."""
    endless = asked("On and on.", temperature=1.0, extra_body={"ignore_eos": True})

    async def work() -> tuple[float, float]:
        begun = time.monotonic()
        await asyncio.gather(*(loaded.engine.complete(endless, None, 600) for _ in range(64)))
        full = time.monotonic() - begun
        given_up = [asyncio.create_task(loaded.engine.complete(endless, None, full / 10)) for _ in range(128)]
        assert {type(one) for one in await asyncio.gather(*given_up, return_exceptions=True)} == {CallFailed}
        begun = time.monotonic()
        await loaded.engine.complete(asked("Late.", max_tokens=2), None, 600)
        return full, time.monotonic() - begun

    full, late = loaded.loop.run_until_complete(work())
    assert late < full / 2
