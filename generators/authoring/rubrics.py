"""New rubrics, brainstormed from a few others as demonstrations: the prompt, the form of the reply, its parser.

Source of the method: Prometheus (arXiv 2310.08491, section 3.1: four random seed rubrics as demonstrations). The words
are our own. One reply holds one rubric, so that a bad reply costs one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...schemas.errors import Unreadable
from ...schemas.rows import Message
from ...schemas.rubric import Level, Rubric
from .texts import excerpt, usable, words_of

RULES = """\
A rubric has one criterion, asked as a question about one quality of an answer, and says for every score what an \
answer looks like that deserves it. Two careful readers who use a good rubric give the same score: each description \
names what can be seen in the answer, and each is clearly better than the one before it. Descriptions speak neither of \
the answer's length nor of the number of the score."""

_ASK = """\
You write rubrics by which people grade the answers that language models give.

{rules}

These are rubrics of others:

{demonstrations}

Write a new rubric about a quality that none of them looks at. It is to fit many requests of one kind, such as a \
field, an audience or a form of text. You write proposal {number} of many; others are written at the same time from \
other examples, so leave aside what comes to mind first.

Reply with these {lines} lines, filled in, and nothing else:
{form}"""

_LABELLED = re.compile(r"(Criterion|Score (-?\d+)): (.+)")


def ask(demonstrations: Sequence[Rubric], number: int) -> tuple[Message, ...]:
    """The messages that ask for one new rubric on the demonstrations' scale; `number` tells proposals apart."""
    scores = [level.score for level in demonstrations[0].levels]
    content = _ASK.format(
        rules=RULES,
        demonstrations="\n\n".join(map(written, demonstrations)),
        number=number,
        lines=1 + len(scores),
        form=form(scores),
    )
    return (Message(role="user", content=content),)


def written(rubric: Rubric) -> str:
    """A rubric in the form in which replies are asked for: one line for the criterion, one for each score."""
    levels = [f"Score {level.score}: {' '.join(level.description.split())}" for level in rubric.levels]
    return "\n".join([f"Criterion: {' '.join(rubric.criteria.split())}", *levels])


def form(scores: Sequence[int]) -> str:
    """The lines of a reply, to be filled in."""
    levels = [f"Score {score}: (what an answer looks like that deserves this score)" for score in scores]
    return "\n".join(["Criterion: (a question about the answer)", *levels])


def read(reply: str, scores: Sequence[int]) -> Rubric:
    """The rubric in a reply: the labelled lines in their order, each filled in, blank lines between them allowed.

    Raises `Unreadable` for anything else: other lines, other labels, a form that was not filled in, two scores that
    are described alike.
    """
    labels = ["Criterion", *(f"Score {score}" for score in scores)]
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    if len(lines) != len(labels):
        raise Unreadable(f"expected {len(labels)} lines ({labels[0]} to {labels[-1]}), got {len(lines)}")
    texts = []
    for label, line in zip(labels, lines, strict=True):
        found = _LABELLED.fullmatch(line)
        if found is None or found[1] != label:
            raise Unreadable(f"expected a line '{label}: …', got {excerpt(line)}")
        text = usable(found[3], f"a text after {label!r}")
        if text.startswith("(") and text.endswith(")"):
            raise Unreadable(f"expected {label!r} filled in, got {excerpt(line)}")
        texts.append(text)
    if len(set(map(words_of, texts))) != len(texts):
        raise Unreadable("expected a description of its own for every score, got one twice")
    levels = (Level(score=score, description=text) for score, text in zip(scores, texts[1:], strict=True))
    return Rubric(criteria=texts[0], levels=tuple(levels))
