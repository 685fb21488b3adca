"""A refusal in an answer's place is an answer, and the worst one, in the prompts of every judge that compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
import pytest

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
from prefmill.generators.world.fingerprint import Fingerprints
from prefmill.generators.world.prose import REFUSAL
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.shown import Shown, answers_in
from prefmill.generators.world.truth import true_quality, true_winner
from prefmill.generators.world.worth import REFUSED
from prefmill.schemas.rows import Answer, Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric

SETTINGS = WorldSettings(seed=31)
WORLD = Fingerprints(SETTINGS.seed)
STRONG = "sim-teacher-strong"
RUBRIC = Rubric(
    criteria="Is it right?", levels=tuple(Level(score=score, description=f"{score}") for score in range(1, 6))
)
TASKS = 100
SHORT = "I'm sorry, but I can't help with that request."
PAIRWISE: tuple[Judge, ...] = (
    JudgeLM(),
    MTBenchPair(),
    PandaLM(),
    PandaLM(explain=False),
    PrometheusRelative(),
    PrometheusRelative(template="training"),
    UltraFeedback(),
    Criteria(),
)
SINGLE: tuple[Judge, ...] = (
    MTBenchSingle(),
    PrometheusAbsolute(),
    PrometheusAbsolute(template="training"),
    FlowJudge(),
)


def _name(judge: Judge) -> str:
    return f"{judge.plugin_name()} {getattr(judge, 'template', '')}{getattr(judge, 'explain', '')}"


def _say(endpoint: Endpoint, model: str, messages: Sequence[Message]) -> str:
    body = orjson.dumps({"model": model, "messages": [message.model_dump() for message in messages]})
    status, reply = endpoint.reply(endpoint.arrive(body, None))
    assert status == 200, reply
    return str(reply["choices"][0]["message"]["content"])


def _chat(number: int) -> tuple[Message, ...]:
    """Every third chat has a system prompt, every third two turns, the earlier of which was refused."""
    asked = Message(role="user", content=f"How does engine {number} compare with a pump?")
    if number % 3 == 1:
        return Message(role="system", content="Never say: I'm sorry, but I can't help with that."), asked
    if number % 3 == 2:
        return Message(role="user", content="Hello."), Message(role="assistant", content=REFUSAL), asked
    return (asked,)


def _scores(
    endpoint: Endpoint, judge: Judge, task: Task, texts: Sequence[str], with_reference: bool
) -> Sequence[float]:
    answers = [Answer(task_id=task.id, model=f"model-{slot}", text=text) for slot, text in enumerate(texts)]
    replies = [_say(endpoint, STRONG, part) for part in judge.questions(task, answers, with_reference)]
    return judge.read_all(replies, len(texts)).scores


@pytest.mark.parametrize("judge", PAIRWISE, ids=_name)
def test_a_refusal_loses_in_both_places(judge: Judge) -> None:
    endpoint, lost = Endpoint(SETTINGS), 0
    for number in range(TASKS):
        chat = _chat(number)
        can_show = judge.reference != "never" and getattr(judge, "template", "") != "training"
        reference = Reference(text="It has fewer moving parts.") if can_show and number % 2 else None
        task = Task(messages=chat, rubric=RUBRIC, reference=reference)
        text, refusal = _say(endpoint, "sim-pine-7b", chat), (SHORT, REFUSAL)[number % 2]
        shown = (text, refusal) if number % 4 < 2 else (refusal, text)
        scores = _scores(endpoint, judge, task, shown, reference is not None)
        assert len(scores) == 2
        lost += scores[shown.index(refusal)] < scores[shown.index(text)]
    assert lost > 0.95 * TASKS


@pytest.mark.parametrize("judge", SINGLE, ids=_name)
def test_a_refusal_alone_gets_the_lowest_grade(judge: Judge) -> None:
    task = Task(messages=_chat(0), rubric=RUBRIC)
    assert _scores(Endpoint(SETTINGS), judge, task, [REFUSAL], with_reference=False) == (1.0,)


PROMPTS: dict[str, Callable[[str, str], str]] = {
    "labels": lambda one, two: f"Question: Why?\nResponse A: {one}\nResponse B: {two}\nRubric:\nIs it right?",
    "tags": lambda one, two: f"<question>Why?</question>\n<answer>\n{one}\n</answer>\n<answer>\n{two}\n</answer>\nWho?",
    "headings": lambda one, two: f"# Question\nWhy?\n\n## Answer 1\n\n{one}\n\n## Answer 2\n\n{two}",
    "bold": lambda one, two: f"**Question:**\nWhy?\n\n**Answer A:**\n{one}\n\n**Answer B:**\n{two}\n",
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize(
    "refusal",
    [
        SHORT,
        REFUSAL,
        "I’m sorry, but I can’t assist with that.",
        "Sorry, I cannot help you here. Please ask somebody else.",
        "I can't help with this.",
        "Unfortunately, I am unable to answer this question.",
        "As an AI language model, I cannot take part in this.",
        "I apologize, but I won't be able to do that.",
        "I must respectfully decline.",
    ],
)
def test_it_is_found_in_its_order(prompt: Callable[[str, str], str], refusal: str) -> None:
    text = _say(Endpoint(SETTINGS), "sim-oak-8b", _chat(0))
    ((_, identity),) = WORLD.find(text)
    answer, refused = Shown(identity, len(text.split())), Shown(None, len(refusal.split()))
    assert answers_in(prompt(text, refusal), WORLD) == [answer, refused]
    assert answers_in(prompt(refusal, text), WORLD) == [refused, answer]
    assert answers_in(prompt(refusal, refusal), WORLD) == [refused, refused]


@pytest.mark.parametrize(
    "prompt",
    [
        f"[Question]\n{SHORT}\n\n[Answer]\n{{}}\n",
        f"### User:\n{SHORT}\n\n### Assistant A:\n{{}}",
        f"[Question]\nUser: Hello.\n\nAssistant: {SHORT}\n\nUser: Why?\n\n[Answer]\n{{}}",
        f"### Assistant A:\n{SHORT}\n\n### User:\nWhy?\n\n### Assistant A:\n{{}}",
        f"[Instruction]\nAnswer politely.\n{SHORT}\n\n[Answer]\n{{}}",
        f"[Answer]\n{{}} {SHORT}",
        f"[Answer]\n{{}}\n\n{SHORT}\n\nThat is what others would say.",
        f"[Answer]\n{{}}\n\n> Answer: {SHORT}",
        f"[Reference Answer]\n{SHORT}\n\n[Answer]\n{{}}",
        f"[Answer]\n{{}}\n\n[Rubric]\nScore 1: {SHORT}\nScore 5: I cannot do better.",
        f"[Answer]\n{{}}\n\n[Answer 2]\n{SHORT} {'But here is a plan. ' * 10}",
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(prompt: str) -> None:
    text = _say(Endpoint(SETTINGS), "sim-oak-8b", _chat(0))
    ((_, identity),) = WORLD.find(text)
    assert [shown.identity for shown in answers_in(prompt.format(text), WORLD)] == [identity]


def test_the_truth_about_a_refusal() -> None:
    text = _say(Endpoint(SETTINGS), "sim-pine-7b", _chat(0))
    assert true_quality(SETTINGS, SHORT) == true_quality(SETTINGS, REFUSAL) == REFUSED
    assert true_winner(SETTINGS, text, REFUSAL) == "first"
    assert true_quality(SETTINGS, f"{REFUSAL} Others say: {text}") > REFUSED
    with pytest.raises(ValueError, match="no answer of the simulated world"):
        true_quality(SETTINGS, "Rayleigh scattering.")
