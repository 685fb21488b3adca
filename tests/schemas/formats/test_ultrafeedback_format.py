"""UltraFeedback's raw layout: golden in both directions, published rows, and all that cannot be carried."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefmill.schemas.contents import contents_of
from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats import Format, Record
from prefmill.schemas.formats.ultrafeedback import FILE, UltraFeedbackFormat
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Aspect, Comparison, Example, Judgment, Loss, Task, Verdict
from prefmill.schemas.ultrafeedback_aspects import ASPECTS, TYPED, Remark, means

from .examples import WORDS, pairs, tasks

GOLDEN = Path(__file__).parents[2] / "golden" / "ultrafeedback"
FORMAT = UltraFeedbackFormat()
TASK = Task.model_validate({"messages": [{"role": "user", "content": "How many?"}], "source": "quiz"})


def _records(name: str) -> list[Record]:
    return [orjson.loads(line) for line in (GOLDEN / name).read_bytes().splitlines()]


def _encoded(example: Example) -> Record:
    ((name, record),) = FORMAT.encode(example)
    assert name == FILE
    return record


def _decoded(records: Iterable[Record]) -> list[Example]:
    found = list(FORMAT.decode({FILE: records}))
    assert not [loss for loss in found if isinstance(loss, Loss)]
    return [example for example in found if isinstance(example, Example)]


def _example(
    *ratings: tuple[float | None, ...], task: Task = TASK, shown: tuple[int, ...] | None = None, **verdict: object
) -> Example:
    """Answers with the ratings of the four aspects each, in the comparison's order; the verdict follows from them."""
    answers = tuple(Answer(task_id=task.id, model=f"model-{k}", text=f"answer {k}") for k in range(len(ratings)))
    return assembled(task, answers, ratings, ["So."] * len(ratings), shown or tuple(range(len(ratings))), **verdict)


def assembled(
    task: Task,
    answers: tuple[Answer, ...],
    ratings: Iterable[tuple[float | None, ...]],
    feedback: list[str],
    shown: tuple[int, ...],
    **changes: object,
) -> Example:
    """An example as the judge `ultrafeedback` leads to it; `feedback` of each answer is the same for all aspects."""
    comparison = Comparison(
        task_id=task.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    ratings = list(ratings)
    aspects = tuple(
        Aspect(
            criterion=name, scores=tuple(ratings[k][place] for k in shown), feedback=tuple(feedback[k] for k in shown)
        )
        for place, name in enumerate(ASPECTS)
    )
    scores = tuple(mean or 0.0 for mean in means(aspects))
    judgment = Judgment(
        comparison_id=comparison.id, task_id=task.id, teacher="t", judge="ultrafeedback", shown=shown, scores=scores,
        rationale="So.", aspects=aspects, raw=str(ratings),
    )  # fmt: skip
    own = judgment.by_answer or ()
    fields: dict[str, Any] = {"comparison_id": comparison.id, "task_id": task.id, "protocol": "listwise"}
    fields["judgment_ids"] = (judgment.id,)
    if len(own) == 2:
        fields |= {"winner": "tie" if own[0] == own[1] else "first" if own[0] > own[1] else "second"}
        fields |= {"margin": own[0] - own[1]}
    else:
        fields |= {"scores": own}
    return Example(
        index=0, task=task, answers=answers, comparison=comparison, judgments=(judgment,),
        verdict=Verdict.model_validate({**fields, **changes}),
    )  # fmt: skip


@st.composite
def annotated(draw: st.DrawFn) -> Example:
    """Two to five answers, rated in any order, some of them N/A."""
    task = draw(tasks())
    texts = draw(st.lists(WORDS, min_size=2, max_size=5, unique_by=str.strip))
    answers = tuple(Answer(task_id=task.id, model=f"model-{k}", text=text) for k, text in enumerate(texts))
    rating = st.sampled_from([None, 1.0, 2.0, 3.0, 4.0, 5.0])
    ratings = [
        draw(st.tuples(*[rating] * 4).filter(lambda given: any(one is not None for one in given))) for _ in answers
    ]
    types = st.sampled_from([(), ("None",), ("1",), ("1", "3")])
    remarks = st.builds(Remark, types, WORDS | st.just(""), WORDS).map(lambda said: said.text)
    feedback = draw(st.lists(WORDS | remarks, min_size=len(answers), max_size=len(answers)))
    return assembled(task, answers, ratings, feedback, tuple(draw(st.permutations(range(len(answers))))))


EXAMPLES = [Example.model_validate(record) for record in _records("examples.jsonl")]


def test_it_is_found_by_name() -> None:
    assert load(Format, "ultrafeedback") is UltraFeedbackFormat


def test_encode_writes_the_golden_file() -> None:
    assert [_encoded(example) for example in EXAMPLES] == _records(FILE)


def test_decode_reads_the_golden_file() -> None:
    expected = [Example.model_validate(record) for record in _records("decoded.jsonl")]
    assert _decoded(_records(FILE)) == expected


@settings(max_examples=60, deadline=None)
@given(annotated())
def test_what_is_carried_comes_back(example: Example) -> None:
    record = _encoded(example)
    (again,) = _decoded([record])
    assert contents_of(again) >= contents_of(example) & FORMAT.carries
    assert [answer.text for answer in again.answers] == [answer.text for answer in example.answers]
    assert again.verdict is not None
    assert example.verdict is not None
    assert again.verdict.winner == example.verdict.winner
    assert again.judgments[0].by_answer == pytest.approx(example.judgments[0].by_answer)
    for aspect, before in zip(again.judgments[0].aspects, example.judgments[0].aspects, strict=True):
        places = [example.judgments[0].shown.index(k) for k in range(len(again.answers))]
        assert aspect.scores == tuple(before.scores[place] for place in places)
        assert aspect.feedback == tuple(before.feedback[place] for place in places)
    assert _encoded(again) == record


@settings(max_examples=10, deadline=None)
@given(pairs(tasks()))
def test_a_judgment_without_aspects_is_refused(example: Example) -> None:
    with pytest.raises(CannotCarry, match="no_aspects"):
        _encoded(example)


def test_ratings_are_texts_and_keys_are_the_published_ones() -> None:
    row = _encoded(_example((5, None, 4, 3), (1, 1, 2, 1), (2, 2, 2, 2), shown=(2, 0, 1)))
    first = row["completions"][0]
    assert {name: annotation["Rating"] for name, annotation in first["annotations"].items()} == {
        "helpfulness": "3", "honesty": "N/A", "instruction_following": "5", "truthfulness": "4",
    }  # fmt: skip
    assert first["fine-grained_score"] == 4.0
    assert first["overall_score"] is None
    for name, annotation in first["annotations"].items():
        typed = ["Rating", "Rationale", "Rationale For Rating", "Type"]
        assert list(annotation) == (typed if name in TYPED else typed[:2])
    assert row["models"] == ["model-0", "model-1", "model-2"]
    assert (row["correct_answers"], row["incorrect_answers"], row["source"]) == (["None"], ["None"], "quiz")


def test_the_first_judgment_that_agrees_with_the_verdict_annotates() -> None:
    other, example = _example((1, 1, 1, 1), (2, 2, 2, 2)), _example((5, 5, 5, 5), (4, 4, 4, 4))
    both = example.model_copy(update={"judgments": (*other.judgments, *example.judgments)})
    assert [completion["fine-grained_score"] for completion in _encoded(both)["completions"]] == [5.0, 4.0]


def test_published_rows_are_read() -> None:
    """Overall scores and critiques, a principle each, annotations in lists, `Type` as a text, several right answers."""
    (example, listed) = _decoded(_records("published.jsonl"))
    aspects = {aspect.criterion: aspect for aspect in example.judgments[0].aspects}
    assert aspects["overall"].scores == (7.5, 1.0, 10.0, 6.0)
    assert example.judgments[0].scores == pytest.approx((4.5, 1.0, 14 / 3, 3.0))
    assert aspects["honesty"].scores[2] is None
    assert example.verdict is not None
    assert example.verdict.scores == example.judgments[0].scores
    assert example.task.system is None
    assert example.task.reference is not None
    assert example.task.reference.text == "Water vapour."
    assert len({answer.id for answer in example.answers}) == 4
    assert listed.verdict is not None
    assert listed.verdict.winner == "second"
    assert listed.task.system == "Be truthful."
    again = _encoded(example)["completions"]
    assert [completion["critique"] for completion in again][1] == "Wrong."
    assert [completion["overall_score"] for completion in again] == [7.5, 1.0, 10.0, 6.0]


def _with(example: Example, **changes: object) -> Example:
    return example.model_copy(update=changes)


def _asked(system: str, reference: str) -> Task:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "How many?"}]
    return Task.model_validate({"messages": messages, "reference": {"text": reference}})


FAILED = Failure(kind="no_judgment", message="none could be read")
PLAIN = _example((5, 5, 5, 5), (4, 4, 4, 4))
BROKEN = Answer(task_id=TASK.id, model="broken", failure=Failure(kind="timeout", message="no reply"))


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("no_comparison", Example(index=0, task=TASK, answers=PLAIN.answers[:1])),
        ("failed_answer", _with(PLAIN, answers=(PLAIN.answers[0], BROKEN))),
        ("failed_verdict", _example((5, 5, 5, 5), (4, 4, 4, 4), winner=None, failure=FAILED)),
        ("no_aspects", _with(PLAIN, judgments=())),
        ("no_rating", _example((5, 5, 5, 5), (None, None, None, None))),
        ("rating_off_scale", _example((6, 5, 5, 5), (4, 4, 4, 4))),
        ("rating_off_scale", _example((4.5, 5, 5, 5), (4, 4, 4, 4))),
        ("ratings_contradict_verdict", _example((5, 5, 5, 5), (4, 4, 4, 4), winner="second")),
        ("ratings_contradict_verdict", _example((5, 5, 5, 5), (4, 4, 4, 4), winner="tie")),
        ("ratings_contradict_verdict", _example((5,) * 4, (4,) * 4, (3,) * 4, scores=(1.0, 3.0, 2.0))),
        ("empty_system_prompt", _example((5,) * 4, (4,) * 4, task=_asked("", "None?"))),
        ("reference_reads_as_none", _example((5,) * 4, (4,) * 4, task=_asked("Be brief.", "None"))),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        _encoded(example)
    assert refused.value.reason == reason


def _changed(record: Record, path: str, value: object) -> Record:
    copy: Any = orjson.loads(orjson.dumps(record))
    place, *keys = copy, *path.split("/")
    for key in keys[:-1]:
        place = place[int(key) if isinstance(place, list) else key]
    place[keys[-1]] = value
    return dict(copy)


@pytest.mark.parametrize(
    ("path", "value", "detail"),
    [
        ("instruction", 7, "instruction: expected text (got 7)"),
        ("completions", [], "completions: expected two or more (got 0)"),
        ("completions", "x", "completions: expected a list of objects"),
        ("completions/0/response", None, "completions.0.response: expected text (got None)"),
        ("completions/1/annotations/honesty", None, "completions.1.annotations.honesty: expected an object"),
        ("completions/1/annotations/honesty", [], "completions.1.annotations.honesty: expected one annotation (got 0)"),
        ("completions/0/annotations/honesty/Rating", "6", "annotations.honesty.Rating: no such value (got '6')"),
        ("completions/0/annotations/honesty/Rating", 5, "annotations.honesty.Rating: expected text (got 5)"),
        ("completions/0/annotations/helpfulness/Type", 1, "helpfulness.Type: expected a list of texts (got 1)"),
        ("completions/0/annotations/helpfulness/Type", ["a, b"], "helpfulness.Rationale: a rationale contains"),
        ("completions/0/annotations/helpfulness/Rationale", None, "helpfulness.Rationale: expected text"),
        ("completions/0/fine-grained_score", 1.5, "completions.0.fine-grained_score: the ratings' mean is"),
        ("correct_answers", "None", "correct_answers: expected a list of texts (got 'None')"),
    ],
)
def test_a_row_that_is_none_is_a_loss_that_names_line_and_key(path: str, value: object, detail: str) -> None:
    row = _records(FILE)[0]
    good, loss = FORMAT.decode({FILE: [row, _changed(row, path, value)]})
    assert isinstance(good, Example)
    assert isinstance(loss, Loss)
    assert (loss.row_id, loss.reason) == (f"{FILE}:2", "malformed")
    assert detail in loss.detail


def test_a_row_without_any_rating_is_a_loss() -> None:
    (loss,) = FORMAT.decode({FILE: [_records("unrated.jsonl")[0]]})
    assert isinstance(loss, Loss)
    assert "completions.1.annotations: no aspect is rated" in loss.detail


@settings(max_examples=20, deadline=None)
@given(st.lists(annotated(), min_size=1, max_size=3))
def test_features_are_those_of_the_records(examples: list[Example]) -> None:
    records = [_encoded(example) for example in examples]
    table = pa.Table.from_pylist(records, schema=FORMAT.features()[FILE])
    assert table.to_pylist() == records
    assert list(records[0]) == table.column_names
    assert list(records[0]["completions"][0]) == list(table.to_pylist()[0]["completions"][0])
