"""Lines of MT-Bench judgments from examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

from ..errors import CannotCarry, Unaskable, Unreadable
from ..mt_bench_prompt import Prompt, prompt
from ..mt_bench_reply import HIGHEST, LOWEST, read_rating, read_verdict
from ..rows import Example, Judgment, Task, Winner
from . import Record
from ._graded import graded
from ._mt_bench_marks import mark_of, rating_of
from ._mt_bench_reading import marks_of
from ._pair import pair_of
from ._question_number import question_number

TIE_DELTA = 0.1
"""Scores that are not further apart than this tie (`TIE_DELTA` of FastChat's `common.py`)."""
GAMES = ((0, 1), (1, 0))
LETTERS: dict[Winner, tuple[str, str]] = {"first": ("A", "B"), "second": ("B", "A"), "tie": ("C", "C")}
"""Winner in the comparison's order -> the mark in the first game and in the second."""
NAMES: dict[Winner, str] = {"first": "model_1", "second": "model_2", "tie": "tie"}


def pair_line(example: Example) -> Record:
    """The line of a pair. Raises `CannotCarry`; see `mt_bench_judgments`."""
    pair = pair_of(example)
    winner = pair.winner()
    if pair.first.model == pair.second.model:
        raise CannotCarry("same_model")
    found = list(_games(example))
    if not found:
        raise CannotCarry("not_both_orders")
    games = next((both for both in found if outcome(*(winner_of(game) for game in both)) == winner), None)
    if games is None:
        raise CannotCarry("verdict_is_not_both_games")
    winners = [winner_of(game) for game in games]
    prompts = [
        _prompt(example.task, tuple(pair.texts[index] for index in game.shown), game.with_reference) for game in games
    ]
    replies = [
        _reply(
            game.raw,
            game.rationale,
            result=LETTERS[won][number],
            ours=lambda text: read_verdict(text)[0],
            upstream=mark_of,
        )
        for number, (game, won) in enumerate(zip(games, winners, strict=True))
    ]
    return {
        "question_id": question_number(example.task),
        "model_1": pair.first.model,
        "model_2": pair.second.model,
        "g1_winner": NAMES[winners[0]],
        "g2_winner": NAMES[winners[1]],
        "judge": [games[0].teacher, prompts[0].template],
        "g1_user_prompt": prompts[0].user,
        "g1_judgment": replies[0],
        "g2_user_prompt": prompts[1].user,
        "g2_judgment": replies[1],
        "turn": len(example.task.turns) // 2 + 1,
        "tstamp": float(example.index),
    }


def single_line(example: Example) -> Record:
    """The line of a graded answer. Raises `CannotCarry`; see `mt_bench_judgments`."""
    answer, text, grade, score = graded(example)
    if not LOWEST <= score <= HIGHEST:
        raise CannotCarry("score_outside_1_to_10")
    asked = _prompt(example.task, (text,), grade.with_reference)
    shortest = int(score) if score == int(score) else score
    reply = _reply(
        grade.raw,
        grade.feedback,
        result=shortest,
        ours=lambda text: read_rating(text)[0],
        upstream=rating_of,
        label="Rating: ",
    )
    return {
        "question_id": question_number(example.task),
        "model": answer.model,
        "judge": [grade.teacher, asked.template],
        "user_prompt": asked.user,
        "judgment": reply,
        "score": shortest,
        "turn": len(example.task.turns) // 2 + 1,
        "tstamp": float(example.index),
    }


def winner_of(judgment: Judgment) -> Winner:
    """Who won a game, in the comparison's order."""
    first, second = judgment.by_answer or (0.0, 0.0)
    return "tie" if abs(first - second) <= TIE_DELTA else "first" if first > second else "second"


def outcome(first: Winner, second: Winner) -> Winner:
    """Who won, by the winners of both games: a model that wins both (`show_result.py`)."""
    return first if first == second else "tie"


def _games(example: Example) -> Iterator[tuple[Judgment, Judgment]]:
    """Both orders of one teacher and kind; those that were asked first come first."""
    kinds = dict.fromkeys((judgment.teacher, judgment.judge, judgment.with_reference) for judgment in example.judgments)
    for kind in kinds:
        alike = [one for one in example.judgments if (one.teacher, one.judge, one.with_reference) == kind]
        yield from product(*([one for one in alike if one.shown == shown] for shown in GAMES))


def _prompt(task: Task, texts: tuple[str, ...], with_reference: bool) -> Prompt:
    reference = task.reference.text if with_reference and task.reference else None
    try:
        asked = prompt(task, texts, reference)
    except Unaskable as problem:
        raise CannotCarry("more_than_two_turns") from problem
    parts = (*(message.content for message in task.messages), *texts, reference or "")
    if any(mark in part for part in parts for mark in marks_of(asked.template)):
        raise CannotCarry("mark_in_text")
    return asked


def _reply(
    raw: str | None,
    explanation: str,
    *,
    result: str | float,
    ours: Callable[[str], str | float],
    upstream: Callable[[str], str | float | None],
    label: str = "",
) -> str:
    """The teacher's own reply where it says the result, else the explanation with the result behind it."""
    for text in (raw, f"{explanation.strip()}\n\n{label}[[{result}]]".lstrip()):
        try:
            if text is not None and ours(text) == result == upstream(text):
                return text
        except Unreadable:
            continue
    raise CannotCarry("mark_in_explanation")
