"""The Preference-Collection: golden in both directions, and both published parsers read the winner that was written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.schemas.contents import contents_of
from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats import Record
from prefmill.schemas.formats.preference_collection import CHAT, COLUMNS, ROWS, PreferenceCollection
from prefmill.schemas.plugins import load
from prefmill.schemas.prometheus_prompt import Version
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import (
    Answer,
    Comparison,
    Example,
    Grade,
    Judgment,
    Loss,
    Message,
    Reference,
    Task,
    Verdict,
    Winner,
)
from prefmill.schemas.rubric import Rubric

from .examples import pairs, reviewed, tasks
from .prometheus_readers import evaluation_better, package_better

GOLDEN = Path(__file__).parents[2] / "golden" / "preference_collection"
PLAIN = PreferenceCollection()
FULL = PreferenceCollection(template="package-dcfb442", chat=True, provenance=True)
"""What the golden files were written with."""
PARSERS = (package_better, evaluation_better)
RUBRIC = Rubric(criteria="Is it simple enough for a child?")
OWN, REVERSED = (0, 1), (1, 0)


def _example(
    texts: tuple[str, ...] = ("Iron that met water.", "A red thing."),
    rationales: tuple[str, ...] = ("Both are short; Response A says why.",),
    winner: Winner = "first",
    *,
    orders: tuple[tuple[int, int], ...] = (OWN,),
    grades: tuple[float | None, ...] = (),
    aims: tuple[int | None, ...] = (None, None, None),
    question: str = "What is rust?",
    reference: str | None = "Iron and water make rust.",
    rubric: Rubric | None = RUBRIC,
    scores: tuple[float, ...] | None = None,
    index: int = 0,
) -> Example:
    """A pair with a judgment for each rationale, in the order that `orders` says, all for the winner."""
    task = Task(
        source_id="seed-7",
        messages=(Message(role="user", content=question),),
        reference=None if reference is None else Reference(text=reference),
        rubric=rubric,
    )
    answers = tuple(
        Answer(task_id=task.id, model=f"model-{k}", text=text, intended=aims[k]) for k, text in enumerate(texts)
    )
    comparison = Comparison(
        task_id=task.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    own = scores or {"first": (1.0, 0.0), "second": (0.0, 1.0), "tie": (1.0, 1.0)}[winner]
    judgments = tuple(
        Judgment(
            comparison_id=comparison.id, task_id=task.id, teacher="teacher", judge="prometheus_relative", shown=shown,
            with_reference=reference is not None, scores=tuple(own[k] for k in shown), rationale=rationale, raw="raw",
        )
        for rationale, shown in zip(rationales, orders, strict=True)
    )  # fmt: skip
    verdict = Verdict(
        comparison_id=comparison.id, task_id=task.id, protocol="one_order", winner=winner, margin=own[0] - own[1],
        judgment_ids=tuple(judgment.id for judgment in judgments),
    )  # fmt: skip
    graded = tuple(
        Grade(answer_id=answer.id, task_id=task.id, teacher="t", judge="j", score=score, feedback=f"worth {score:.0f}")
        for answer, score in zip(answers, grades, strict=False)
        if score is not None
    )
    return Example(
        index=index, task=task, answers=answers, comparison=comparison, judgments=judgments, verdict=verdict,
        grades=graded,
    )  # fmt: skip


EXAMPLES = [
    _example(grades=(4, 2)),
    _example(rationales=("Feedback: „B“ is plainer.\n\nA is longer. ",), winner="second", reference=None, index=1),
    _example(rationales=("Assistant 1 is vague, while Assistant 2 explains.",), orders=(REVERSED,), index=2),
]


def _files(format: PreferenceCollection, examples: Iterable[Example]) -> dict[str, list[Record]]:
    files: dict[str, list[Record]] = {name: [] for name in format.files}
    for example in examples:
        for name, record in format.encode(example):
            files[name].append(record)
    return files


def _decoded(format: PreferenceCollection, files: dict[str, list[Record]]) -> list[Example]:
    found = list(format.decode(files))
    assert not [loss for loss in found if isinstance(loss, Loss)]
    return [example for example in found if isinstance(example, Example)]


def _row(example: Example, **options: Any) -> Record:  # noqa: ANN401 - fields of the format
    ((_, row),) = PreferenceCollection(**options).encode(example)
    return row


def _winning_text(example: Example) -> str | None:
    assert example.verdict
    return example.answers[0 if example.verdict.winner == "first" else 1].text


def test_it_is_found_by_name() -> None:
    assert load(PreferenceCollection, "preference_collection") is PreferenceCollection


def test_encode_writes_the_golden_files() -> None:
    files = _files(FULL, EXAMPLES)
    assert files[ROWS] == orjson.loads((GOLDEN / ROWS).read_bytes())
    assert b"".join(orjson.dumps(record) + b"\n" for record in files[CHAT]) == (GOLDEN / CHAT).read_bytes()


def test_decode_reads_the_golden_files() -> None:
    decoded = _decoded(FULL, {ROWS: orjson.loads((GOLDEN / ROWS).read_bytes()), CHAT: [{"messages": []}]})
    golden = [Example.parse(orjson.loads(line)) for line in (GOLDEN / "decoded.jsonl").read_bytes().splitlines()]
    assert decoded == golden


def test_rows_of_the_published_set_are_read() -> None:
    (example,) = _decoded(PLAIN, {ROWS: orjson.loads((GOLDEN / "published.json").read_bytes())})
    assert example.verdict
    assert (example.verdict.winner, [grade.score for grade in example.grades]) == ("second", [2.0, 5.0])
    assert [answer.model for answer in example.answers] == ["unknown", "unknown"]
    assert example.judgments[0].rationale.endswith("only B gives an example.")


def test_without_options_a_row_has_the_published_columns_and_types() -> None:
    row = _row(_example(grades=(4, 2)))
    assert tuple(row) == COLUMNS
    assert {type(value) for value in row.values()} == {str}
    assert row["instruction"].endswith("###Feedback: ")
    assert "###Reference" not in row["instruction"]
    assert row["orig_reference_answer"] == "Iron and water make rust."
    assert row["output"] == "Both are short; Response A says why. [RESULT] A"
    assert (row["orig_score_A"], row["orig_score_B"], row["orig_preference"]) == ("4", "2", "A")


def test_the_chat_form_has_no_system_role() -> None:
    (_, row), (name, chat) = PreferenceCollection(chat=True).encode(_example())
    assert name == CHAT
    assert [message["role"] for message in chat["messages"]] == ["user", "assistant"]
    assert chat["messages"][0]["content"].endswith(f"within the same cohort.\n\n{row['instruction']}")
    assert chat["messages"][1]["content"] == row["output"]


def test_answers_that_aim_at_scores_have_these_in_the_score_columns() -> None:
    aimed = _example(aims=(4, 2), rationales=("B falls short.", "A falls short."), orders=(OWN, REVERSED))
    row = _row(aimed, scored_only=True)
    assert [row[key] for key in ("orig_score_A", "orig_score_B", "orig_feedback_A")] == ["4", "2", ""]
    (again,) = _decoded(PLAIN, {ROWS: [row]})
    assert ([answer.intended for answer in again.answers], again.grades) == ([4, 2], ())
    assert _row(again) == row
    for refused in (_example(aims=(2, 4)), _example(aims=(4, 4)), _example(aims=(9, 2))):
        with pytest.raises(CannotCarry, match="aims_do_not_fit"):
            _row(refused)
        assert _row(refused, aimed=False)["orig_score_A"] == ""
    assert _row(_example(aims=(4, None)))["orig_score_A"] == ""


def test_grades_go_before_aims() -> None:
    row = _row(_example(aims=(2, 4), grades=(5, 3)))
    assert [row[key] for key in ("orig_score_A", "orig_score_B", "orig_feedback_B")] == ["5", "3", "worth 3"]


def test_grades_that_would_pass_for_aims_are_refused() -> None:
    example = _example(grades=(4, 2))
    silent = tuple(grade.model_copy(update={"feedback": ""}) for grade in example.grades)
    with pytest.raises(CannotCarry, match="grades_without_feedback"):
        _row(example.model_copy(update={"grades": silent}))
    one = (example.grades[0], silent[1])
    (again,) = _decoded(PLAIN, {ROWS: [_row(example.model_copy(update={"grades": one}))]})
    assert [(grade.score, grade.feedback) for grade in again.grades] == [(4, "worth 4"), (2, "")]


def test_a_and_b_are_the_answers_in_the_order_judged() -> None:
    own, reverse = _example(), _example(rationales=("Response B it is.",), orders=(REVERSED,))
    assert [_row(own)[key] for key in ("orig_response_A", "orig_preference")] == ["Iron that met water.", "A"]
    assert [_row(reverse)[key] for key in ("orig_response_A", "orig_preference")] == ["A red thing.", "B"]


def test_the_comparisons_own_order_comes_first_and_the_other_stands_in() -> None:
    both = _example(rationales=("reverse", "own"), orders=(REVERSED, OWN))
    assert _row(both)["orig_feedback"] == "own"
    unusable = _example(rationales=("reverse", "[RESULT] A"), orders=(REVERSED, OWN))
    assert _row(unusable)["orig_feedback"] == "reverse"


def test_answers_are_named_as_the_prompt_names_them() -> None:
    feedback = "Assistant 1's steps are right. assistant B (unlike Assistant A) guesses 2 of them; Response A wins."
    row = _row(_example(rationales=(feedback,)))
    assert (
        row["orig_feedback"]
        == "Response A's steps are right. Response B (unlike Response A) guesses 2 of them; Response A wins."
    )
    for other in (
        "Assistants 1 and 2 agree.",
        "Assistant 1 and 2 agree.",
        "Response 1 is right.",
        "Assistants A and B",
    ):
        with pytest.raises(CannotCarry, match="answers_named_otherwise"):
            _row(_example(rationales=(other,)))


TASKS = tasks(levels=(1, 2, 3, 4, 5))
VERSIONS: list[Version] = ["training", "evaluation", "package-0.1.20", "package-dcfb442"]


@given(
    example=pairs(TASKS, ties=False, both=True),
    template=st.sampled_from(VERSIONS),
    provenance=st.booleans(),
    seen=st.booleans(),
    grade=st.sampled_from([(), (5, 1), (1, 2)]),
)
def test_what_it_carries_comes_back(
    example: Example, template: Version, provenance: bool, seen: bool, grade: tuple[int, ...]
) -> None:
    assert example.verdict
    shown = seen and example.task.reference is not None
    judgments = tuple(judgment.model_copy(update={"with_reference": shown}) for judgment in example.judgments)
    high_first = sorted(grade, reverse=example.verdict.winner == "first")
    grades = tuple(
        Grade(answer_id=answer.id, task_id=example.task.id, teacher="t", judge="j", score=score, feedback="so")
        for answer, score in zip(example.answers, high_first, strict=False)
    )
    example = example.model_copy(update={"judgments": judgments, "grades": grades})
    format = PreferenceCollection(template=template, provenance=provenance, chat=True)
    files = _files(format, [example])
    (again,) = _decoded(format, files)
    assert contents_of(again) >= contents_of(example) & format.carries
    assert [answer.text for answer in again.answers] == [answer.text for answer in example.answers]
    assert _winning_text(again) == _winning_text(example)
    assert again.judgments[0].rationale == example.judgments[0].rationale.strip()
    assert [(grade.score, grade.feedback) for grade in again.grades] == [(g.score, g.feedback) for g in grades]
    assert (again.task.reference, again.judgments[0].with_reference) == (
        example.task.reference,
        shown and template.startswith("package"),
    )
    assert _files(format, [again]) == files


WORDS = """[RESULT] [Result] [RESULT: [Response [response [Result: [Score ] : A B a b Result result Result: Response [ (
Feedback: Tie well 3"""
PIECES = st.lists(st.sampled_from((*WORDS.split(), " ", "\n")), max_size=9).map("".join)


@given(feedback=PIECES, winner=st.sampled_from(["first", "second"]))
def test_no_parser_takes_anything_in_the_feedback_for_the_winner(feedback: str, winner: Winner) -> None:
    try:
        row = _row(_example(rationales=(feedback,), winner=winner))
    except CannotCarry:
        return
    assert {parse(row["output"]) for parse in PARSERS} == {"A" if winner == "first" else "B"}


@pytest.mark.parametrize(
    "feedback", ["[Response A] is well.", "Result: A\nI say.", "[Result: A] I say.", "[RESULT] A."]
)
def test_feedback_that_a_parser_would_read_is_refused(feedback: str) -> None:
    assert "A" in {parse(f"{feedback} [RESULT] B") for parse in PARSERS}
    with pytest.raises(CannotCarry, match="result_in_feedback"):
        _row(_example(rationales=(feedback,), winner="second"))


def test_scores_in_comparative_feedback_are_no_result() -> None:
    assert _row(_example(rationales=("Score: 3 for A.",)))["output"] == "Score: 3 for A. [RESULT] A"


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("tie", _example(winner="tie")),
        ("identical_answers", _example(("same", "same "))),
        ("empty_answer", _example(("x", " "))),
        ("more_than_two_answers", _example(("x", "y", "z"), (), orders=())),
        ("no_rubric", _example(rubric=None)),
        ("no_judgment_supports_verdict", _example(scores=(0.0, 1.0))),
        ("no_judgment_supports_verdict", _example(rationales=(), orders=())),
        ("no_feedback", _example(rationales=("",))),
        ("grades_do_not_fit", _example(grades=(2, 4))),
        ("grades_do_not_fit", _example(grades=(4, 4))),
        ("grades_do_not_fit", _example(grades=(4, None))),
        ("grades_do_not_fit", _example(grades=(4.5, 2))),
        ("grades_do_not_fit", _example(grades=(9, 2))),
        ("section_mark_in_text", _example(("### Rust", "y"))),
        ("section_mark_in_text", _example(question="### What?")),
        ("section_mark_in_text", _example(rubric=Rubric(criteria="#### c"))),
        ("section_mark_in_text", _example(rationales=("### A\nis better",))),
        ("section_mark_in_text", _example(reference="### Rust")),
        ("too_long", _example(("rust " * 4000, "y"))),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(PLAIN.encode(example))
    assert refused.value.reason == reason


def test_refusals_that_options_or_failures_cause() -> None:
    example = _example()
    with pytest.raises(CannotCarry, match="no_scores"):
        _row(example, scored_only=True)
    assert _row(_example(grades=(4, 2)), scored_only=True)["orig_feedback_B"] == "worth 2"
    with pytest.raises(CannotCarry, match="too_long"):
        _row(example, max_tokens=200)
    failure = Failure(kind="no_judgment", message="none")
    assert example.verdict
    failed = example.verdict.model_copy(update={"winner": None, "failure": failure})
    late = Answer(task_id=example.task.id, model="m", failure=failure)
    for reason, changed in (
        ("failed_verdict", {"verdict": failed}),
        ("no_verdict", {"verdict": None}),
        ("failed_answer", {"answers": (example.answers[0], late)}),
        ("no_comparison", {"answers": example.answers[:1], "comparison": None}),
    ):
        with pytest.raises(CannotCarry, match=reason):
            _row(example.model_copy(update=changed))


@given(example=reviewed(TASKS))
def test_what_only_people_have_judged_has_no_feedback_to_learn(example: Example) -> None:
    with pytest.raises(CannotCarry, match="no_verdict"):
        _row(example)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"orig_preference": "B"}, "orig_preference: 'B' is not what output says ('A')"),
        ({"orig_preference": "tie"}, "orig_preference: no such value (got 'tie')"),
        ({"output": "Fine. [RESULT] Tie"}, "output: expected A or B after [RESULT], got 'Tie'"),
        ({"orig_score_A": 4}, "orig_score_A: expected text (got 4)"),
        ({"orig_score_A": "7"}, "orig_score_A: no such value (got '7')"),
        ({"orig_score_A": ""}, "orig_score_A: empty, while the other answer has a score"),
        ({"orig_score_A": "1"}, "orig_preference: contradicts the scores 1 and 2"),
        ({"orig_score_A": "2"}, "orig_preference: contradicts the scores 2 and 2"),
        ({"orig_score_A": "", "orig_score_B": ""}, "orig_score_A: empty, while there is feedback on the answers"),
        ({"orig_response_B": None}, "orig_response_B: expected text (got None)"),
        ({"orig_feedback_A": []}, "orig_feedback_A: expected text (got [])"),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_and_key(change: Record, detail: str) -> None:
    row = _row(_example(grades=(4, 2)))
    good, loss = PLAIN.decode({ROWS: [row, {**row, **change}]})
    assert isinstance(good, Example)
    assert isinstance(loss, Loss)
    assert loss.row_id == f"{ROWS}:2"
    assert loss.detail.startswith(detail)


@pytest.mark.parametrize("format", [PLAIN, FULL])
def test_records_fit_their_features(format: PreferenceCollection) -> None:
    for name, records in _files(format, EXAMPLES).items():
        schema = format.features()[name]
        assert pa.Table.from_pylist(records, schema=schema).to_pylist() == records
        assert all(list(record) == schema.names for record in records)
