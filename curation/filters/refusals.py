"""Refusals: answers in which a model declines the task, told by how they begin.

Counting refusals by their openings is common practice (Zou et al., arXiv 2307.15043; XSTest, arXiv 2308.01263); the
patterns here are our own, written against answers of nine models to the AlpacaEval instructions. English only.
"""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from ...schemas.rows import Answer, Task
from ..texts.prose import ends
from . import AnswerFilter
from ._patterns import compiled

REGRET = (
    r"(?:(?:i'?m|i am)? ?(?:so |very |really |truly |deeply |terribly )?sorry|i'm afraid|i am afraid|(?:my )?apologies|"
    r"i (?:must |do |sincerely )?apologi[sz]e|unfortunately|regrettably)"
)
SELF = (
    r"(?:as an? [^.,\n]{0,60}?(?:\bai\b|language model|assistant|chatbot|artificial intelligence)[^.,\n]{0,60}|"
    r"i(?:'m| am) (?:just |only )?an? [^.,\n]{0,40}?(?:\bai\b|language model|assistant|chatbot)[^.,\n]{0,60})"
)
LEAD_IN = (
    r"(?:no,? |answer:\W*|thank(?:s| you)[^.!\n]{0,80}[.!] ?|"
    r"i (?:understand|appreciate|see|know|realize|realise|'d (?:love|like)|would (?:love|like))[^.!\n]{0,150}?,? "
    r"(?:but|however,?) )?"
)
"""What may stand before the refusal proper."""
TASK = (
    r"(?:accommodate|answer|assist|carry out|comply|condone|create|defend|discuss|do (?:that|this)|endorse|engage|"
    r"facilitate|fulfil|fulfill|generate|give (?:you|legal|medical|financial|advice)|"
    r"help(?! (?:but|it|myself|\w+ing)\b)|"
    r"make (?:fun|jokes)|mock|offer|participate|pretend|proceed|produce|promote|provide|"
    r"recommend(?![^.\n]{0,80}\benough\b)|respond|role-?play|satisfy|suggest|take sides|tell you(?! how\b)|"
    r"write(?! (?:anymore|any more)\b))\b"
)
"""What a task asks for. `I cannot see`, `I do not have access` and the like are limits of knowledge, not refusals."""
DECLINE = (
    r"(?:i (?:(?:can(?:'t|not| not)|could(?:n't| not)|won't|will not|would(?:n't| not)|should(?:n't| not)|must not|"
    r"refuse to|am (?:unable|not (?:able|allowed|permitted|going|programmed|designed|willing)) to)"
    rf" (?:in good conscience |ethically |directly |really |actually )*{TASK}|"
    r"(?:have to|must|need to|will) (?:respectfully |politely )?(?:decline|refuse)\b|"
    r"(?:do not|don't) feel comfortable\b|am not comfortable\b)|"
    rf"i'm (?:(?:unable|not (?:able|allowed|permitted|going|programmed|designed|willing)) to {TASK}|not comfortable\b)|"
    rf"(?:this|that)(?: is not|'s not| isn't) something (?:i can|i'm able to|i am able to) {TASK})"
)
OPENING = re.compile(
    rf"{LEAD_IN}(?:(?:{REGRET}|{SELF})[\s,.!;:–—-]*(?:(?:but|and|that) )?)*{DECLINE}"
    r"(?![^.\n]{0,120}\bwithout (?:more|further|additional|knowing|seeing)\b)",
    re.IGNORECASE,
)
"""A refusal at the beginning of an answer whose apostrophes are straight and whose spaces are single."""
ASKED_FOR = re.compile(
    r"\b(?:write|draft|compose|craft|create|generate|prepare|rewrite|rephrase|paraphrase|translate|reply|respond|answer|"
    r"letter|e-?mail|message|note|ways? to|how (?:to|do|can|should|would))\b"
    r"(?:(?!\b(?:not|never|no|without)\b|n['’]t\b)[^.?!\n]){0,120}?"
    r"\b(?:apolog\w+|declin\w+|refus\w+|reject\w+|turn\w* (?:\w+ ){0,3}down|say\w* (?:no|sorry)|sorry|excuses?)\b"
)
"""Instructions, in lower case, that want such words: letters of apology, polite refusals. `Never refuse` is not one."""
LONGEST = 40_000
"""Characters of an instruction that are looked at."""
GOES_ON = re.compile(r"\n\s*(?:[-*•]|\d+[.)])\s|```")
"""A list or code after the opening: the model went on to answer."""


class Refusals(AnswerFilter):
    """Drops answers that decline the task, such as `I'm sorry, but I can't help with that.`

    A refusal beside an answer makes a pair whose label is about willingness, not about quality, and every judge agrees
    on it. Written for precision: an answer that admits a limit and then goes on to answer is kept, and so is every
    answer to an instruction that asks for an apology or a refusal.
    """

    longest: int = Field(800, ge=1)
    """Characters; a longer answer is kept, because it goes on after the refusal."""
    patterns: tuple[str, ...] = ()
    """Further regular expressions, matched at the beginning, in any case; e.g. for other languages."""

    @field_validator("patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return compiled(patterns)

    def drop(self, task: Task, answer: Answer) -> str | None:
        text = answer.text or ""
        if len(text) > self.longest or GOES_ON.search(text):
            return None
        start = " ".join(text[:500].replace("’", "'").replace("‘", "'").split()).lstrip("*_#> -")
        if not OPENING.match(start) and not any(re.match(one, start, re.IGNORECASE) for one in self.patterns):
            return None
        # Asked last: an instruction may be long, and few answers get here.
        asked_for = ASKED_FOR.search(ends(task.instruction, LONGEST).lower())
        return None if asked_for else f"refuses: {start[:80]!r}"
