"""What a row of the Preference-Collection needs of an Example: the judgment it is made of, and the answers' scores."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import CannotCarry
from ..labels import winner_at
from ..prometheus_prompt import LEVELS
from ..rows import Example, Judgment, Winner

_NAMED = re.compile(r"\b[Aa]ssistant ([12AB])(?![A-Za-z0-9]|[.,]\d)")
_OTHERWISE = re.compile(
    r"\b(?:[Aa]ssistant|[Rr]esponse|[Mm]odel|[Cc]andidate|Answer)s? ?[#(]?[12]\b(?![.,]\d)"
    r"|\b[Aa]ssistants? [AB]\b"
    r"|\bResponse [AB] ?(?:and|or|&|/) ?[12]\b"
)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two answers, as shown: A or B."""

    text: str
    score: str = ""
    """`1` to `5`, or nothing where none is known."""
    feedback: str = ""
    """Of the grade; nothing where there is none."""


def judgments_of(example: Example, winner: Winner) -> tuple[Judgment, ...]:
    """The judgments whose winner is the verdict's, those in the comparison's own order first.

    Raises `CannotCarry` with `no_judgment_supports_verdict`, also where the verdict rests on grades or people alone.
    """
    supporting = [judgment for judgment in example.judgments if _winner(judgment) == winner]
    if not supporting:
        raise CannotCarry("no_judgment_supports_verdict")
    return tuple(sorted(supporting, key=lambda judgment: judgment.shown != (0, 1)))


def _winner(judgment: Judgment) -> Winner | None:
    if judgment.by_answer is None:
        return None
    first, second = judgment.by_answer
    return winner_at(first - second)


def sides(example: Example, shown: Sequence[int], better: int, aimed: bool) -> tuple[Side, Side]:
    """A and B; `better` is the place of the better one among those shown.

    Their scores are those of their grades; without grades and with `aimed`, those that both were written to deserve.
    Raises `CannotCarry`: `grades_do_not_fit` and `aims_do_not_fit` where the scores are not whole ones from 1 to 5, the
    better answer's the higher; `grades_without_feedback` where neither grade has one, as they would pass for aims.
    """
    answers = [example.answers[index] for index in shown]
    texts = [answer.text or "" for answer in answers]
    if example.grades:
        grades = [next((grade for grade in example.grades if grade.answer_id == answer.id), None) for answer in answers]
        written = _written([grade.score if grade else None for grade in grades], better, "grades_do_not_fit")
        feedback = [grade.feedback if grade else "" for grade in grades]
        if not any(feedback):
            raise CannotCarry("grades_without_feedback")
    elif aimed and None not in (aims := [answer.intended for answer in answers]):
        written, feedback = _written(aims, better, "aims_do_not_fit"), ["", ""]
    else:
        written = feedback = ["", ""]
    a, b = (Side(*side) for side in zip(texts, written, feedback, strict=True))
    return a, b


def _written(scores: Sequence[float | None], better: int, refusal: str) -> list[str]:
    """Both scores as text. Raises `CannotCarry` with `refusal`."""
    one, other = scores[better], scores[1 - better]
    if one not in LEVELS or other not in LEVELS or one <= other:
        raise CannotCarry(refusal)
    return [str(int(score)) for score in scores if score is not None]


def named_as_responses(feedback: str) -> str:
    """The feedback with `Assistant 1` and `Assistant A` as `Response A`, the name that the prompt uses.

    Raises `CannotCarry` with `answers_named_otherwise` where it names answers by number in another way.
    """
    text = _NAMED.sub(lambda found: f"Response {'A' if found[1] in '1A' else 'B'}", feedback)
    if _OTHERWISE.search(text):
        raise CannotCarry("answers_named_otherwise")
    return text
