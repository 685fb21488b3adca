"""What every format must do with an example it takes, golden files, and pairs that formats of pairs must refuse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import orjson
import pyarrow as pa

from prefmill.schemas.contents import contents_of
from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats import Format, Record
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Comparison, Example, Judgment, Loss, Message, Review, Task, Verdict

GOLDEN = Path(__file__).parents[2] / "golden"
FAILURE = Failure(kind="timeout", message="no reply")
NO_JUDGMENT = {"kind": "no_judgment", "message": "none"}
QUESTION = (Message(role="user", content="How many moons has Venus?"),)
CHAT = (
    Message(role="user", content="How many moons has Mars?"),
    Message(role="assistant", content="Two."),
    Message(role="user", content="And Venus?"),
)
SYSTEM = (Message(role="system", content="Be brief."), *QUESTION)
TWICE = (Message(role="user", content="Listen."), *QUESTION)


def records(*path: str) -> list[Record]:
    """The records of a golden file."""
    return [orjson.loads(line) for line in GOLDEN.joinpath(*path).read_bytes().splitlines()]


PAIRS = [Example.model_validate(record) for record in records("pairs.jsonl")]


def encoded(format: Format, examples: Iterable[Example]) -> dict[str, list[Record]]:
    """The files of those examples that the format takes."""
    files: dict[str, list[Record]] = {name: [] for name in format.files}
    for example in examples:
        try:
            rows = list(format.encode(example))
        except CannotCarry:
            continue
        for name, record in rows:
            files[name].append(record)
    return files


def decoded(format: Format, files: Mapping[str, Iterable[Record]]) -> list[Example]:
    """The examples of files without any loss."""
    found = list(format.decode(files))
    assert not [row for row in found if isinstance(row, Loss)]
    return [row for row in found if isinstance(row, Example)]


def details(format: Format, file: str, rows: Sequence[Record]) -> list[str]:
    """`ROW_ID: DETAIL` of every loss among the rows of one file."""
    found = format.decode({file: rows})
    return [f"{row.row_id}: {row.detail}" for row in found if isinstance(row, Loss)]


def check_golden(format: Format, folder: str, examples: Iterable[Example]) -> None:
    """Encoding writes the golden files, and decoding these reads the golden examples."""
    files = encoded(format, examples)
    assert any(files.values())
    for name, rows in files.items():
        written = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        assert written.decode() == (GOLDEN / folder / f"{Path(name).stem}.jsonl").read_text(), name
    expected = [Example.model_validate(record) for record in records(folder, "decoded.jsonl")]
    assert decoded(format, files) == expected


def check_round_trip(format: Format, example: Example, but: Sequence[str] = ()) -> Example:
    """The example as it comes back: nothing is missing that the format carries, it is written in the same way again
    (save the keys in `but`), and the records fit the columns."""
    files = encoded(format, [example])
    assert any(files.values()), "the format refuses the example"
    (again,) = decoded(format, files)
    assert contents_of(again) >= contents_of(example) & format.carries
    rewritten = encoded(format, [again])
    for name, rows in files.items():
        assert [_without(row, but) for row in rewritten[name]] == [_without(row, but) for row in rows]
    features = format.features()
    assert set(features) == set(format.files)
    for name, rows in files.items():
        assert pa.Table.from_pylist(rows, schema=features[name]).to_pylist() == rows
        assert all(list(row) == features[name].names for row in rows)
    return again


def _without(row: Record, keys: Sequence[str]) -> Record:
    return {key: value for key, value in row.items() if key not in keys}


def texts(example: Example) -> dict[str | None, str]:
    """The answers' texts, with what the verdict says of them."""
    assert example.verdict is not None
    first, second = example.answers
    won = {"first": ("won", "lost"), "second": ("lost", "won"), "tie": ("first", "second")}[
        example.verdict.winner or "tie"
    ]
    return dict(zip(won, (first.text or "", second.text or ""), strict=True))


def pair(
    texts: Sequence[str | None] = ("None.", "Two."),
    *,
    messages: tuple[Message, ...] = QUESTION,
    category: str | None = None,
    source_id: str | None = None,
    scores: Sequence[tuple[float, float]] = (),
    reviews: Sequence[Mapping[str, object]] = (),
    judged: bool = True,
    **verdict: object,
) -> Example:
    """Answers to one question, of which the first won by 2; `scores` become judgments, `reviews` are their fields."""
    task = Task(messages=messages, category=category, source_id=source_id)
    answers = tuple(
        Answer(task_id=task.id, model=f"model-{k}", text=text, failure=FAILURE if text is None else None)
        for k, text in enumerate(texts)
    )
    comparison = Comparison(
        task_id=task.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    known = {"comparison_id": comparison.id, "task_id": task.id}
    judgments = tuple(
        Judgment(**known, teacher="teacher", judge="judgelm", shown=(0, 1), sample=k, scores=both)
        for k, both in enumerate(scores)
    )
    used = tuple(judgment.id for judgment in judgments)
    fields = {**known, "protocol": "one_order", "judgment_ids": used, "winner": "first", "margin": 2.0}
    return Example(
        index=7,
        task=task,
        answers=answers,
        comparison=comparison,
        judgments=judgments,
        verdict=Verdict.model_validate({**fields, **verdict}) if judged else None,
        reviews=tuple(
            Review.model_validate({**known, "annotator": f"person-{k}", **review}) for k, review in enumerate(reviews)
        ),
    )


def graded() -> Example:
    """An answer without a comparison."""
    task = Task(messages=QUESTION)
    return Example(index=0, task=task, answers=(Answer(task_id=task.id, model="model-0", text="None."),))


REFUSED: list[tuple[str, Example]] = [
    ("no_comparison", graded()),
    ("more_than_two_answers", pair(("a", "b", "c"))),
    ("failed_answer", pair(("None.", None))),
    ("no_verdict", pair(judged=False)),
    ("failed_verdict", pair(winner=None, margin=None, failure=NO_JUDGMENT)),
]
"""Every format of pairs that are judged by a verdict."""
REFUSED_TO_TRAIN: list[tuple[str, Example]] = [
    *REFUSED,
    ("tie", pair(winner="tie", margin=0.0)),
    ("empty_answer", pair((" \n", "Two."))),
    ("identical_answers", pair(("Two.", "Two.\n"))),
]
"""Every format of a chosen and a rejected answer."""
REFUSED_MARGINS: list[tuple[str, Example]] = [
    ("no_margin", pair(margin=None)),
    ("margin_contradicts_winner", pair(margin=-1.0)),
    ("margin_contradicts_winner", pair(winner="second", margin=1.0)),
]
"""Every format of which the margin is a part."""
