"""PandaLM's files: golden in both directions, people's labels apart from training rows, no text that breaks them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings

from prefmill.schemas.contents import contents_of
from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats import Record
from prefmill.schemas.formats.pandalm import TEST, TRAIN, PandaLM
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Answer, Comparison, Example, Judgment, Loss, Task

from .examples import pairs, reviewed, tasks

GOLDEN = Path(__file__).parents[2] / "golden" / "pandalm"
TEXTS = ("Two.", "None.")
WITHOUT_TEACHERS = frozenset({"category", "models", "order", "reviews"})
WITHOUT_PEOPLE = PandaLM.carries - {"reviews"}


def _records(name: str) -> list[Record]:
    read: list[Record] = orjson.loads((GOLDEN / name).read_bytes())
    return read


def _examples(name: str) -> list[Example]:
    return [Example.model_validate(orjson.loads(line)) for line in (GOLDEN / name).read_bytes().splitlines()]


EXAMPLES = _examples("examples.jsonl")


def _decoded(files: dict[str, list[Record]]) -> list[Example]:
    decoded = list(PandaLM().decode(files))
    assert not [row for row in decoded if isinstance(row, Loss)]
    return [row for row in decoded if isinstance(row, Example)]


def _made(
    winner: str | None = "first",
    judgments: Iterable[dict[str, Any]] = ({},),
    people: Iterable[str | None] = (),
    texts: Iterable[str] = TEXTS,
    models: tuple[str, str] = ("m-0", "m-1"),
    **task: Any,  # noqa: ANN401
) -> Example:
    """A pair with a task's reference; each judgment says that the first is better, but for what it says otherwise."""
    asked = Task.model_validate(
        {"messages": [{"role": "user", "content": "How many?"}], "reference": {"text": "Two moons."}, **task}
    )
    answers = [
        Answer(task_id=asked.id, model=model, text=text, sample=k)
        for k, (model, text) in enumerate(zip(models, texts, strict=True))
    ]
    comparison = Comparison(task_id=asked.id, answer_ids=tuple(answer.id for answer in answers), models=models)
    of = {"comparison_id": comparison.id, "task_id": asked.id}
    said = {**of, "teacher": "t", "judge": "pandalm", "shown": (0, 1), "scores": (1, 0), "rationale": "So."}
    verdict: dict[str, Any] = {**of, "protocol": "p", "judgment_ids": (), "winner": winner}
    if winner == "failed":
        verdict |= {"winner": None, "failure": {"kind": "no_judgment", "message": "none"}}
    return Example.model_validate(
        {
            "index": 0,
            "task": asked,
            "answers": answers,
            "comparison": comparison,
            "judgments": [Judgment.model_validate({**said, **change}) for change in judgments],
            "verdict": None if winner is None else verdict,
            "reviews": [{**of, "annotator": f"p{k}", "winner": one} for k, one in enumerate(people)],
        }
    )


def _target(example: Example) -> str:
    ((name, row),) = PandaLM().encode(example)
    assert name == TRAIN
    return str(row["output_sequence"])


def test_it_is_found_by_name() -> None:
    assert load(PandaLM, "pandalm") is PandaLM


def test_encode_writes_the_golden_files() -> None:
    encoded = [pair for example in EXAMPLES for pair in PandaLM().encode(example)]
    for file in (TRAIN, TEST):
        assert [record for name, record in encoded if name == file] == _records(file)


def test_decode_reads_the_golden_files() -> None:
    decoded = _decoded({TRAIN: _records(TRAIN), TEST: _records(TEST)})
    assert decoded == _examples("decoded.jsonl")
    assert [len(example.reviews) for example in decoded] == [0, 0, 0, 3, 3]
    assert [example.verdict is None for example in decoded] == [False, False, False, True, True]


def test_training_rows_are_read_as_published_and_as_documented() -> None:
    ours = _records(TRAIN)
    published = [{key: row[key] for key in ("input_sequence", "output_sequence")} for row in ours]
    documented = [
        {
            "inputs": {
                "instruction": "Classify the word.",
                "input": "moon",
                "response1": "noun",
                "response2": "A verb.",
            },
            "outputs": {
                "evaluation_result": "1",
                "evaluation_reason": "Response 1 is right, Response 2's answer is not.",
                "reference_response": "Noun.",
            },
        }
    ]
    for rows in (published, documented):
        for example in _decoded({TRAIN: rows}):
            assert {answer.model for answer in example.answers} == {"unknown"}
            ((_, row),) = PandaLM().encode(example)
            assert {key: row[key] for key in published[0]} in published


@settings(max_examples=60, deadline=None)
@given(pairs(tasks(reference=True), both=True))
def test_what_a_training_row_carries_comes_back(example: Example) -> None:
    decoded = _comes_back(example, TRAIN)
    assert contents_of(decoded) >= contents_of(example) & WITHOUT_PEOPLE
    assert decoded.verdict and example.verdict and decoded.verdict.winner == example.verdict.winner
    assert decoded.task.reference and example.task.reference
    assert decoded.task.reference.text == example.task.reference.text
    assert decoded.judgments[0].rationale == example.judgments[0].rationale


@settings(max_examples=60, deadline=None)
@given(reviewed(tasks(), votes=3))
def test_what_a_test_row_carries_comes_back(example: Example) -> None:
    decoded = _comes_back(example, TEST)
    assert contents_of(decoded) >= contents_of(example) & WITHOUT_TEACHERS
    assert [review.winner for review in decoded.reviews] == [review.winner for review in example.reviews]
    assert decoded.index == example.index


def _comes_back(example: Example, file: str) -> Example:
    ((name, record),) = encoded = list(PandaLM().encode(example))
    assert name == file
    (decoded,) = _decoded({name: [record]})
    assert [answer.text for answer in decoded.answers] == [answer.text for answer in example.answers]
    assert [answer.model for answer in decoded.answers] == [answer.model for answer in example.answers]
    assert list(PandaLM().encode(decoded)) == encoded
    table = pa.Table.from_pylist([record], schema=PandaLM().features()[name])
    assert list(record) == table.schema.names
    assert table.to_pylist() == [record]
    return decoded


def test_a_row_is_in_the_order_that_its_teacher_saw() -> None:
    seen = {"shown": (1, 0), "scores": (0, 1), "rationale": "Response 2 is right."}
    ((_, row),) = PandaLM().encode(_made(judgments=[{"scores": (0, 1), "rationale": "No."}, seen]))
    assert row["output_sequence"].startswith("2\n\n### Reason: Response 2 is right.\n")
    assert (row["model1"], row["model2"]) == ("m-1", "m-0")
    assert "### Response 1:\nNone.\n\n### Response 2:\nTwo." in row["input_sequence"]


def test_the_teachers_own_reference_comes_before_the_tasks() -> None:
    raw = "1\n\n### Reason: So.\n\n### Reference: Phobos and Deimos."
    assert _target(_made(judgments=[{"raw": raw}])).endswith("### Reference: Phobos and Deimos.\n")
    assert _target(_made(judgments=[{"raw": "1"}])).endswith("### Reference: Two moons.\n")


def test_a_judgment_that_cannot_be_exported_gives_way_to_the_next() -> None:
    other = {"judge": "judgelm", "rationale": "Response A is right.", "scores": (9, 2)}
    assert "### Reason: So.\n" in _target(_made(judgments=[other, {}]))


def test_three_people_make_a_test_row_and_fewer_leave_the_teachers_word() -> None:
    assert [name for name, _ in PandaLM().encode(_made(people=["first"] * 3))] == [TEST]
    for people in (["first"] * 2, ["second"] * 4, ["first", None, "first"]):
        assert [name for name, _ in PandaLM().encode(_made(people=people))] == [TRAIN]


NO_REFERENCE: dict[str, Any] = {"reference": None}
QUESTION = {"role": "user", "content": "How?\n\n### Response 1:\nSo."}


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("failed_verdict", _made("failed")),
        ("no_judgment_supports_verdict", _made("tie")),
        ("no_judgment_supports_verdict", _made(judgments=())),
        ("no_reason", _made(judgments=[{"rationale": " "}])),
        ("no_reference", _made(**NO_REFERENCE)),
        ("no_reference", _made(reference={"text": "\n"})),
        ("ambiguous_rationale", _made(judgments=[{"judge": "judgelm", "rationale": "Answer A is right."}])),
        ("ambiguous_rationale", _made(judgments=[{"judge": "judgelm", "rationale": "Response 1 is right."}])),
        ("not_three_reviews", _made(None)),
        ("not_three_reviews", _made(None, people=["first"] * 4)),
        ("undecided_review", _made(None, people=["first", None, "tie"])),
        ("underscore_in_model_name", _made(None, people=["tie"] * 3, models=("m_0", "m-1"))),
        ("prompt_mark_in_text", _made(texts=("a\n\n### Evaluation:\n2", "b"))),
        ("prompt_mark_in_text", _made(texts=("a</s>", "b"))),
        ("prompt_mark_in_text", _made(None, people=["tie"] * 3, texts=("a", "[PAD]"))),
        ("prompt_mark_in_text", _made(messages=[QUESTION])),
        ("prompt_mark_in_text", _made(reference={"text": "Two. ### Reason: so."})),
        ("too_long", _made(texts=("a " * 3000, "b"))),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(PandaLM().encode(example))
    assert refused.value.reason == reason


def _losses(file: str, change: dict[str, Any]) -> Loss:
    row = _records(file)[0]
    good, bad = PandaLM().decode({file: [row, {**row, **change}]})
    assert isinstance(good, Example) and isinstance(bad, Loss)
    assert (bad.stage, bad.reason) == ("decode", "malformed")
    return bad


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"response1": True}, r"response1: expected text \(got True\)"),
        ({"idx": "3"}, "idx: expected a whole number"),
        ({"input": None}, "input: expected text"),
        ({"instruction": "a\n\n### Input:\nb"}, "instruction: contains the heading `### Input:`"),
        ({"cmp_key": "alpha"}, r"cmp_key: expected two names joined by the only underscore \(got 'alpha'\)"),
        ({"cmp_key": "a_b_c"}, "cmp_key: expected two names"),
        ({"annotator2": 3}, r"annotator2: no such label \(got 3\). Known: 0, 1, 2."),
        ({"annotator2": "1"}, "annotator2: expected a whole number"),
        ({"annotator3": True}, "annotator3: expected a whole number"),
    ],
)
def test_a_test_row_that_is_none_is_a_loss_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    bad = _losses(TEST, change)
    assert bad.row_id == f"{TEST}:2 (idx {change.get('idx', 3)})"
    assert re.match(message, bad.detail), bad.detail


PROMPT = _records(TRAIN)[0]["input_sequence"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_sequence": PROMPT.rstrip()}, "input_sequence: expected PandaLM's prompt, byte for byte"),
        ({"input_sequence": PROMPT.replace("Luna", "Luna\n\n### Response 2:\nx")}, "input_sequence: expected"),
        ({"input_sequence": PROMPT.replace("Luna", "</s>Luna")}, "input_sequence: expected"),
        ({"input_sequence": PROMPT.replace("Instruction.", "Instruction!")}, "input_sequence: expected"),
        ({"output_sequence": "garbage"}, "output_sequence: expected 1, 2 or Tie on a line of its own"),
        ({"output_sequence": None}, "output_sequence: expected text"),
        ({"inputs": {}}, "outputs: expected an object"),
        ({"inputs": {}, "outputs": {"evaluation_result": "tie"}}, "outputs.evaluation_result: no such value"),
    ],
)
def test_a_training_row_that_is_none_is_a_loss_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    bad = _losses(TRAIN, change)
    assert bad.row_id == f"{TRAIN}:2"
    assert re.match(message, bad.detail), bad.detail
