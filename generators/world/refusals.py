"""Refusals that a prompt shows in an answer's place; they carry no fingerprint, so where they stand has to tell.

A refusal is an answer where it begins right after the label of an answer, is short, and is all there is up to the next
boundary. One inside an answer, in the instruction, in a rubric or in an earlier turn of the chat is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .boundary import LONGEST_LABEL, end_of

MOST_WORDS = 40
"""A longer text goes on after the refusal."""
_HINTS = ("n't", "n’t", "annot ", "n not", "ll not", "ld not", "nable", "ot able", "ecline")
"""Parts of `_OPENING`, one of which every refusal has: most prompts have none and are not searched."""
_OPENING = re.compile(
    r"(?:As an AI\b[^.\n]{0,40}, )?"
    r"(?:(?:(?:I['’]m|I am)(?: \w+)? (?:sorry|afraid)|Sorry|(?:My )?Apologies|I apologi[sz]e|Unfortunately)"
    r"[,.;:! —–-]*(?:but |that )?)?"
    r"I(?:['’]m| am)? ?(?:can['’]t|cannot|can not|won['’]t|will not|could(?: not|n['’]t)|unable to|not able to"
    r"|(?:(?:must|have to|need to) )?(?:\w+ )?decline)\b",
    re.IGNORECASE,
)
_AFTER_A_LABEL = re.compile(r"[\n>:][ \t]*(?=[IASMU])")
_LABEL = re.compile(r"\[[^\n]*\]|[#<{=][^\n]*|\*\*[^\n]*|-{3}[^\n]*|[A-Z][^\n]*:")
_INLINE_LABEL = re.compile(r"<[^>\n]+>|(?:#+ ?|\*\*)?[A-Z][\w '()]*:(?:\*\*)?")
_OF_AN_ANSWER = re.compile(
    r"\b(?:answer|assistant|candidate|completion|model|one|option|output|reply|response|text|two|[a-d]|\d+)\b",
    re.IGNORECASE,
)
_OF_SOMETHING_ELSE = re.compile(
    r"criteri|example|instruction|knowledge|prompt|query|question|reference|request|rubric|score|system|task|user"
    r"|\bend of\b|</",
    re.IGNORECASE,
)
_NEXT_TURN = re.compile(r"\s+[#*\[ ]*User\b")


def refusals_in(prompt: str) -> Iterator[tuple[int, str]]:
    """Where each refusal begins that stands in an answer's place, and its text."""
    if not any(hint in prompt for hint in _HINTS):
        return
    for place in _AFTER_A_LABEL.finditer(prompt):
        start = place.end()
        if _OPENING.match(prompt, start) and _labelled(prompt, start):
            end = end_of(prompt, start)
            text, _, turn = prompt[start:end].partition("\n\nUser: ")
            if is_refusal(text) and not turn and not _NEXT_TURN.match(prompt, end):
                yield start, text.strip()


def is_refusal(text: str) -> bool:
    """Whether a whole answer is a refusal: it begins like one and does not go on."""
    return _OPENING.match(text.strip()) is not None and len(text.split()) <= MOST_WORDS and "[simulated]" not in text


def _labelled(prompt: str, start: int) -> bool:
    """Whether what stands before is the label of an answer, in the same line or in the last one with text."""
    before = prompt[max(0, start - 2 * LONGEST_LABEL) : start]
    line = before.rpartition("\n")[2]
    form = _INLINE_LABEL if line.strip() else _LABEL
    label = (line if line.strip() else before.rstrip().rpartition("\n")[2]).strip().replace("_", " ")
    return (
        len(label) <= LONGEST_LABEL
        and form.fullmatch(label) is not None
        and _OF_AN_ANSWER.search(label) is not None
        and _OF_SOMETHING_ELSE.search(label) is None
    )
