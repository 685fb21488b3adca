"""What a real vLLM answers through the offline engine: the same as without prefmill. Tiny model, CPU."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from typing import Any

import pytest

from prefmill.generators.probabilities import Token, packed, unpacked
from prefmill.generators.providers import Reply

from .loaded_vllm import Loaded, asked

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]
CASES: Sequence[dict[str, Any]] = [
    {"temperature": 1.0, "seed": 3, "max_tokens": 40},
    {"temperature": 0.0, "max_tokens": 40},
    {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.01, "seed": 4, "max_tokens": 40},
    {"temperature": 1.0, "seed": 5, "max_tokens": 30, "presence_penalty": 1.5, "frequency_penalty": 0.5},
    {"temperature": 1.0, "seed": 5, "max_tokens": 30, "repetition_penalty": 1.3},
    {"temperature": 1.0, "seed": 6, "max_tokens": 60, "stop": ["a", "e"]},
    {"temperature": 1.0, "seed": 6, "max_tokens": 60, "stop": ["a", "e"], "include_stop_str_in_output": True},
    {"temperature": 1.0, "seed": 7, "max_tokens": 40, "logprobs": 20},
    {"temperature": 1.0, "seed": 8, "max_tokens": 40, "logprobs": 3},
    {"temperature": 1.0, "seed": 8, "max_tokens": 40, "logprobs": 0},
    {"temperature": 1.0, "seed": 9, "max_tokens": 60, "logprobs": 5, "stop": ["a"]},
    {"temperature": 1.0, "seed": 9, "max_tokens": 400, "logprobs": 1},
    {"temperature": 1.0, "seed": 9, "max_tokens": 60, "logprobs": 5, "stop_token_ids": list(range(60, 90)),
     "include_stop_str_in_output": True},
    {"temperature": 0.0, "max_tokens": 10, "logprobs": 5, "structured_outputs": {"choice": ["yes", "no"]}},
    {"temperature": 1.0, "seed": 10, "max_tokens": 30, "logit_bias": {"40": 50.0}},
    {"temperature": 1.0, "seed": 11, "max_tokens": 10, "min_tokens": 10, "allowed_token_ids": [40, 41, 3]},
    {"temperature": 1.0, "seed": 12, "max_tokens": 20, "bad_words": ["e"], "stop_token_ids": list(range(60, 90))},
]  # fmt: skip


def test_replies_are_those_of_vllm_itself(loaded: Loaded) -> None:
    """Texts, ends, counts and probabilities, which here are written in another way than vLLM's own.

    Greedy requests are a batch of their own: beside one, vLLM 0.26 forgets seeds on a CPU.
    """
    replies, batches = [], []
    for greedy in (True, False):
        requests, batch = [], []
        for number, case in enumerate(CASES):
            if (case["temperature"] == 0) is greedy:
                body = dict(case)
                if (top := body.pop("logprobs", None)) is not None:
                    body |= {"logprobs": True, "top_logprobs": top}
                requests.append(asked(f"Question {number}?", extra_body=body))
                batch.append({**case, "text": f"Question {number}?"})
        replies += loaded.replies(requests)
        batches.append(batch)
    expected = loaded.bare(batches)
    assert [told(reply) for reply in replies] == [
        (one["text"], one["finish"], one["prompt_tokens"], one["completion_tokens"]) for one in expected
    ]
    assert {reply.finish_reason for reply in replies} == {"stop", "length"}
    for reply, one in zip(replies, expected, strict=True):
        assert (reply.probabilities is None) is (one["logprobs"] is None)
        if reply.probabilities is not None:
            mine, theirs = unpacked(reply.probabilities), unpacked(packed(one["logprobs"]) or b"")
            assert len(mine) == reply.completion_tokens
            assert [said(token) for token in mine] == [said(token) for token in theirs]
            for token, their in zip(mine, theirs, strict=True):
                assert token.probability == pytest.approx(their.probability, rel=1e-3)
                assert [p for _, p in token.others] == pytest.approx([p for _, p in their.others], rel=1e-3)


def told(reply: Reply) -> tuple[object, ...]:
    return reply.text, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens


def said(token: Token) -> tuple[str, list[str]]:
    return token.text, [text for text, _ in token.others]


def test_a_seed_gives_the_same_text_alone_and_among_others(loaded: Loaded) -> None:
    requests = [asked("The same?", sample=n, temperature=1.0, max_tokens=20) for n in range(20)]
    among = loaded.replies(requests)
    alone = [loaded.replies([request])[0] for request in requests[:3]]
    assert [reply.text for reply in alone] == [reply.text for reply in among[:3]]
    assert len({reply.text for reply in among}) == 20, "each sample has a seed of its own"
    seeded = loaded.replies([asked("The same?", sample=n, temperature=1.0, max_tokens=20, seed=5) for n in range(2)])
    assert seeded[0].text == seeded[1].text


def test_without_max_tokens_a_reply_may_fill_the_context(loaded: Loaded) -> None:
    """As with vLLM's server; vLLM's own `SamplingParams` would stop at 16."""
    (reply,) = loaded.replies([asked("Go on.", temperature=1.0, extra_body={"ignore_eos": True})])
    assert reply.prompt_tokens + reply.completion_tokens == 512
    assert reply.finish_reason == "length"


def test_the_chat_template_gets_its_keywords(loaded: Loaded) -> None:
    extra = {"chat_template_kwargs": {"shout": True}}
    plain, shouted = loaded.replies([asked("Hm?", max_tokens=1), asked("Hm?", max_tokens=1, extra_body=extra)])
    assert shouted.prompt_tokens > plain.prompt_tokens


def test_adapters_and_the_bare_model_share_a_batch(loaded: Loaded) -> None:
    """Each row has its own weights, also while every adapter is in use."""
    a, b = loaded.adapters
    adapters = [None, a, b] * 8
    requests = [asked("Which?", temperature=0, max_tokens=8, extra_body={"logprobs": True}) for _ in adapters]
    mixed = loaded.replies(requests, adapters)
    first = {}
    for adapter in (None, a, b):
        alone = loaded.replies(requests[:1], [adapter])[0]
        first[adapter] = unpacked(alone.probabilities or b"")[0].probability
        rows = [reply for reply, named in zip(mixed, adapters, strict=True) if named == adapter]
        assert [row.text for row in rows] == [alone.text] * 8
        for row in rows:
            assert unpacked(row.probabilities or b"")[0].probability == pytest.approx(first[adapter], rel=1e-4)
    assert len({round(probability, 4) for probability in first.values()}) == 3


def test_seeded_prompts_beyond_one_steps_budget(loaded: Loaded) -> None:
    """On a CPU, vLLM dies over a seeded request whose prompt it splits over two steps."""
    requests = [asked("w " * 200 + str(n), temperature=1.0, seed=n, max_tokens=4) for n in range(120)]
    assert sum(reply.prompt_tokens for reply in loaded.replies(requests)) > 20_000


def test_json_with_bounded_strings_can_be_parsed(loaded: Loaded) -> None:
    schema = {
        "type": "object",
        "properties": {"score": {"type": "integer"}, "reason": {"type": "string", "maxLength": 12}},
        "required": ["score", "reason"],
        "additionalProperties": False,
    }
    bodies = [
        {"response_format": {"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema}}},
        {"structured_outputs": {"json": schema}},
    ]
    requests = [asked("Judge.", temperature=1.0, max_tokens=400, seed=n, extra_body=bodies[n % 2]) for n in range(64)]
    ended = [reply for reply in loaded.replies(requests) if reply.finish_reason == "stop"]
    assert len(ended) > 32
    for reply in ended:
        assert set(json.loads(reply.text)) == {"score", "reason"}


def test_a_shared_beginning_is_computed_once(loaded: Loaded) -> None:
    before = loaded.loop.run_until_complete(loaded.engine.served())
    rubric = "Please rate the following answer from one to ten. " * 15
    loaded.replies([asked(f"{rubric}{n}", max_tokens=2) for n in range(16)])
    served = loaded.loop.run_until_complete(loaded.engine.served())
    prompts = served.prompt_tokens - before.prompt_tokens
    assert served.cached_tokens - before.cached_tokens > prompts * 0.8
    assert served.completion_tokens - before.completion_tokens <= 32
