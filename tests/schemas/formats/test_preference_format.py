"""TRL's explicit preference format: golden in both directions, and nothing in it that TRL cannot train on."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats import Record
from prefmill.schemas.formats.judgelm import JudgeLMFormat
from prefmill.schemas.formats.preference import Preference
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Answer, Comparison, Example, Message, Task, Verdict

GOLDEN = Path(__file__).parents[2] / "golden"
HALF = Preference(test_share=0.5)
"""What the golden files were written with."""


def _records(path: Path) -> list[Record]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


PAIRS = [Example.model_validate(record) for record in _records(GOLDEN / "pairs.jsonl")]


def _files(format: Preference, examples: Iterable[Example]) -> dict[str, list[Record]]:
    files: dict[str, list[Record]] = {name: [] for name in format.files}
    for example in examples:
        try:
            encoded = list(format.encode(example))
        except CannotCarry:
            continue
        for name, record in encoded:
            files[name].append(record)
    return files


def _lines(records: Iterable[Record]) -> bytes:
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


def _example(texts: tuple[str, ...] = ("Two.", "None."), index: int = 0, **verdict: Any) -> Example:  # noqa: ANN401
    task = Task(
        messages=(
            Message(role="system", content="Be brief."),
            Message(role="user", content=f"Question {index}?"),
        )
    )
    answers = tuple(Answer(task_id=task.id, model=f"model-{k}", text=text) for k, text in enumerate(texts))
    comparison = Comparison(
        task_id=task.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    fields = {"comparison_id": comparison.id, "task_id": task.id, "protocol": "single", "judgment_ids": ()}
    return Example(
        index=index,
        task=task,
        answers=answers,
        comparison=comparison,
        judgments=(),
        verdict=Verdict.model_validate({**fields, "winner": "first", "margin": 2.0, **verdict}),
    )


def _generated(seed: int, count: int) -> list[Example]:
    draw = random.Random(seed)
    examples = []
    for index in range(count):
        margin = draw.choice((0.5, 1, 3, 8.25))
        winner = draw.choice(("first", "second"))
        texts = (f"Answer {draw.random()}", f"Réponse\n{draw.random()}")
        examples.append(_example(texts, index, winner=winner, margin=margin if winner == "first" else -margin))
    return examples


def test_it_is_found_by_name() -> None:
    assert load(Preference, "preference") is Preference


def test_encode_writes_the_golden_files() -> None:
    files = _files(HALF, PAIRS)
    assert all(files.values())
    for name in HALF.files:
        assert _lines(files[name]).decode() == (GOLDEN / "preference" / name).read_text(), name


def test_decode_reads_the_golden_files() -> None:
    decoded = list(HALF.decode({name: _records(GOLDEN / "preference" / name) for name in HALF.files}))
    assert decoded == [Example.model_validate(record) for record in _records(GOLDEN / "preference" / "decoded.jsonl")]


def test_decoding_and_encoding_again_gives_the_same_rows_but_for_the_verdicts_id() -> None:
    files = _files(HALF, [*PAIRS, *_generated(5, 80)])
    again = _files(HALF, HALF.decode(files))
    for name, records in files.items():
        assert len(records) > 20
        without_id = [_lines({**record, "id": ""} for record in some) for some in (again[name], records)]
        assert without_id[0] == without_id[1]


def test_rows_hold_what_trl_reads() -> None:
    ((name, row),) = Preference(test_share=0).encode(_example(winner="second", margin=-3.0))
    assert name == "train.jsonl"
    assert row["prompt"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Question 0?"}]
    assert row["chosen"] == [{"role": "assistant", "content": "None."}]
    assert row["rejected"] == [{"role": "assistant", "content": "Two."}]
    assert (row["margin"], row["chosen_model"], row["rejected_model"]) == (3.0, "model-1", "model-0")
    assert row["id"] == _example(winner="second", margin=-3.0).verdict.id


def test_decoded_winners_are_not_always_the_first() -> None:
    decoded = list(HALF.decode(_files(HALF, _generated(6, 80))))
    winners = [example.verdict.winner for example in decoded]
    assert 20 <= winners.count("first") <= 60
    for example in decoded:
        assert ((example.verdict.margin or 0) > 0) == (example.verdict.winner == "first")


def test_tasks_are_held_out_as_in_the_other_formats() -> None:
    """The same question must not be trained on in one export and tested on in another."""
    for example in PAIRS[:7]:
        (name, _), *_ = JudgeLMFormat(val_share=0.5).encode(example)
        if example.verdict.winner != "tie":
            assert [file == "test.jsonl" for file, _ in HALF.encode(example)] == ["_val" in name]


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("tie", _example(winner="tie", margin=0.0)),
        ("identical_answers", _example(("Two.", "Two."))),
        ("identical_answers", _example(("Two.", "Two.\n"))),
        ("empty_answer", _example(("Two.", ""))),
        ("empty_answer", _example((" \n", "Two."))),
        ("more_than_two_answers", _example(("a", "b", "c"))),
        ("no_margin", _example(margin=None)),
        ("margin_contradicts_winner", _example(margin=-1.0)),
        ("margin_contradicts_winner", _example(winner="second", margin=1.0)),
        ("failed_verdict", _example(winner=None, margin=None, failure={"kind": "no_judgment", "message": "none"})),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(Preference().encode(example))
    assert refused.value.reason == reason


def test_a_failed_answer_is_refused() -> None:
    example = _example()
    failed = Answer.model_validate(
        {"task_id": example.task.id, "model": "broken", "failure": {"kind": "timeout", "message": "no reply"}}
    )
    with pytest.raises(CannotCarry, match="failed_answer"):
        list(Preference().encode(example.model_copy(update={"answers": (example.answers[0], failed)})))


def test_files_with_only_the_three_columns_are_read() -> None:
    rows = [
        {key: row[key] for key in ("prompt", "chosen", "rejected")}
        for row in _records(GOLDEN / "preference/train.jsonl")
    ]
    decoded = list(Preference().decode({"train.jsonl": rows}))
    assert len(decoded) == len(rows)
    assert {example.verdict.margin for example in decoded} == {None}
    assert {model for example in decoded for model in example.comparison.models} == {"unknown"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": "text"}, r"train.jsonl:1: prompt: expected a list of objects \(got 'text'\)"),
        ({"prompt": []}, "prompt: the last message must be the user's"),
        ({"prompt": [{"role": "assistant", "content": "x"}]}, "prompt: the last message must be the user's"),
        ({"prompt": [{"role": "human", "content": "x"}]}, "prompt.0.role: no such role .*'human'"),
        ({"chosen": []}, "chosen: expected one message of the assistant"),
        ({"chosen": [{"role": "user", "content": "x"}]}, "chosen: expected one message of the assistant"),
        ({"rejected": [{"role": "assistant"}]}, "rejected.0.content: expected text, but there is no such key"),
        ({"margin": "3"}, "margin: expected a number"),
    ],
)
def test_a_row_that_is_none_is_named_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    row = _records(GOLDEN / "preference" / "train.jsonl")[0]
    with pytest.raises(ValueError, match=message):
        list(Preference().decode({"train.jsonl": [{**row, **change}]}))
