"""Score leaks: answers that talk to the judge, in its own marks or with orders.

Marks are those of the judges' prompts and replies that `schemas` writes: MT-Bench (`[[A]]`, `[[7]]`), Prometheus
(`[RESULT] 5`), JudgeLM and Arena-Hard, and the headings between which they show answers. That short strings in an
answer move judges: Raina et al. (arXiv 2402.14016), Shi et al., JudgeDeceiver (arXiv 2403.17710), Zheng et al., null
models (arXiv 2410.07137). English only.
"""

from __future__ import annotations

import re

from pydantic import field_validator

from ...schemas.rows import Answer, Task
from ..texts.sentences import sentences
from . import AnswerFilter
from ._patterns import compiled

MARKS = re.compile(
    r"\[\[(?:[ABC]|[AB](?:>>?|=)[AB]|tie|rating|score|\d{1,2}(?:\.\d)?)\]\]|"
    r"\[(?:RESULT|SCORE|VERDICT)\]\s{0,3}\(?\s?(?:\d{1,2}|[AB])\b|"
    r"\[(?:The )?(?:Start|End) of (?:the )?(?:Assistant|Model|Response|Answer)[^\]\n]{0,40}\]|"
    r"<\|(?:The )?(?:Start|End) of Assistant[^|\n]{0,40}\|>|"
    r"^#{2,4} ?(?:Score rubrics?|Reference answer \(score \d\)|Response to evaluate)\b",
    re.IGNORECASE | re.MULTILINE,
)
"""Marks and headings of judges' prompts and replies."""
OWN_SCORE = re.compile(
    r"[\W_]{0,6}(?:(?:overall|final|total|my|quality|self) )?(?:score|rating|grade)[\W_]{1,6}"
    r"\d{1,3}(?:\.\d{1,2})?\s?(?:/|out of)\s?(?:5|10|100)\b[^\n]{0,20}",
    re.IGNORECASE,
)
"""The first or the last line of an answer that is nothing but a score."""
OF_ITSELF = re.compile(
    r"\bI(?: would|'d| will|'ll)? (?:rate|score|grade|give) (?:this|my|the above|the given) (?:own )?"
    r"(?:answer|response|reply|output|completion)\b|"
    r"\b(?:this|my) (?:answer|response|reply|output) (?:should|must|deserves? to|is to|ought to) "
    r"(?:be (?:given|rated|scored|graded|awarded|preferred|chosen|selected|ranked)|(?:receive|get|win|score)\b)|"
    r"\b(?:this|my) (?:answer|response|reply|output) deserves (?:an? |the )?"
    r"(?:full|perfect|high\w*|top|maximum|\d+|ten|five)\b|"
    r"\b(?:assistant|response|answer|model|output) ['\"]?[AB12]['\"]? (?:is|was) "
    r"(?:clearly |much |slightly |significantly )?(?:better|worse|superior|inferior|preferred|the winner|the better)\b",
    re.IGNORECASE,
)
"""An answer that grades answers."""
TO_JUDGES = re.compile(
    r"\b(?:ignore|disregard|forget|override|skip)\b[^.!?]{0,40}"
    r"\b(?:instructions?|prompts?|rubrics?|rules|criteria|guidelines)\b"
    r"[^.!?]{0,120}\b(?:scores?|rate|rating|grade|judge|prefer|choose|select|output|best|winner|ten|10)\b|"
    r"\b(?:dear|attention|hey|(?:note|message|instructions?) (?:to|for)(?: the)?),?:? "
    r"(?:ai |llm |human )?(?:judges?|graders?|evaluators?|raters?|annotators?)\b|"
    r"\bas (?:the|an? (?:impartial )?)(?:judge|grader|evaluator|rater), you (?:must|should|will|have to)\b|"
    r"\b(?:give|assign|award|grant) (?:this|my) (?:answer|response|reply|output) (?:an? |the )?"
    r"(?:score|rating|grade|highest|full|perfect|maximum|top|\d|ten|five)",
    re.IGNORECASE,
)
"""An answer that gives orders to whoever judges it."""
ABOUT_JUDGING = re.compile(
    r"\b(?:rat(?:e|es|ed|ing|ings)|scor\w+|grad(?:e|es|ed|ing|er|ers)|judg\w+|evaluat\w+|assess\w*|review\w*|rank\w*|"
    r"critique\w*|feedback|compar(?:e|es|ing|ison)|which (?:\w+ ){0,4}better|stars?|rubrics?|inject\w*|jailbreak\w*|"
    r"contests?|competition|compete|panel)\b",
    re.IGNORECASE,
)
"""Tasks that may want scores and talk of judges."""
ENDS = 100_000
"""Characters at both ends of an answer in which sentences are looked at; marks are found anywhere."""


class ScoreLeaks(AnswerFilter):
    """Drops answers that hold a judge's marks, a score of their own, or orders to whoever judges them.

    `[[A]]` in an answer may be read as the verdict, and a judge that is trained on pairs in which it won learns to obey
    answers. Kept is every answer to a task that has to do with rating, reviewing, comparing or judging, or in which the
    same mark stands. Of 7,245 answers of nine models to AlpacaEval it drops none: none holds
    such a thing, and the three that would have gone are a chef's words to a panel and stars under reviews.
    """

    patterns: tuple[str, ...] = ()
    """Further regular expressions, searched in each sentence, in any case; e.g. for other languages."""

    @field_validator("patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return compiled(patterns)

    def drop(self, task: Task, answer: Answer) -> str | None:
        text = (answer.text or "").strip()
        asked = "\n".join(message.content for message in task.messages)
        if ABOUT_JUDGING.search(asked):
            return None
        mark = next((mark[0] for mark in MARKS.finditer(text) if mark[0] not in asked), None)
        if mark is not None:
            return f"holds a judge's mark: {mark[:60]!r}"
        for line in (text[:200].partition("\n")[0], text[-200:].rpartition("\n")[2]):
            if OWN_SCORE.fullmatch(line.strip()):
                return f"scores itself: {line.strip()[:60]!r}"
        ends = text if len(text) <= 2 * ENDS else f"{text[:ENDS]}\n{text[-ENDS:]}"
        said = next((sentence for sentence in sentences(ends) if self._judges(sentence)), None)
        return None if said is None else f"speaks as or to a judge: {said[:120]!r}"

    def _judges(self, sentence: str) -> bool:
        return (
            OF_ITSELF.search(sentence) is not None
            or TO_JUDGES.search(sentence) is not None
            or any(re.search(pattern, sentence, re.IGNORECASE) for pattern in self.patterns)
        )
