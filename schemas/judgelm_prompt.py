"""JudgeLM's prompt and the strict reader of its replies, shared by the judge and the format.

Source of every literal: `judgelm/llm_judge/common.py` of github.com/baaivision/JudgeLM at 00c4516 (`conv_judge_pair`,
`conv_judge_pair_w_reference`, `conv_judge_multi` and `Conversation.copy`), character for character, so that what a
teacher is asked is what a judge trained on its replies will be asked. For a teacher, `SYSTEM` is the system message and
`user_message` the user's; `training_prompt` is the form the model itself is trained on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .errors import Unreadable

SYSTEM = "You are a helpful and precise assistant for checking the quality of the answer."
RESPONSE_MARK = "### Response:"
LOWEST, HIGHEST = 1, 10

MARKS = (
    "[Question]",
    "[Reference Answer]",
    "[The Start of Assistant",
    "[The End of Assistant",
    "[System]",
    RESPONSE_MARK,
)
"""What separates the parts of the prompt: a text that contains one of them reads as a part of its own."""

_INSTRUCTION = (
    "We would like to request your feedback on the performance of {count} AI assistants in response to the user "
    "question displayed above.\n"
    "Please rate the helpfulness, relevance, accuracy, level of details of their responses. Each assistant receives an "
    "overall score on a scale of 1 to 10, where a higher score indicates better overall performance.\n"
    "Please first output a single line containing only {count} values indicating the scores for {names}, respectively. "
    "The {count} scores are separated by a space. In the subsequent line, please provide a comprehensive explanation "
    "of your evaluation, avoiding any potential bias and ensuring that the order in which the responses were presented "
    "does not affect your judgment."
)
_COUNTS = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip

FEWEST, MOST = 2, 1 + len(_COUNTS)
"""How many answers the prompt has words for."""

_EMPTY_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
_SCORE = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_SCORES = re.compile(rf"{_SCORE}(?:(?:[ \t]*,[ \t]*|[ \t]+){_SCORE})*")


def instruction(answers: int) -> str:
    """The request at the end of the prompt, for two to nineteen answers. Raises `ValueError` for other numbers."""
    if not FEWEST <= answers <= MOST:
        raise ValueError(f"JudgeLM's prompt has words for {FEWEST} to {MOST} answers (got {answers})")
    numbers = ", ".join(str(number) for number in range(1, answers))
    return _INSTRUCTION.format(count=_COUNTS[answers - FEWEST], names=f"Assistant {numbers} and {answers}")


def user_message(question: str, answers: Sequence[str], reference: str | None, *, shared_first: bool = False) -> str:
    """The pair template (for more answers: the multi-answer template) filled in; `answers` in the order shown.

    A `reference` of None leaves its block out; an empty one leaves the block empty. `shared_first`: the request stands
    before the question, and says so. Raises `ValueError` as `instruction`.
    """
    shown = "".join(
        f"[The Start of Assistant {number}'s Answer]\n{answer}\n\n[The End of Assistant {number}'s Answer]\n\n"
        for number, answer in enumerate(answers, start=1)
    )
    closing = f"[System]\n{instruction(len(answers))}\n\n"
    asked = f"[Question]\n{question if reference is None else referenced(question, reference)}\n\n"
    if shared_first:
        return f"{closing.replace('displayed above', 'displayed below')}{asked}{shown}"
    return f"{asked}{shown}{closing}"


def referenced(question: str, reference: str) -> str:
    """The question with the reference block after it: in place of the question it makes the template with reference."""
    return f"{question}\n\n[Reference Answer]\n{reference}"


def training_prompt(question: str, answers: Sequence[str], reference: str | None) -> str:
    """What precedes the judgment in JudgeLM's training sample; the judgment follows at once, without a space."""
    return f"{SYSTEM}\n{user_message(question, answers, reference)}{RESPONSE_MARK}"


def read_scores(reply: str, answers: int) -> tuple[tuple[float, ...], str]:
    """The scores on the first line that is not empty, and the text after that line, stripped.

    The line holds exactly as many numbers as there are answers, each from 1 to 10, plain decimals, with blanks or one
    comma (and any blanks) between them and nothing else: `8 9`, `8, 9`, ` 8.5 9 `. Labels, `8/10`, code fences and
    further numbers are not accepted, since each has more than one reading. JudgeLM's own `parse_score` wants exactly
    one space or one comma; the scores are written that way again on export.

    Raises `Unreadable` with what stood there.
    """
    line, _, rest = _EMPTY_LINES.sub("", reply, count=1).partition("\n")
    line = line.strip(" \t\r")
    if not line:
        raise Unreadable(f"expected a line of {answers} scores, got an empty reply")
    if not _SCORES.fullmatch(line):
        raise Unreadable(f"expected a first line of {answers} scores and nothing else, got {_excerpt(line)}")
    scores = tuple(float(number) for number in re.findall(_SCORE, line))
    if len(scores) != answers:
        raise Unreadable(f"expected {answers} scores on the first line, got {len(scores)}: {_excerpt(line)}")
    if not all(LOWEST <= score <= HIGHEST for score in scores):
        raise Unreadable(f"expected scores from {LOWEST} to {HIGHEST}, got {_excerpt(line)}")
    return scores, rest.strip()


def _excerpt(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:59] + "…")
