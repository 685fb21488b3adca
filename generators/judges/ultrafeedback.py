"""UltraFeedback's judge: four aspects, each asked by itself about all answers at once, each rated from 1 to 5.

Source: UltraFeedback (arXiv 2310.01377, section 2.3 and appendix) and `annotate_preference.py` of
github.com/OpenBMB/UltraFeedback at bf80fd4; the prompts are in `_ultrafeedback_prompt.py`. Upstream cuts a reply at
blank lines and asserts four pieces, so that a rationale of two paragraphs fails; here a reply is cut at its headings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...schemas.chat_text import question_text
from ...schemas.errors import Unreadable
from ...schemas.rows import Answer, Aspect, Message, Task
from ...schemas.ultrafeedback_aspects import ASPECTS, NOT_APPLICABLE, TYPED, Remark, means, rationale_of
from . import Judge, Reading
from ._showing import reference_of, text_of
from ._ultrafeedback_prompt import system_message, user_message

_HEADING = re.compile(r"^#{4,5} Output for Text ([0-9]+)[ \t\r]*$", re.MULTILINE)
_LABEL = re.compile(r"^(Type|Rationale For Rating|Rationale|Rating):[ \t]*", re.MULTILINE)
_TYPES = re.compile(r"None|[1-3](?:,[ \t]*[1-3])*")


class UltraFeedback(Judge):
    """Two or more answers, rated 1 to 5 for instruction following, honesty, truthfulness and helpfulness."""

    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """The first part, about instruction following; `questions` has all four."""
        return self.questions(task, answers, with_reference)[0]

    def read(self, reply: str, answers: int) -> Reading:
        """The reply to the first part by itself; `read_all` reads all four."""
        return _reading([read_aspect(ASPECTS[0], reply, answers)])

    def questions(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[tuple[Message, ...], ...]:
        """One part for each aspect; truthfulness and helpfulness show the reference, as upstream does.

        Raises `ValueError` for fewer than two answers, an answer without text, or a reference that is to be shown and
        does not exist.
        """
        if len(answers) < 2:
            raise ValueError(f"UltraFeedback's prompts show two or more answers (got {len(answers)})")
        reference = reference_of(task, with_reference)
        texts, system = [text_of(answer) for answer in answers], system_message(len(answers))
        return tuple(
            (
                Message(role="system", content=system),
                Message(role="user", content=user_message(aspect, question_text(task), texts, reference)),
            )
            for aspect in ASPECTS
        )

    def read_all(self, replies: Sequence[str], answers: int) -> Reading:
        """All four aspects; the scores are the means of their ratings, 1 to 5, without those that do not apply.

        Raises `Unreadable` where one reply is, and where no aspect applies to an answer.
        """
        return _reading([read_aspect(name, reply, answers) for name, reply in zip(ASPECTS, replies, strict=True)])


def read_aspect(aspect: str, reply: str, answers: int) -> Aspect:
    """The ratings and rationales of one reply.

    One block an answer, in order, each under its own heading `#### Output for Text k`: `Rating` (1 to 5, or N/A) and
    `Rationale`; for the typed aspects `Type` and `Rationale` come before. A label stands at the beginning of a line
    and only where it belongs, so a rationale may have paragraphs. Raises `Unreadable`.
    """
    before, *parts = _HEADING.split(reply)
    numbers = parts[::2]
    if numbers != [str(number) for number in range(1, answers + 1)]:
        found = ", ".join(numbers) or "none"
        raise Unreadable(f"{aspect}: expected headings for Text 1 to {answers}, in order, got {found}")
    if before.strip():
        raise Unreadable(f"{aspect}: expected nothing before the first heading, got {_excerpt(before)}")
    blocks = [
        _block(aspect, f"{aspect}, Text {number}", text) for number, text in zip(numbers, parts[1::2], strict=True)
    ]
    ratings, feedback = zip(*blocks, strict=True)
    return Aspect(criterion=aspect, scores=ratings, feedback=feedback)


def _block(aspect: str, place: str, text: str) -> tuple[float | None, str]:
    before, *parts = _LABEL.split(text)
    labels, values = parts[::2], [value.strip() for value in parts[1::2]]
    expected = ["Type", "Rationale", "Rating", "Rationale"] if aspect in TYPED else ["Rating", "Rationale"]
    if before.strip() or labels != expected:
        raise Unreadable(f"{place}: expected {', '.join(expected)} in this order, got {_excerpt(text)}")
    *typed, rating, rationale = values
    if rating != NOT_APPLICABLE and not re.fullmatch("[1-5]", rating):
        raise Unreadable(f"{place}: expected a rating from 1 to 5 or N/A, got {_excerpt(rating)}")
    if not rationale or (typed and not typed[1]):
        raise Unreadable(f"{place}: expected a rationale, got none")
    score = None if rating == NOT_APPLICABLE else float(rating)
    if not typed:
        return score, rationale
    if not _TYPES.fullmatch(typed[0]):
        raise Unreadable(f"{place}: expected types from 1 to 3 or None, got {_excerpt(typed[0])}")
    types = tuple(part.strip() for part in typed[0].split(","))
    return score, Remark(types, typed[1], rationale).text


def _reading(aspects: list[Aspect]) -> Reading:
    scores = []
    for number, mean in enumerate(means(aspects), start=1):
        if mean is None:
            raise Unreadable(f"expected a rating of Text {number} under some aspect, got N/A under all")
        scores.append(mean)
    return Reading(tuple(scores), rationale_of(aspects), tuple(aspects))


def _excerpt(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= 60 else text[:59] + "…")
