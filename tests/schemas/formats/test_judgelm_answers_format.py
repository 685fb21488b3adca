"""JudgeLM's files for several answers: they belong together line by line, and say what the verdict says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefmill.schemas.formats import Record
from prefmill.schemas.formats.judgelm_answers import JudgeLMAnswers
from prefmill.schemas.judgelm_prompt import MOST
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Comparison, Example, Judgment, Loss, Reference, Task, Verdict

from . import examples as some
from .round_trip import (
    QUESTION,
    check_round_trip,
    decoded,
    encoded,
    graded,
    records,
)
from .votes import check_refusals

SAMPLES, JUDGMENTS = "judgelm_samples.jsonl", "judgelm_samples_judgments.jsonl"
WITH_REFERENCE = "judgelm_samples_judgments_with_reference.jsonl"
REFERENCES = "judgelm_samples_references.jsonl"
THREE = JudgeLMAnswers()
Judged = tuple[tuple[int, ...], tuple[float, ...], bool]
"""Order shown, scores in that order, whether with the reference."""
OWN: Judged = ((0, 1, 2), (9, 1, 5), False)


def example(
    *judged: Judged,
    final: tuple[float, ...] = (9, 1, 5),
    texts: tuple[str | None, ...] = ("Two.", "None.", "Some."),
    task: Task | None = None,
    index: int = 0,
    said: str = "Assistant 1 is right.",
    **verdict: object,
) -> Example:
    task = task or Task(messages=QUESTION)
    answers = tuple(
        Answer(
            task_id=task.id,
            model=f"model-{number}",
            text=text,
            failure=Failure(kind="timeout", message="no reply") if text is None else None,
        )
        for number, text in enumerate(texts)
    )
    comparison = Comparison(
        task_id=task.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    known = {"comparison_id": comparison.id, "task_id": task.id}
    judgments = tuple(
        Judgment(
            **known,
            teacher="teacher",
            judge="judgelm",
            shown=shown,
            with_reference=with_reference,
            scores=scores,
            rationale=said,
        )
        for shown, scores, with_reference in judged
    )
    fields = {**known, "protocol": "one_order", "judgment_ids": [one.id for one in judgments]}
    outcome = verdict or ({"scores": final} if len(texts) > 2 else {"winner": "first"})
    return Example(
        index=index,
        task=task,
        answers=answers,
        comparison=comparison,
        judgments=judgments,
        verdict=Verdict.model_validate({**fields, **outcome}),
    )


@st.composite
def comparisons(draw: st.DrawFn) -> Example:
    """Two to nineteen answers in any order, judged once, or without and with the reference."""
    task = draw(some.tasks())
    number = draw(st.sampled_from((2, 3, 4, MOST)))
    scores = draw(st.lists(st.sampled_from((1.0, 2.5, 7.0, 10.0)), min_size=number, max_size=number))
    shown = tuple(draw(st.permutations(range(number))))
    kinds = draw(st.sampled_from(((False,), (True,), (False, True)))) if task.reference else (False,)
    judged: list[Judged] = [(shown, tuple(scores[place] for place in shown), kind) for kind in kinds]
    winner = "tie" if scores[0] == scores[1] else "first" if scores[0] > scores[1] else "second"
    return example(
        *judged,
        texts=tuple(draw(st.lists(some.WORDS, min_size=number, max_size=number))),
        task=task,
        index=draw(st.integers(0, 10**6)),
        said=draw(some.WORDS),
        **({"winner": winner} if number == 2 else {"scores": tuple(scores)}),
    )


def test_it_is_found_by_name() -> None:
    assert load(JudgeLMAnswers, "judgelm_answers") is JudgeLMAnswers


def test_the_golden_files() -> None:
    found = [Example.model_validate(record) for record in records("judgelm_answers", "examples.jsonl")]
    files = {name: rows for name, rows in encoded(THREE, found).items() if rows}
    assert len(files) == 4 + 3
    for name, rows in files.items():
        assert rows == records("judgelm_answers", name), name
    expected = [Example.model_validate(record) for record in records("judgelm_answers", "decoded.jsonl")]
    assert decoded(THREE, files) == expected


@settings(max_examples=50, deadline=None)
@given(comparisons())
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    format = JudgeLMAnswers(answers=len(example.answers), max_tokens=10**6)
    again = check_round_trip(format, example)
    first = example.judgments[0]
    assert [answer.text for answer in again.answers] == [example.answers[place].text for place in first.shown]
    assert again.judgments[0].scores == first.scores
    assert again.judgments[0].rationale == first.rationale.strip()
    assert again.verdict is not None and example.verdict is not None
    if again.verdict.winner is not None:
        assert again.answers[again.verdict.winner == "second"].text == (
            example.answers[example.verdict.winner == "second"].text
        ) or (again.verdict.winner == example.verdict.winner == "tie")
    else:
        final = example.verdict.scores
        assert again.verdict.scores == tuple(final[place] for place in first.shown)


def test_the_samples_are_what_judgelms_preprocessing_makes_of_the_answer_files() -> None:
    files = encoded(THREE, [example(OWN), example(((2, 0, 1), (4, 8, 1), False), index=1)])
    for line, sample in enumerate(files[SAMPLES]):
        lines = [files[f"judgelm_answers_{number}.jsonl"][line] for number in (1, 2, 3)]
        assert {row["question_id"] for row in lines} == {sample["question_id"]} == {line}
        assert {row["question_body"] for row in lines} == {sample["question_body"]}
        assert [row["scores"] for row in lines] == sample["score"]
        for number, row in enumerate(lines, start=1):
            assert row["text"] == sample[f"answer{number}_body"]
            assert row["model"] == sample[f"answer{number}_model_id"]
            assert {"decoding_method": row["decoding_method"]} == sample[f"answer{number}_metadata"]
    assert [row["text"].partition("\n")[0] for row in files[JUDGMENTS]] == ["9 1 5", "4 8 1"]
    ids = [row["review_id"] for name in (JUDGMENTS, WITH_REFERENCE) for row in files[name]]
    assert len(set(ids)) == 4 and {len(id) for id in ids} == {22}


def test_the_own_order_is_preferred_among_judgments_that_say_what_the_verdict_says() -> None:
    (row,) = encoded(THREE, [example(((2, 1, 0), (5, 1, 9), False), ((0, 1, 2), (1, 9, 5), False), OWN)])[JUDGMENTS]
    assert row["score"] == [9, 1, 5]
    files = encoded(THREE, [example(((2, 1, 0), (5, 1, 9), False), ((0, 1, 2), (1, 9, 5), False))])
    assert [files[name][0]["score"] for name in (JUDGMENTS, WITH_REFERENCE)] == [[5, 1, 9], [5, 1, 9]]
    assert files[SAMPLES][0]["answer3_body"] == "Two."


def test_decimal_scores_of_a_pair_are_as_far_apart_as_they_say() -> None:
    two = JudgeLMAnswers(answers=2)
    (found,) = decoded(two, encoded(two, [example(((0, 1), (8.2, 7.2), False), texts=("Two.", "None."))]))
    assert found.verdict is not None
    assert (found.verdict.winner, found.verdict.margin) == ("first", 1)


def test_judgments_without_and_with_the_reference_are_told_apart() -> None:
    task = Task(messages=QUESTION, reference=Reference(text="None."))
    plain, seen = OWN, ((0, 1, 2), (8.0, 2.0, 5.0), True)
    again = check_round_trip(THREE, example(plain, seen, task=task))
    assert [(one.with_reference, one.scores) for one in again.judgments] == [(False, (9, 1, 5)), (True, (8, 2, 5))]


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        ("no_comparison", graded()),
        ("other_number_of_answers", example(texts=("Two.", "None."))),
        ("failed_answer", example(OWN, texts=("Two.", None, "Some."))),
        ("no_verdict", example(OWN).model_copy(update={"verdict": None})),
        ("failed_verdict", example(OWN, failure={"kind": "no_judgment", "message": "none"})),
        ("no_judgment_supports_verdict", example()),
        ("no_judgment_supports_verdict", example(((0, 1, 2), (9, 9, 1), False))),
        ("no_judgment_supports_verdict", example(((1, 0, 2), (9, 1, 5), False))),
        ("scores_outside_1_to_10", example(((0, 1, 2), (11, 1, 5), False))),
        ("prompt_marker_in_text", example(OWN, texts=("[System]", "b", "c"))),
        ("prompt_marker_in_text", example(OWN, texts=("a", "b", "c</s>"))),
        ("prompt_marker_in_text", example(OWN, said="See [Question].")),
        ("too_long", example(OWN, texts=("word " * 2000, "b", "c"))),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, given: Example) -> None:
    check_refusals(THREE, reason, given)


def test_published_samples_are_read_without_judgments() -> None:
    found = decoded(THREE, {SAMPLES: records("judgelm_answers", "published_samples.jsonl")})
    assert [example.task.instruction for example in found] == ["\nList three warm colours.", "Why is the sky blue?\n"]
    assert found[0].comparison is not None
    assert found[0].comparison.models == ("alpaca-native", "vicuna-13b", "mpt-7b")
    assert [(example.index, example.verdict, example.judgments) for example in found] == [(0, None, ()), (1, None, ())]


def test_published_answer_files_are_joined() -> None:
    answers = {
        f"judgelm_answers_{number}.jsonl": records("judgelm_answers", f"published_answers_{number}.jsonl")
        for number in (1, 2, 3)
    }
    joined = decoded(THREE, answers)
    samples = decoded(THREE, {SAMPLES: records("judgelm_answers", "published_samples.jsonl")})
    assert [example.answers for example in joined] == [example.answers for example in samples]
    answers["judgelm_answers_2.jsonl"][1]["question_body"] = "Other?"
    with pytest.raises(ValueError, match=r"judgelm_answers_2.jsonl:2: question_body: differs from line 2 of"):
        decoded(THREE, answers)
    del answers["judgelm_answers_3.jsonl"][1]
    answers["judgelm_answers_2.jsonl"][1]["question_body"] = "Why is the sky blue?\n"
    with pytest.raises(ValueError, match=r"judgelm_answers_3.jsonl:2: ends here"):
        decoded(THREE, answers)


def test_files_that_do_not_align_are_refused() -> None:
    files = encoded(THREE, [example(OWN), example(OWN, index=1)])
    with pytest.raises(ValueError, match=rf"{REFERENCES}:2: ends here"):
        decoded(THREE, {**files, REFERENCES: files[REFERENCES][:1]})
    with pytest.raises(ValueError, match=rf"{JUDGMENTS}:1: question_id: differs from line 1 of {SAMPLES}"):
        decoded(THREE, {**files, JUDGMENTS: files[JUDGMENTS][::-1]})


@pytest.mark.parametrize(
    ("file", "change", "detail"),
    [
        (JUDGMENTS, {"text": "error", "score": [-1, -1]},
         f"{JUDGMENTS}:2: text: expected a first line of 3 scores and nothing else, got 'error'"),
        (JUDGMENTS, {"text": "9 1\nno"}, f"{JUDGMENTS}:2: text: expected 3 scores on the first line, got 2: '9 1'"),
        (WITH_REFERENCE, {"score": [9, 1, 4]},
         f"{WITH_REFERENCE}:2: score: [9.0, 1.0, 4.0] is not what text says ([9.0, 1.0, 5.0])"),
        (SAMPLES, {"answer3_body": None}, "answer3_body: expected text (got None)"),
        (REFERENCES, {"reference": {}}, f"{REFERENCES}:2: reference.text: expected text, but there is no such key"),
    ],
)  # fmt: skip
def test_a_row_that_is_none_is_a_loss_that_names_line_and_key(file: str, change: dict[str, Any], detail: str) -> None:
    files: dict[str, list[Record]] = encoded(THREE, [example(OWN), example(OWN, index=1), example(OWN, index=2)])
    files[file][1] |= change
    first, bad, last = THREE.decode(files)
    assert isinstance(first, Example) and isinstance(bad, Loss) and isinstance(last, Example)
    assert (bad.row_id, bad.detail) == (f"{SAMPLES}:2 (question_id 1)", detail)


def test_a_sample_has_two_answers_at_least() -> None:
    sample = records("judgelm_answers", "published_samples.jsonl")[0]
    lone = {key: value for key, value in sample.items() if not key.startswith(("answer2", "answer3"))}
    (loss,) = THREE.decode({SAMPLES: [lone]})
    assert isinstance(loss, Loss) and loss.detail == "answer1_body: expected 2 to 19 answers (got 1)"
