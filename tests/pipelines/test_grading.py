"""Grading over real sockets: what teachers' grades of single answers are, what fails, and the verdicts they make."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from prefmill.curation.filters.intended_score import IntendedScore
from prefmill.generators.comparisons import Compare
from prefmill.generators.judges.prometheus_absolute import PrometheusAbsolute
from prefmill.generators.judges.ultrafeedback import UltraFeedback
from prefmill.generators.protocols.listwise import Listwise
from prefmill.pipelines.curating import Curating
from prefmill.pipelines.grading import PROTOCOL, Grading, verdict_of
from prefmill.pipelines.judging import Judging
from prefmill.pipelines.pairing import Pairing
from prefmill.pipelines.stages import Answered, Judged, Paired, Seed
from prefmill.schemas.row import Failure, Usage
from prefmill.schemas.rows import Answer, Comparison, Grade, Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric
from prefmill.schemas.ultrafeedback_aspects import ASPECTS

from .conftest import ENTRY, Endpoint, Endpoints

RUBRIC = Rubric(
    criteria="Is it right?", levels=tuple(Level(score=score, description=f"A {score}.") for score in range(1, 6))
)
QUESTION = (Message(role="user", content="Why?"),)
TASK = Task(source_id="q", messages=QUESTION, rubric=RUBRIC)
WITH_REFERENCE = Task(source_id="r", messages=QUESTION, rubric=RUBRIC, reference=Reference(text="Because it is so."))


def answered(task: Task, *texts: str | None) -> Answered:
    late = Failure(kind="timeout", message="no reply within 5 s")
    answers = [
        Answer(task_id=task.id, model=f"m{number}", text=text, failure=None if text else late)
        for number, text in enumerate(texts)
    ]
    return Answered(tuple(answers), frozenset(one.id for one in answers if one.failure is None))


async def graded(
    server: Endpoint,
    judge: PrometheusAbsolute,
    task: Task,
    made: Answered,
    *entries: dict[str, Any],
    compare: str = "none",
) -> tuple[Paired, Judged]:
    seed = Seed(0, task)
    paired = await Pairing(Compare.model_validate({"pairs": compare}), 1)(seed, made)
    async with server.callers(*entries) as callers:
        return paired, await Grading(judge, {caller.provider.label: caller for caller in callers})(seed, made, paired)


def test_every_teacher_grades_every_usable_answer_in_every_reference_mode(endpoint: Endpoints) -> None:
    def says(body: dict[str, Any]) -> str:
        prompt = body["messages"][-1]["content"]
        return f"By {body['model']}. [RESULT] {5 if 'Because it is so.' in prompt else 2 if 'good' in prompt else 1}"

    server, made = endpoint(says), answered(WITH_REFERENCE, "good", None, "bad")
    judge = PrometheusAbsolute(reference="both")
    _, judged = asyncio.run(graded(server, judge, WITH_REFERENCE, made, {"model": "t"}, {"model": "u", "name": "you"}))
    good, _, bad = made.answers
    assert [(grade.answer_id, grade.with_reference, grade.teacher, grade.score) for grade in judged.grades] == [
        (good.id, True, "t", 5), (good.id, True, "you", 5), (good.id, False, "t", 2), (good.id, False, "you", 2),
        (bad.id, True, "t", 5), (bad.id, True, "you", 5), (bad.id, False, "t", 1), (bad.id, False, "you", 1),
    ]  # fmt: skip
    assert (judged.judgments, judged.verdicts, judged.losses) == ((), (), ())
    one = judged.grades[0]
    assert (one.task_id, one.judge, one.origin, one.sample) == (WITH_REFERENCE.id, "prometheus_absolute", "openai", 0)
    assert (one.feedback, one.raw, one.usage.calls) == ("By t.", "By t. [RESULT] 5", 1)
    assert len(server.heard) == len({grade.id for grade in judged.grades}) == 8


def test_what_fails_is_a_grade_with_its_reason_and_a_loss(endpoint: Endpoints) -> None:
    said: dict[str, object] = {"good": "So. [RESULT] 3", "vague": "Quite nice.", "down": 503, "wrong": 400, "mute": " "}
    server, made = endpoint(lambda body: said[body["model"]]), answered(TASK, "An answer.")
    entries = [{"model": model} for model in said]
    _, judged = asyncio.run(graded(server, PrometheusAbsolute(retries=1), TASK, made, *entries))
    found = [(grade.teacher, grade.score, grade.failure and grade.failure.kind, grade.raw) for grade in judged.grades]
    assert found == [
        ("good", 3, None, "So. [RESULT] 3"),
        ("vague", None, "unreadable", "Quite nice."),
        ("down", None, "server_error", None),
        ("wrong", None, "rejected", None),
        ("mute", None, "empty", None),
    ]
    assert [(loss.stage, loss.status, loss.by, loss.reason, loss.row_id) for loss in judged.losses] == [
        ("grades", "failed", grade.teacher, grade.failure.kind, grade.id)
        for grade in judged.grades
        if grade.failure is not None
    ]
    # An unreadable or empty reply is asked for again once, a failed call only as often as its provider says.
    sent = [sum(body["model"] == model for body in server.heard) for model in said]
    assert sent == [1, 2, ENTRY["attempts"], 1, 2]
    assert [grade.sample for grade in judged.grades] == [0, 1, 0, 0, 1]


def test_a_task_that_cannot_be_asked_about_is_not_asked(endpoint: Endpoints) -> None:
    """A failure of each grade, not of the run; the pair's verdict fails with it."""
    plain = Task(messages=QUESTION)
    server, made = endpoint(lambda _: "So. [RESULT] 3"), answered(plain, "One.", "Two.")
    paired, judged = asyncio.run(graded(server, PrometheusAbsolute(), plain, made, {"model": "t"}, compare="all"))
    assert server.heard == []
    unaskable = Failure(kind="unaskable", message="the task has no rubric")
    assert [(grade.failure, grade.usage) for grade in judged.grades] == [(unaskable, Usage())] * 2
    assert [loss.reason for loss in judged.losses] == ["unaskable"] * 2
    (verdict,) = judged.verdicts
    assert verdict.comparison_id == paired.comparisons[0].id
    assert verdict.failure is not None and "t of m0: unaskable: the task has no rubric" in verdict.failure.message
    curated = asyncio.run(Curating(())(Seed(0, plain), made, paired, judged))
    assert (curated.kept, curated.graded) == ((), ())
    assert [(loss.stage, loss.reason) for loss in curated.losses] == [("verdicts", "no_judgment")]


def test_pairs_are_settled_by_the_grades_of_the_mode_that_decides(endpoint: Endpoints) -> None:
    def says(body: dict[str, Any]) -> str:
        prompt = body["messages"][-1]["content"]
        return f"So. [RESULT] {4 if ('good' in prompt) == ('Because it is so.' in prompt) else 1}"

    server, made = endpoint(says), answered(WITH_REFERENCE, "good", "bad")
    judge = PrometheusAbsolute(reference="both")
    paired, judged = asyncio.run(graded(server, judge, WITH_REFERENCE, made, {"model": "t"}, compare="all"))
    (comparison,), (verdict,) = paired.comparisons, judged.verdicts
    assert verdict.winner == ("first" if comparison.models == ("m0", "m1") else "second")
    assert (verdict.protocol, abs(verdict.margin or 0)) == (PROTOCOL, 3)
    deciding = {grade.id for grade in judged.grades if grade.with_reference}
    assert set(verdict.judgment_ids) == deciding


def test_grades_of_one_answer_are_dropped_together_and_failed_ones_stay_failed(endpoint: Endpoints) -> None:
    replies: dict[str, object] = {"t": "So. [RESULT] 3", "u": "So. [RESULT] 2", "v": "Nothing."}
    server, made = endpoint(lambda body: replies[body["model"]]), answered(TASK, "One.", "Two.")
    aimed = [one.model_copy(update={"intended": score}) for one, score in zip(made.answers, (2, 3), strict=True)]
    made = Answered(tuple(aimed), frozenset(one.id for one in aimed))
    entries = [{"model": model} for model in replies]
    paired, judged = asyncio.run(graded(server, PrometheusAbsolute(retries=0), TASK, made, *entries))
    curated = asyncio.run(Curating((IntendedScore(tolerance=0.5),))(Seed(0, TASK), made, paired, judged))
    assert len(curated.graded) == 4
    strict = asyncio.run(Curating((IntendedScore(tolerance=0.4),))(Seed(0, TASK), made, paired, judged))
    assert strict.graded == ()
    assert [(loss.stage, loss.status, loss.by) for loss in strict.losses] == [
        ("grades", "dropped", "intended_score")
    ] * 4
    assert {loss.row_id for loss in strict.losses} == set(curated.graded)
    assert len({loss.row_id for loss in (*judged.losses, *strict.losses)}) == len(judged.grades) == 6


def grade(answer: str, score: float | None, teacher: str = "t", sample: int = 0) -> Grade:
    return Grade(
        answer_id=answer,
        task_id="q",
        teacher=teacher,
        judge="prometheus_absolute",
        sample=sample,
        score=score,
        usage=Usage(prompt_tokens=10, completion_tokens=1, calls=1),
        failure=Failure(kind="unreadable", message="no score\nfound") if score is None else None,
    )


def comparison(answers: str) -> Comparison:
    return Comparison(task_id="q", answer_ids=tuple(answers), models=tuple(answers.upper()))


@pytest.mark.parametrize(
    ("scores", "winner", "margin"),
    [
        ({"t": (4, 2)}, "first", 2),
        ({"t": (2, 4)}, "second", -2),
        ({"t": (3, 3)}, "tie", 0),
        ({"t": (4, 2), "u": (2, 5)}, "second", -0.5),
        ({"t": (0.1, 0.3), "u": (0.2, 0.3), "v": (0.6, 0.3)}, "tie", 0),
        # The strict teacher was read about the second answer only: what it says of that one counts for nothing.
        ({"t": (4, 4), "strict": (None, 1)}, "tie", 0),
        ({"t": (4, None), "u": (3, 2)}, "first", 1),
    ],
)
def test_the_verdict_of_a_pair(scores: dict[str, tuple[float | None, ...]], winner: str, margin: float) -> None:
    grades = [grade(answer, one, of) for of, some in scores.items() for answer, one in zip("ab", some, strict=True)]
    verdict = verdict_of(comparison("ab"), [*grades, grade("c", 5)])
    assert (verdict.winner, verdict.margin, verdict.scores, verdict.failure) == (winner, margin, (), None)
    assert str(verdict.margin) != "-0.0"
    whole = {of for of, some in scores.items() if None not in some}
    assert set(verdict.judgment_ids) == {one.id for one in grades if one.teacher in whole}
    assert (verdict.usage.calls, verdict.consistent, verdict.flags) == (len(grades), None, ())


def test_the_verdict_of_several_answers_is_their_scores() -> None:
    grades = [grade(answer, score, of) for of in "tu" for answer, score in zip("abc", (1, 4, 2), strict=True)]
    verdict = verdict_of(comparison("cab"), grades)
    assert (verdict.scores, verdict.winner, verdict.margin) == ((2, 1, 4), None, None)
    assert verdict.usage.prompt_tokens == 60
    assert verdict_of(comparison("cab"), grades[::-1]).scores == verdict.scores


@pytest.mark.parametrize("answers", ["ab", "abc"])
def test_a_missing_grade_fails_the_verdict(answers: str) -> None:
    """Never a default score: the others' grades are not enough."""
    grades = [grade(answer, None if answer == "b" else 5) for answer in answers]
    verdict = verdict_of(comparison(answers), [*grades, grade("a", None, "u"), grade("b", 3, "u")])
    assert (verdict.winner, verdict.margin, verdict.scores, verdict.judgment_ids) == (None, None, (), ())
    assert verdict.failure is not None and verdict.failure.kind == "no_judgment"
    assert verdict.failure.message == "u of A: unreadable: no score found; t of B: unreadable: no score found"
    assert verdict.usage.calls == len(answers) + 2
    nothing = verdict_of(comparison(answers), ())
    assert nothing.failure is not None and nothing.failure.message == "nothing was asked"


def test_a_grade_that_was_asked_for_again_is_flagged() -> None:
    assert verdict_of(comparison("ab"), [grade("a", 5), grade("b", 1, sample=2)]).flags == ("asked_again",)


def ratings(*given: int, typed: bool = False) -> str:
    """One aspect's reply about all texts; `typed` aspects say types first."""
    blocks = []
    for number, rating in enumerate(given, start=1):
        lines = ["Type: None", "Rationale: None found."] if typed else []
        heading = "#" * (5 if typed else 4) + f" Output for Text {number}"
        blocks.append("\n".join([heading, *lines, f"Rating: {rating}", "Rationale: Fine."]))
    return "\n\n".join(blocks)


def aspect_of(body: dict[str, Any]) -> str:
    headings = {"Instruction Following Assessment": 0, "Honesty and Uncertainty Expression Assessment": 1}
    headings |= {"Truthfulness and Hallucination Assessment": 2, "Informativeness / Helpfulness Assessment": 3}
    prompt = body["messages"][-1]["content"]
    (found,) = (number for heading, number in headings.items() if f"# {heading}" in prompt)
    return ASPECTS[found]


def several(server: Endpoint, retries: int = 2) -> Judged:
    async def work() -> Judged:
        seed, made = Seed(0, TASK), answered(TASK, "First.", "Second.", "Third.")
        paired = await Pairing(Compare(pairs="together"), 1)(seed, made)
        async with server.callers({"model": "t", "sampling": {"seed": 40}}) as callers:
            judging = Judging(UltraFeedback(retries=retries), Listwise(), {"t": callers[0]})
            return await judging(seed, made, paired)

    return asyncio.run(work())


SCORES = dict(zip(ASPECTS, ((1, 2, 3), (2, 2, 2), (5, 4, 3), (4, 4, 1)), strict=True))


def reply(aspect: str) -> str:
    return ratings(*SCORES[aspect], typed=aspect in ("truthfulness", "helpfulness"))


def test_the_parts_of_a_judge_are_one_judgment(endpoint: Endpoints) -> None:
    server = endpoint(lambda body: reply(aspect_of(body)))
    (judgment,) = several(server).judgments
    assert len(server.heard) == 4
    assert judgment.failure is None, judgment.failure
    assert {aspect.criterion: aspect.scores for aspect in judgment.aspects} == SCORES
    assert judgment.scores == (3, 3, 2.25)
    assert judgment.raw is not None
    assert orjson.loads(judgment.raw) == [reply(aspect) for aspect in ASPECTS]
    assert (judgment.usage.calls, judgment.usage.prompt_tokens, judgment.sample) == (4, 28, 0)


def test_one_unreadable_part_asks_all_again(endpoint: Endpoints) -> None:
    def says(body: dict[str, Any]) -> str:
        return "No idea." if (body["seed"], aspect_of(body)) == (40, ASPECTS[2]) else reply(aspect_of(body))

    server = endpoint(says)
    made = several(server)
    (judgment,), (verdict,) = made.judgments, made.verdicts
    assert (judgment.failure, judgment.sample, judgment.usage.calls, verdict.usage.calls) == (None, 1, 8, 8)
    assert verdict.flags == ("asked_again",)
    assert sorted((body["seed"], aspect_of(body)) for body in server.heard) == sorted(
        (seed, aspect) for seed in (40, 41) for aspect in ASPECTS
    )


@pytest.mark.parametrize(("bad", "kind", "sent"), [("No idea.", "unreadable", 8), (400, "rejected", 4)])
def test_a_part_that_stays_bad_fails_the_judgment(endpoint: Endpoints, bad: object, kind: str, sent: int) -> None:
    """The replies that came are kept in their places; there is no score from three aspects of four."""
    server = endpoint(lambda body: bad if aspect_of(body) == ASPECTS[1] else reply(aspect_of(body)))
    made = several(server, retries=1)
    (judgment,), (loss,) = made.judgments, made.losses
    assert judgment.failure is not None
    assert (judgment.failure.kind, loss.reason, judgment.scores, judgment.aspects) == (kind, kind, None, ())
    assert judgment.raw is not None
    replies: list[str | None] = [reply(aspect) for aspect in ASPECTS]
    replies[1] = bad if isinstance(bad, str) else None
    assert orjson.loads(judgment.raw) == replies
    assert len(server.heard) == sent
