"""Token probabilities: in OpenAI's shape over the wire, and with more of the teacher's opinion than its grades have."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import aiohttp
import orjson
import pytest
from openai import OpenAI

from prefmill.generators.judges import Judge
from prefmill.generators.judges.criteria import Criteria
from prefmill.generators.judges.flow_judge import FlowJudge
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.judges.mt_bench_pair import MTBenchPair
from prefmill.generators.judges.mt_bench_single import MTBenchSingle
from prefmill.generators.judges.pandalm import PandaLM
from prefmill.generators.judges.prometheus_absolute import PrometheusAbsolute
from prefmill.generators.judges.prometheus_relative import PrometheusRelative
from prefmill.generators.judges.ultrafeedback import UltraFeedback
from prefmill.generators.world.endpoint import Endpoint
from prefmill.generators.world.population import ANSWERERS
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import Faults, WorldSettings
from prefmill.generators.world.truth import true_quality
from prefmill.schemas.rows import Answer, Message, Task
from prefmill.schemas.rubric import Level, Rubric

SETTINGS = WorldSettings(seed=71)
STRONG = "sim-teacher-strong"
RUBRIC = Rubric(
    criteria="Is it right?", levels=tuple(Level(score=score, description=f"{score}") for score in range(1, 6))
)
SCHEMA = {
    "type": "object",
    "properties": {
        "why": {"type": "string"},
        "score_a": {"type": "integer"},
        "score_b": {"type": "integer"},
        "verdict": {"enum": ["A", "B", "tie"]},
    },
}
STRUCTURED = {"type": "json_schema", "json_schema": {"name": "judgment", "schema": SCHEMA}}


def _choice(model: str, text: str, endpoint: Endpoint | None = None, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
    """The only choice of a reply, its probabilities asked for."""
    endpoint = endpoint or Endpoint(SETTINGS)
    wish = {"logprobs": True, "top_logprobs": 20, **parameters}
    body = orjson.dumps({"model": model, "messages": [{"role": "user", "content": text}], **wish})
    status, reply = endpoint.reply(endpoint.arrive(body, None))
    assert status == 200, reply
    choice: dict[str, Any] = reply["choices"][0]
    return choice


def _say(model: str, text: str) -> str:
    return str(_choice(model, text)["message"]["content"])


QUESTION = "How does a heat pump work?"
TEXTS = [_say(model.name, QUESTION) for model in ANSWERERS[:3]]
TASK = Task(messages=(Message(role="user", content=QUESTION),), rubric=RUBRIC)


def _prompt(judge: Judge, number: int, texts: list[str] | None = None) -> str:
    texts = texts or TEXTS
    answers = [Answer(task_id=TASK.id, model=f"model-{k}", text=text) for k, text in enumerate(texts[:number])]
    return "\n\n".join(message.content for message in judge.questions(TASK, answers, False)[0])


def _open(choice: dict[str, Any]) -> list[dict[str, Any]]:
    """The tokens that have alternatives."""
    return [token for token in choice["logprobs"]["content"] if len(token["top_logprobs"]) > 1]


def _expected(token: dict[str, Any]) -> float:
    """The mean of the scores that could have stood there."""
    known = {entry["token"]: math.exp(entry["logprob"]) for entry in token["top_logprobs"]}
    return sum(int(score) * share for score, share in known.items()) / sum(known.values())


LETTERS = {"A", "B", "C"}
FORMS: dict[str, tuple[Judge, int, list[set[str]]]] = {
    "judgelm": (JudgeLM(), 2, [set(map(str, range(1, 11)))] * 2),
    "three": (JudgeLM(), 3, [set(map(str, range(1, 11)))] * 3),
    "pandalm": (PandaLM(), 2, [{"1", "2", "Tie"}]),
    "mt_bench": (MTBenchPair(), 2, [LETTERS]),
    "rating": (MTBenchSingle(), 1, [set(map(str, range(1, 11)))]),
    "relative": (PrometheusRelative(), 2, [{" A", " B"}]),
    "absolute": (PrometheusAbsolute(), 1, [set("12345")]),
    "ultrafeedback": (UltraFeedback(), 3, [set("12345")] * 3),
    "criteria": (Criteria(), 2, [set("1234")] * 6),
    "flow_judge": (FlowJudge(), 1, [set("12345")]),
}


@pytest.mark.parametrize(("judge", "number", "possible"), FORMS.values(), ids=FORMS)
def test_scores_and_verdicts_of_every_form_have_alternatives(
    judge: Judge, number: int, possible: list[set[str]]
) -> None:
    choice = _choice(STRONG, _prompt(judge, number))
    content = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in content) == choice["message"]["content"]
    found = _open(choice)
    assert len(found) == len(possible)
    for token, options in zip(found, possible, strict=True):
        shares = {entry["token"]: math.exp(entry["logprob"]) for entry in token["top_logprobs"]}
        assert set(shares) <= options
        assert sum(shares.values()) == pytest.approx(1)
        assert token["token"] == token["top_logprobs"][0]["token"]
        assert token["logprob"] == token["top_logprobs"][0]["logprob"]
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
    for token in content:
        assert bytes(token["bytes"]).decode() == token["token"]
        if len(token["top_logprobs"]) == 1:
            assert token["top_logprobs"] == [{key: token[key] for key in ("token", "logprob", "bytes")}]
            assert -1e-4 < token["logprob"] < 0


def test_tokens_are_words_numbers_and_brackets() -> None:
    choice = _choice("sim-teacher-perfect", _prompt(MTBenchPair(), 2))
    tokens = [token["token"] for token in choice["logprobs"]["content"]]
    assert tokens[-4:] == ["\n", "[[", choice["message"]["content"][-3], "]]"]
    assert tokens[:3] == ["[", "simulated", "]"]
    assert tokens[3][0] == " "
    assert tokens[3].strip().isalpha()
    line = [token["token"] for token in _choice(STRONG, _prompt(JudgeLM(), 3))["logprobs"]["content"]]
    assert [token.isdigit() for token in line[:5]] == [True, False, True, False, True]
    assert line[1] == line[3] == " "
    assert line[5] == "\n"


def test_structured_output_has_them_too() -> None:
    choice = _choice(STRONG, _prompt(JudgeLM(), 2), response_format=STRUCTURED)
    reply = orjson.loads(choice["message"]["content"])
    assert "".join(token["token"] for token in choice["logprobs"]["content"]) == choice["message"]["content"]
    said = [token["token"] for token in _open(choice)]
    assert said == [str(reply["score_a"]), str(reply["score_b"]), reply["verdict"]]


def test_fewer_alternatives_none_and_no_wish() -> None:
    prompt = _prompt(JudgeLM(), 2)
    (first, *_) = _choice(STRONG, prompt, top_logprobs=3)["logprobs"]["content"]
    assert len(first["top_logprobs"]) == 3
    assert all(not token["top_logprobs"] for token in _choice(STRONG, prompt, top_logprobs=0)["logprobs"]["content"])
    assert _choice(STRONG, prompt, logprobs=False, top_logprobs=None)["logprobs"] is None
    silent = Endpoint(SETTINGS.model_copy(update={"logprobs": False}))
    assert _choice(STRONG, prompt, silent)["logprobs"] is None


@pytest.mark.parametrize("wish", [{"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 21}])
def test_a_wish_that_openai_refuses_is_refused(wish: dict[str, Any]) -> None:
    endpoint = Endpoint(SETTINGS)
    body = orjson.dumps({"model": STRONG, "messages": [{"role": "user", "content": _prompt(JudgeLM(), 2)}], **wish})
    status, reply = endpoint.reply(endpoint.arrive(body, None))
    assert status == 400
    assert "top_logprobs" in reply["error"]["message"]


@pytest.mark.parametrize("fault", ["truncated", "empty", "refusal", "unreadable"])
def test_the_tokens_of_a_spoilt_reply_are_what_is_left_of_it(fault: str) -> None:
    endpoint = Endpoint(SETTINGS.model_copy(update={"faults": Faults.model_validate({fault: 1})}))
    for model, prompt in ((STRONG, _prompt(JudgeLM(), 2)), ("sim-oak-8b", QUESTION)):
        choice = _choice(model, prompt, endpoint)
        assert "".join(token["token"] for token in choice["logprobs"]["content"]) == choice["message"]["content"]
        assert len(_open(choice)) == (2 if model == STRONG and fault == "truncated" else 0)
    short = _choice(STRONG, _prompt(MTBenchPair(), 2), max_tokens=12)
    assert "".join(token["token"] for token in short["logprobs"]["content"]) == short["message"]["content"]
    assert not _open(short)


def test_a_better_answer_has_the_higher_expected_score_although_the_grades_tie() -> None:
    """Both orders together, as a judge is asked: the teacher's errors are left, the rounding is not."""
    endpoint, draw, ties, right = Endpoint(SETTINGS), random.Random(3), 0, 0
    for number in range(700):
        question = f"How does machine {number} work?"
        texts = [
            str(_choice(model.name, question, endpoint, logprobs=False, top_logprobs=None)["message"]["content"])
            for model in draw.sample(ANSWERERS, 3)
        ]
        for pair in combinations(texts, 2):
            grades, means = [0, 0], [0.0, 0.0]
            for order in ((0, 1), (1, 0)):
                found = _open(_choice("sim-teacher-perfect", _prompt(JudgeLM(), 2, [pair[k] for k in order]), endpoint))
                for slot, token in zip(order, found, strict=True):
                    grades[slot] += int(token["token"])
                    means[slot] += _expected(token)
            if grades[0] == grades[1]:
                ties += 1
                better = true_quality(SETTINGS, pair[0]) > true_quality(SETTINGS, pair[1])
                right += (means[0] > means[1]) == better
    assert ties > 60
    assert right / ties > 0.5 + 3 * 0.5 / math.sqrt(ties)


def test_the_odds_of_a_letter_follow_the_opinion() -> None:
    """Over many pairs, a verdict that the tokens call likelier is repeated more often, when asked again."""
    endpoint, again = Endpoint(SETTINGS), dict[bool, list[bool]]({False: [], True: []})
    for number in range(300):
        question = f"How does device {number} work?"
        texts = [_say(model.name, question) for model in random.Random(number).sample(ANSWERERS, 2)]
        prompt = _prompt(PrometheusRelative(), 2, texts)
        first, second = (_open(_choice("sim-teacher-cheap-1", prompt, endpoint))[0] for _ in range(2))
        assert math.exp(first["logprob"]) >= 0.5
        again[math.exp(first["logprob"]) > 0.9].append(first["token"] == second["token"])
    shares = {sure: sum(same) / len(same) for sure, same in again.items()}
    assert min(map(len, again.values())) > 50
    assert shares[True] > shares[False] + 0.1


@pytest.fixture(name="base_url", scope="module")
def _base_url() -> Iterator[str]:
    with running(SETTINGS) as world:
        yield world.base_url


def test_the_openai_package_reads_them(base_url: str) -> None:
    with OpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
        reply = client.chat.completions.create(
            model=STRONG,
            messages=[{"role": "user", "content": _prompt(JudgeLM(), 2)}],
            logprobs=True,
            top_logprobs=5,
        )
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert len(logprobs.content[0].top_logprobs) == 5
    assert "".join(token.token for token in logprobs.content) == reply.choices[0].message.content


def test_over_the_wire_and_in_a_batch_they_are_the_same(base_url: str) -> None:
    body = {"model": STRONG, "messages": [{"role": "user", "content": _prompt(JudgeLM(), 2)}], "seed": 1}
    body |= {"logprobs": True, "top_logprobs": 2}

    async def single() -> Any:  # noqa: ANN401 - JSON
        async with aiohttp.ClientSession() as session, session.post(f"{base_url}/chat/completions", json=body) as reply:
            return (await reply.json())["choices"]

    line = {"custom_id": "one", "method": "POST", "url": "/v1/chat/completions", "body": body}
    with OpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
        file = client.files.create(file=("a.jsonl", orjson.dumps(line)), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        done = client.batches.retrieve(batch.id)
        assert done.output_file_id is not None
        (found,) = client.files.content(done.output_file_id).text.splitlines()
    assert orjson.loads(found)["response"]["body"]["choices"] == asyncio.run(single())
