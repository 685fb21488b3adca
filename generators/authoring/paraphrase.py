"""A rubric in other words: the prompt and its parser.

Source of the method: Prometheus (arXiv 2310.08491, section 3.1: every brainstormed rubric is paraphrased, for variety
of wording). The words are our own.
"""

from __future__ import annotations

from ...schemas.errors import Unreadable
from ...schemas.rows import Message
from ...schemas.rubric import Rubric
from . import rubrics
from .texts import excerpt, words_of

_ASK = """\
Say this rubric in other words.

{rubric}

Keep its meaning and its strictness: an answer must get the same score under both. Change the build of the sentences \
and the choice of words; a name or a technical term may stay.

{rules}

Reply with these {lines} lines, filled in, and nothing else:
{form}"""


def ask(rubric: Rubric) -> tuple[Message, ...]:
    """The messages that ask for a paraphrase of a rubric."""
    scores = [level.score for level in rubric.levels]
    content = _ASK.format(
        rubric=rubrics.written(rubric), rules=rubrics.RULES, lines=1 + len(scores), form=rubrics.form(scores)
    )
    return (Message(role="user", content=content),)


def read(reply: str, rubric: Rubric) -> Rubric:
    """The paraphrase in a reply, on the scale of the rubric. Raises `Unreadable`, also for the same words again."""
    found = rubrics.read(reply, [level.score for level in rubric.levels])
    if words_of(rubrics.written(found)) == words_of(rubrics.written(rubric)):
        raise Unreadable(f"expected other words, got the same rubric again: {excerpt(found.criteria)}")
    return found
