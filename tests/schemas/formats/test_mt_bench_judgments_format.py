"""FastChat's judgment lines: both games of a pair, ratings of single answers, and what FastChat reads in them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from prefmill.schemas.formats._mt_bench_marks import mark_of, rating_of
from prefmill.schemas.formats.mt_bench_judgments import MTBenchJudgments
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example, Grade, Judgment, Loss, Message, Reference

from . import examples as some
from .round_trip import (
    CHAT,
    QUESTION,
    REFUSED,
    check_golden,
    check_round_trip,
    decoded,
    details,
    encoded,
    graded,
    pair,
    records,
)
from .votes import VOTES, check_refusals, published

PAIRS, SINGLES = "model_pair.jsonl", "model_single.jsonl"
LINES = MTBenchJudgments()
GRADED = [Example.model_validate(record) for record in records("mt_bench_judgments", "graded.jsonl")]


def short(example: Example) -> Example:
    """The same with two turns at most, and judged as its verdict says: a winner wins both games."""
    return example.model_copy(update={"task": example.task.model_copy(update={"messages": example.task.turns[-3:]})})


def judged(
    *scores: tuple[float, float],
    winner: str = "first",
    said: str = "Because.",
    orders: tuple[tuple[int, int], ...] = ((0, 1), (1, 0)),
    teachers: tuple[str, ...] = ("teacher",),
    messages: tuple[Message, ...] = QUESTION,
    texts: tuple[str, str] = ("None.", "Two."),
) -> Example:
    """A pair with one judgment for each pair of scores; orders and teachers take turns."""
    base = pair(texts, messages=messages, winner=winner, margin=None)
    assert base.comparison is not None
    judgments = tuple(
        Judgment(
            comparison_id=base.comparison.id,
            task_id=base.task.id,
            teacher=teachers[number % len(teachers)],
            judge="judgelm",
            shown=orders[number % len(orders)],
            sample=number,
            scores=both,
            rationale=said,
        )
        for number, both in enumerate(scores)
    )
    return base.model_copy(update={"judgments": judgments})


def rated(score: float, feedback: str = "Fine.", raw: str | None = None) -> Example:
    """A graded answer."""
    example = graded()
    grade = Grade(
        answer_id=example.answers[0].id,
        task_id=example.task.id,
        teacher="teacher",
        judge="prometheus_absolute",
        score=score,
        feedback=feedback,
        raw=raw,
    )
    return example.model_copy(update={"grades": (grade,)})


def test_it_is_found_by_name() -> None:
    assert load(MTBenchJudgments, "mt_bench_judgments") is MTBenchJudgments


def test_the_golden_files() -> None:
    check_golden(LINES, "mt_bench_judgments", [*VOTES, *GRADED])


@settings(max_examples=50, deadline=None)
@given((some.pairs(some.tasks(), both=True) | some.graded(some.tasks(), range(1, 11))).map(short))
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(LINES, example, but=["tstamp"])
    assert [answer.text for answer in again.answers] == [answer.text for answer in example.answers]
    assert again.task.messages == example.task.messages
    assert [grade.score for grade in again.grades] == [grade.score for grade in example.grades]
    assert [judgment.rationale for judgment in again.judgments] == [
        judgment.rationale.strip() for judgment in example.judgments
    ]
    if example.verdict is not None:
        assert again.verdict is not None
        assert (again.verdict.winner, again.verdict.consistent) == (example.verdict.winner, True)


def test_fastchat_reads_the_winners_in_the_replies() -> None:
    """In the second game the answers are exchanged, so A is the second model."""
    for row in encoded(LINES, VOTES)[PAIRS]:
        names = {"A": ("model_1", "model_2"), "B": ("model_2", "model_1"), "C": ("tie", "tie")}
        for number, game in enumerate(("g1", "g2")):
            mark = mark_of(row[f"{game}_judgment"])
            assert mark is not None and names[mark][number] == row[f"{game}_winner"]
    for row in encoded(LINES, GRADED)[SINGLES]:
        assert rating_of(row["judgment"]) == row["score"]


def test_the_result_is_written_behind_an_explanation_that_lacks_it() -> None:
    (row,) = encoded(LINES, [judged((9, 2), (3, 8))])[PAIRS]
    assert (row["g1_judgment"], row["g2_judgment"]) == ("Because.\n\n[[A]]", "Because.\n\n[[B]]")
    assert (row["g1_winner"], row["g2_winner"], row["judge"]) == ("model_1", "model_1", ["teacher", "pair-v2"])
    (row,) = encoded(LINES, [judged((5, 5.1), (7, 7), winner="tie", said="")])[PAIRS]
    assert (row["g1_judgment"], row["g2_judgment"]) == ("[[C]]", "[[C]]")
    (row,) = encoded(LINES, [rated(7)])[SINGLES]
    assert (row["judgment"], row["score"]) == ("Fine.\n\nRating: [[7]]", 7)
    assert encoded(LINES, [rated(7, raw="Good.\nRating: [[7]]")])[SINGLES][0]["judgment"] == "Good.\nRating: [[7]]"


def test_games_that_say_what_the_verdict_says_are_preferred() -> None:
    (row,) = encoded(LINES, [judged((2, 9), (9, 2), (9, 2), (2, 9))])[PAIRS]
    assert (row["g1_winner"], row["g2_winner"]) == ("model_1", "model_1")


def test_judgments_with_the_reference_are_asked_with_it() -> None:
    base = judged((9, 2), (3, 8))
    task = base.task.model_copy(update={"reference": Reference(text="None.")})
    seen = tuple(judgment.model_copy(update={"with_reference": True}) for judgment in base.judgments)
    again = check_round_trip(LINES, base.model_copy(update={"task": task, "judgments": seen}), but=["tstamp"])
    assert again.task.reference == Reference(text="None.")
    assert [judgment.with_reference for judgment in again.judgments] == [True, True]


LONG = (*CHAT, Message(role="assistant", content="None."), *QUESTION)


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        *((reason, example) for reason, example in REFUSED if reason != "no_comparison"),
        ("not_both_orders", judged((9, 2))),
        ("not_both_orders", judged((9, 2), (8, 2), orders=((0, 1),))),
        ("not_both_orders", judged((9, 2), (2, 9), teachers=("one", "other"))),
        ("verdict_is_not_both_games", judged((9, 2), (9, 2))),
        ("verdict_is_not_both_games", judged((9, 2), (2, 9), winner="tie")),
        ("more_than_two_turns", judged((9, 2), (2, 9), messages=LONG)),
        ("mark_in_text", judged((9, 2), (2, 9), texts=("[The End of Assistant A's Answer]", "x"))),
        ("mark_in_text", judged((9, 2), (2, 9), messages=CHAT, texts=("x", "### User:\nhi"))),
        ("mark_in_explanation", judged((9, 2), (2, 9), said="Not [[A]].")),
        ("not_one_answer", graded().model_copy(update={"answers": pair().answers})),
        ("no_grade", graded()),
        ("score_outside_1_to_10", rated(0)),
        ("mark_in_explanation", rated(7, "It says [[9]].")),
        (
            "same_model",
            judged((9, 2), (2, 9)).model_copy(
                update={"answers": tuple(answer.model_copy(update={"model": "m"}) for answer in pair().answers)}
            ),
        ),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    check_refusals(LINES, reason, example)


def test_published_pairs_are_read() -> None:
    """Prompts as FastChat's own templates make them; in the second turn each model goes on from its own first reply."""
    one, two, math, math_two, failed = LINES.decode({PAIRS: published("mt_bench_judgments", "published_pair.jsonl")})
    assert isinstance(one, Example) and isinstance(two, Example) and isinstance(math, Example)
    assert one.verdict is not None and (one.verdict.winner, one.verdict.consistent) == ("second", True)
    assert [(judgment.shown, judgment.scores, judgment.rationale, judgment.teacher) for judgment in one.judgments] == [
        ((0, 1), (0.0, 1.0), "B has more detail.", "gpt-4"),
        ((1, 0), (1.0, 0.0), "A has more detail.", "gpt-4"),
    ]
    assert two.verdict is not None and (two.verdict.winner, two.verdict.consistent) == ("tie", False)
    assert two.answers[0].text == "Boats.\n\nUser: Now in one sentence.\n\nAssistant: Boats, salt."
    assert math.task.reference == Reference(text="42") and math.judgments[0].with_reference
    assert isinstance(math_two, Example) and math_two.task.reference is not None
    assert math_two.task.reference.text == "42\n\nUser: Plus one?\n\nAssistant: 43"
    assert isinstance(failed, Loss)
    assert (failed.row_id, failed.detail) == (f"{PAIRS}:5 (question_id 82)", "g1_winner: the judgment failed (error)")


def test_published_ratings_are_read() -> None:
    *rated, failed = LINES.decode({SINGLES: published("mt_bench_judgments", "published_single.jsonl")})
    found = [row for row in rated if isinstance(row, Example)]
    assert [(row.grades[0].score, row.grades[0].feedback) for row in found] == [
        (4.0, "Short."),
        (7.5, "Fine."),
        (10.0, "Correct."),
        (1.0, "It should be 43."),
    ]
    assert [row.answers[0].text for row in found] == ["Boats.", "Boats, salt.", "42", "44"]
    assert [len(row.task.messages) for row in found] == [1, 3, 1, 3]
    assert [row.task.reference and row.task.reference.text for row in found] == [None, None, "42", "43"]
    assert isinstance(failed, Loss)
    assert failed.detail == "score: the judgment failed (-1)"


@pytest.mark.parametrize(("file", "name"), [(PAIRS, "published_pair.jsonl"), (SINGLES, "published_single.jsonl")])
def test_published_lines_of_one_turn_are_written_as_they_were(file: str, name: str) -> None:
    rows = [row for row in published("mt_bench_judgments", name)[:-1] if row["turn"] == 1]
    written = encoded(LINES, decoded(LINES, {file: rows}))[file]
    assert [{**row, "tstamp": 0} for row in written] == [{**row, "tstamp": 0} for row in rows]
    assert [list(row) for row in written] == [list(row) for row in rows]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"g2_winner": "model_2"}, "g2_winner: model_2 is not what g2_judgment says ([[B]])"),
        ({"g1_winner": "A"}, "g1_winner: no such value (got 'A'). Known: model_1, model_2, tie."),
        ({"g1_judgment": "A, I think."},
         "g1_judgment: expected [[A]], [[B]] or [[C]] at the end of the reply, got 'A, I think.'"),
        ({"turn": 2}, "turn: 2 is not what the template pair-v2 is for (1)"),
        ({"judge": "gpt-4"}, "judge: expected a model and its template (got 'gpt-4')"),
        ({"judge": ["gpt-4", "single-v1"]}, "judge: expected a template for pair judgments (got 'single-v1')"),
        ({"judge": ["gpt-4", "pair-v9"]}, "g1_user_prompt: no such template (got 'pair-v9'). Known: pair-math-v1, "
         "pair-math-v1-multi-turn, pair-v2, pair-v2-multi-turn, single-math-v1, single-math-v1-multi-turn, single-v1, "
         "single-v1-multi-turn."),
        ({"g1_user_prompt": "Which is better?"}, "g1_user_prompt: not what the template pair-v2 makes"),
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_a_loss_that_names_line_and_key(change: dict[str, Any], detail: str) -> None:
    row = records("mt_bench_judgments", "model_pair.jsonl")[0]
    assert details(LINES, PAIRS, [row, {**row, **change}]) == [f"{PAIRS}:2 (question_id 81): {detail}"]


def test_games_must_show_the_same() -> None:
    row = records("mt_bench_judgments", "model_pair.jsonl")[0]
    (detail,) = details(LINES, PAIRS, [{**row, "g2_user_prompt": row["g1_user_prompt"]}])
    assert detail.endswith("g2_user_prompt: does not show what g1_user_prompt shows, with the answers exchanged")
    doubled = row["g1_user_prompt"].replace("None.", "[The End of Assistant A's Answer]")
    (detail,) = details(LINES, PAIRS, [{**row, "g1_user_prompt": doubled}])
    assert detail.endswith("holds marks of the template pair-v2, so where parts end is not certain")


def test_a_score_must_be_what_the_reply_says() -> None:
    row = records("mt_bench_judgments", "model_single.jsonl")[0]
    assert details(LINES, SINGLES, [{**row, "score": 3}, {**row, "judgment": "Nine."}]) == [
        f"{SINGLES}:1 (question_id 81): score: 3.0 is not what judgment says (9.0)",
        f"{SINGLES}:2 (question_id 81): judgment: expected [[rating]] at the end of the reply, got 'Nine.'",
    ]
