"""UltraFeedback, binarized: the best by the mean of its ratings, a lower one drawn, and no coin flips."""

from __future__ import annotations

import hashlib
from collections import Counter
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
from prefmill.schemas.formats.preference import Preference
from prefmill.schemas.formats.ultrafeedback_binarized import TEST, TRAIN, UltraFeedbackBinarized
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Aspect, Comparison, Example, Grade, Judgment, Loss, Message, Task, Verdict
from prefmill.schemas.ultrafeedback_aspects import means

from .examples import pairs, tasks

GOLDEN = Path(__file__).parents[2] / "golden" / "ultrafeedback_binarized"
FORMAT = UltraFeedbackBinarized()
FAILED = Failure(kind="timeout", message="no reply")
Rating = float | None


def _records(name: str) -> list[Record]:
    return [orjson.loads(line) for line in (GOLDEN / name).read_bytes().splitlines()]


def _files(format: Format, examples: Iterable[Example]) -> dict[str, list[Record]]:
    files: dict[str, list[Record]] = {name: [] for name in format.files}
    for example in examples:
        for name, record in format.encode(example):
            files[name].append(record)
    return files


def _row(example: Example, **options: Any) -> Record:  # noqa: ANN401 - fields of the format
    ((_, record),) = UltraFeedbackBinarized.model_validate(options).encode(example)
    return record


def _rated(
    *ratings: tuple[Rating, Rating],
    texts: Iterable[str | None] | None = None,
    shown: tuple[int, ...] | None = None,
    overall: tuple[float, ...] = (),
    number: int = 0,
    **changes: object,
) -> Example:
    """Answers rated under two aspects, in the comparison's order, and a verdict that follows from the means."""
    task = Task(messages=(Message(role="user", content=f"Question {number}?"),))
    given = [f"answer {k}" for k in range(len(ratings))] if texts is None else list(texts)
    answers = tuple(
        Answer(task_id=task.id, model=f"model-{k}", text=text, failure=None if text is not None else FAILED)
        for k, text in enumerate(given)
    )
    comparison = Comparison(
        task_id=task.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    order = shown or tuple(range(len(ratings)))
    named = {"honesty": [one for one, _ in ratings], "helpfulness": [other for _, other in ratings]}
    if overall:
        named["overall"] = list(overall)
    aspects = tuple(Aspect(criterion=name, scores=tuple(of[k] for k in order)) for name, of in named.items())
    judgment = Judgment(
        comparison_id=comparison.id, task_id=task.id, teacher="t", judge="ultrafeedback", shown=order,
        scores=tuple(mean or 0.0 for mean in means(aspects)), aspects=aspects, raw=str(ratings),
    )  # fmt: skip
    scores = judgment.by_answer or ()
    verdict: dict[str, object] = {"comparison_id": comparison.id, "task_id": task.id, "protocol": "listwise"}
    verdict |= {"judgment_ids": (judgment.id,)}
    if len(scores) == 2:
        winner = "tie" if scores[0] == scores[1] else "first" if scores[0] > scores[1] else "second"
        verdict |= {"winner": winner, "margin": scores[0] - scores[1]}
    else:
        verdict |= {"scores": scores}
    return Example(
        index=number, task=task, answers=answers, comparison=comparison, judgments=(judgment,),
        verdict=Verdict.model_validate({**verdict, **changes}),
    )  # fmt: skip


EXAMPLES = [Example.model_validate(record) for record in _records("examples.jsonl")]
HALF = UltraFeedbackBinarized(test_share=0.5)
"""What the golden files were written with."""


def test_it_is_found_by_name() -> None:
    assert load(Format, "ultrafeedback_binarized") is UltraFeedbackBinarized


def test_encode_writes_the_golden_files() -> None:
    files = _files(HALF, EXAMPLES)
    assert all(files.values())
    assert files == {name: _records(name) for name in HALF.files}


def test_decode_reads_the_golden_files() -> None:
    decoded = list(HALF.decode({name: _records(name) for name in HALF.files}))
    assert decoded == [Example.model_validate(record) for record in _records("decoded.jsonl")]


@settings(max_examples=60, deadline=None)
@given(pairs(tasks(), ties=False))
def test_what_is_carried_comes_back(example: Example) -> None:
    files = _files(FORMAT, [example])
    (again,) = FORMAT.decode(files)
    assert isinstance(again, Example)
    assert contents_of(again) >= contents_of(example) & FORMAT.carries
    assert again.task.messages == example.task.messages
    assert _won(again) == _won(example)
    assert _files(FORMAT, [again]) == files


def _won(example: Example) -> tuple[tuple[str | None, float], ...]:
    """Winner and loser with their scores."""
    assert example.verdict is not None
    scores = example.judgments[0].by_answer or ()
    sides = tuple((answer.text, score) for answer, score in zip(example.answers, scores, strict=True))
    return sides if example.verdict.winner == "first" else sides[::-1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from([1.0, 2.0, 5.0])] * 2), min_size=3, max_size=5), st.data())
def test_of_several_answers_the_best_is_chosen_and_a_lower_one_rejected(
    ratings: list[tuple[float, float]], data: st.DataObject
) -> None:
    example = _rated(*ratings, shown=tuple(data.draw(st.permutations(range(len(ratings))))))
    scores = {f"answer {k}": sum(given) / 2 for k, given in enumerate(ratings)}
    if len(set(scores.values())) == 1:
        with pytest.raises(CannotCarry, match="equal_scores"):
            _row(example)
        return
    for option in ("random", "lowest"):
        row = _row(example, rejected=option)
        chosen, rejected = row["chosen"][-1]["content"], row["rejected"][-1]["content"]
        assert row["score_chosen"] == scores[chosen] == max(scores.values())
        assert row["score_rejected"] == scores[rejected] < scores[chosen]
        if option == "lowest":
            assert scores[rejected] == min(scores.values())


def test_the_rejected_one_is_drawn_and_equals_have_equal_chances() -> None:
    rows = [_row(_rated((5, 5), (2, 2), (3, 3), (5, 5), number=k)) for k in range(300)]
    rejected = Counter(row["rejected"][-1]["content"] for row in rows)
    chosen = Counter(row["chosen"][-1]["content"] for row in rows)
    assert set(rejected) == {"answer 1", "answer 2"}
    assert set(chosen) == {"answer 0", "answer 3"}
    assert all(110 < count < 190 for count in (*rejected.values(), *chosen.values()))
    assert rows == [_row(_rated((5, 5), (2, 2), (3, 3), (5, 5), number=k)) for k in range(300)]


def test_not_applicable_is_no_part_of_the_mean() -> None:
    row = _row(_rated((4, None), (3, 4)))
    assert (row["chosen"][-1]["content"], row["score_chosen"], row["score_rejected"]) == ("answer 0", 4.0, 3.5)


def test_overall_scores_decide_where_asked_for() -> None:
    example = _rated((5, 5), (4, 4), (3, 3), overall=(7.0, 9.0, 2.0), scores=(7.0, 9.0, 2.0))
    assert _row(example, by="overall", rejected="lowest")["chosen"][-1]["content"] == "answer 1"
    assert _row(_rated((5, 5), (4, 4), overall=(9.0, 1.0)))["score_chosen"] == 5.0


def test_judgments_of_the_verdict_count_all_and_no_others() -> None:
    one, two = _rated((5, 5), (1, 1)), _rated((3, 4), (2, 2))
    judgments = (*one.judgments, *two.judgments)
    assert one.verdict is not None
    both = one.verdict.model_copy(update={"judgment_ids": tuple(judgment.id for judgment in judgments)})
    example = one.model_copy(update={"judgments": judgments})
    assert _row(example)["score_chosen"] == 5.0
    row = _row(example.model_copy(update={"verdict": both}))
    assert (row["score_chosen"], row["score_rejected"]) == (4.25, 1.5)


def _graded(scores: tuple[float, ...]) -> Example:
    example = _rated((5, 5), (1, 1))
    grades = tuple(
        Grade(answer_id=answer.id, task_id=example.task.id, teacher="t", judge="mt_bench_single", score=score)
        for answer, score in zip(example.answers, scores, strict=False)
    )
    return example.model_copy(update={"judgments": (), "grades": grades})


def test_grades_count_where_there_are_no_judgments() -> None:
    row = _row(_graded((8.0, 3.0)))
    assert (row["score_chosen"], row["score_rejected"]) == (8.0, 3.0)


def test_rows_have_the_published_layout() -> None:
    row = _row(EXAMPLES[0])
    assert row["prompt_id"] == hashlib.sha256(row["prompt"].encode()).hexdigest()
    assert row["messages"] == row["chosen"]
    assert [message["role"] for message in row["chosen"]] == ["system", "user", "assistant", "user", "assistant"]
    assert row["chosen"][:-1] == row["rejected"][:-1]


def test_tasks_are_held_out_as_in_the_other_formats() -> None:
    for number in range(20):
        example = _rated((5, 5), (1, 1), number=number)
        (name, _), (other, _) = *HALF.encode(example), *Preference(test_share=0.5).encode(example)
        assert (name == TEST) == (other == "test.jsonl")


PLAIN = _rated((5, 5), (4, 4))


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("no_comparison", Example(index=0, task=PLAIN.task, answers=PLAIN.answers[:1])),
        ("no_verdict", PLAIN.model_copy(update={"verdict": None})),
        ("failed_verdict", _rated((5, 5), (4, 4), winner=None, failure=FAILED)),
        ("tie", _rated((5, 5), (5, 5))),
        ("failed_answer", _rated((5, 5), (4, 4), texts=("a", None))),
        ("no_judgment", PLAIN.model_copy(update={"judgments": ()})),
        ("no_judgment", _graded((8.0,))),
        ("no_rating", _rated((5, 5), (None, None))),
        ("equal_scores", _rated((5, 5), (4, 6), winner="first")),
        ("equal_scores", _rated((2, 2), (2, 2), (2, 2))),
        ("scores_contradict_verdict", _rated((5, 5), (4, 4), winner="second")),
        ("scores_contradict_verdict", _rated((5, 5), (4, 4), (3, 3), scores=(1.0, 2.0, 1.0))),
        ("empty_answer", _rated((5, 5), (4, 4), texts=(" ", "b"))),
        ("empty_answer", _rated((5, 5), (4, 4), texts=("a", "\n"))),
        ("identical_answers", _rated((5, 5), (4, 4), texts=("a", "a\n"))),
        ("identical_answers", _rated((5, 5), (4, 4), (4, 4), texts=("a", " a", ""))),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        _row(example)
    assert refused.value.reason == reason


def test_an_overall_score_that_is_missing_is_a_reason() -> None:
    with pytest.raises(CannotCarry, match="no_overall_score"):
        _row(PLAIN, by="overall")


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"prompt": 7}, "prompt: expected text (got 7)"),
        ({"prompt": "another"}, "prompt: is not what `chosen` asks"),
        ({"chosen": []}, "chosen: the last two messages must be the user's and the assistant's"),
        ({"rejected": "text"}, "rejected: expected a list of objects (got 'text')"),
        ({"rejected": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
         "rejected: does not begin as `chosen` does"),
        ({"score_chosen": None}, "score_chosen: expected a number (got None)"),
        ({"score_rejected": "4"}, "score_rejected: expected a number (got '4')"),
        ({"score_chosen": 1.0}, "score_chosen: expected more than score_rejected (got 1 and "),
    ],
)  # fmt: skip
def test_a_row_that_is_none_is_a_loss_that_names_line_and_key(change: dict[str, Any], detail: str) -> None:
    row = _records(TRAIN)[0]
    good, loss = FORMAT.decode({TRAIN: [row, {**row, **change}]})
    assert isinstance(good, Example)
    assert isinstance(loss, Loss)
    assert (loss.row_id, loss.reason) == (f"{TRAIN}:2", "malformed")
    assert detail in loss.detail


def test_published_rows_with_equal_scores_are_losses() -> None:
    first, second = FORMAT.decode({TRAIN: _records("published.jsonl")})
    assert isinstance(first, Example)
    assert _won(first) == (("A list.", 8.5), ("No.", 3.0))
    assert isinstance(second, Loss)
    assert "expected more than score_rejected (got 7 and 7)" in second.detail


def test_features_are_those_of_the_records() -> None:
    for name, records in _files(HALF, EXAMPLES).items():
        table = pa.Table.from_pylist(records, schema=HALF.features()[name])
        assert table.to_pylist() == records
        assert table.column_names == list(records[0])


def test_the_notes_send_trl_users_to_the_other_format() -> None:
    assert "`preference` for TRL" in FORMAT.notes()[0]
