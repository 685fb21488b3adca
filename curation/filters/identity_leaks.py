"""Identity leaks: answers in which a model says which model it is, or who made it.

The patterns are our own, written against the answers of nine models to AlpacaEval. English only.
"""

from __future__ import annotations

import re

from pydantic import field_validator

from ...schemas.rows import Answer, Task
from ..texts.model_names import LABS, MAKERS, MODELS, NAMES, SHARED_NAMES
from ..texts.prose import LONGEST
from ..texts.sentences import sentences
from . import AnswerFilter
from ._patterns import compiled

AI = r"\b(?:ai|a\.i\.|artificial intelligence|language model|llm|chat ?bot|assistant)\b"
I_AM = r"\b(?:i am|i'm|i am called|i'm called|my name is|my name's|call me|i go by)(?: (?:actually|just))?"
CREATED = r"(?:created|developed|designed|made|built|programmed)"
AND = r"(?:,? (?:and|&) [a-z-]+ed)?(?: [a-z]+){0,2}"
BY = r"by(?: the| a| an| researchers| engineers| people| team| folks| at| from| of| in){0,5}"
NAMED = re.compile(rf"\b(?:{MAKERS}|{MODELS}|{SHARED_NAMES})", re.IGNORECASE)
IS_AI = re.compile(AI, re.IGNORECASE)
BY_MAKER = re.compile(
    # As an AI language model developed by OpenAI; I'm Claude, an AI assistant created by Anthropic
    rf"(?:\bas|\bi am|\bi'm|\bbeing)\b[^.!?]{{0,80}}?{AI}[^.!?]{{0,40}}?\b(?:{CREATED}|trained){AND} {BY} {MAKERS}|"
    # I was created by Google; people are trained by firms, too
    rf"\b(?:i was|i've been|i have been|i am|i'm)(?: [a-z]+ly)? "
    rf"(?:{CREATED}{AND} {BY} {MAKERS}|trained{AND} {BY} {LABS})|"
    rf"\bmy (?:creators?|developers?|makers?|trainers?)\b(?: at| are| is|,)(?: the)? {MAKERS}|"
    rf"\b(?:{MAKERS} (?:has |have )?{CREATED}|{LABS} (?:has |have )?trained) me\b",
    re.IGNORECASE,
)
AS_MODEL = re.compile(
    # I'm ChatGPT; you can call me "Vicuna"; As GPT-4, I; not: I'm Claude Shannon
    rf"(?:{I_AM} [\"'*_]{{0,3}}|\bas (?=\S+,? i\b))(?:{MODELS}|{SHARED_NAMES}(?-i:(?! [A-Z])))(?!'s\b)|"
    # I'm an AI assistant called Claude
    rf"\b(?:i am|i'm|as) an? [^.!?]{{0,40}}?{AI}[^.!?,]{{0,20}}? (?:called|named|known as) [\"'*_]{{0,3}}"
    rf"(?:{MODELS}|{SHARED_NAMES})",
    re.IGNORECASE,
)
AN_AI = r"an? (?:(?!for\b|of\b|in\b|on\b)[\w-]+ ){0,3}?(?:ai|artificial intelligence|language model|llm)\b"
AS_AI = re.compile(
    rf"\b(?:as|being) {AN_AI}[^.!?]{{0,80}}?\b(?:i|my|i'm)\b|\b(?:i am|i'm) (?:[a-z]+ly |just )?{AN_AI}", re.IGNORECASE
)
ASKED = re.compile(
    r"\b(?:who|what) (?:exactly )?are you\b(?! \w+ing\b)|\bwhat (?:should|can|do|may) (?:i|we) call you\b|"
    r"\bwho (?:made|created|built|developed|trained|designed|owns) you\b|"
    r"\byour (?:(?:real|full|own) )?(?:name|maker|creators?|developers?|identity)\b|"
    r"\b(?:introduce|describe|tell me (?:more )?about) yourself\b|\b(?:which|what) (?:[\w-]+ ){0,3}are you\b|"
    rf"\bare you (?:an? |the |really |actually )*(?:{AI}|bot\b|human\b|robot\b|machine\b|{MODELS})|"
    r"\bhow (?:were you|do you) (?:made|created|trained|built|developed|work)\b",
    re.IGNORECASE,
)
"""Tasks that ask a model who it is."""


class IdentityLeaks(AnswerFilter):
    """Drops answers in which a model names itself or its maker: `I'm Claude, an AI assistant created by Anthropic.`

    A judge that reads who wrote an answer can learn to prefer a name, and teachers do prefer their own answers
    (Panickssery et al., arXiv 2404.13076). Kept is every answer to a task that asks the model who it is, or that names
    the same model or maker. Of 7,245 answers of nine models to AlpacaEval it drops 19, all
    of them rightly.
    """

    unnamed: bool = False
    """Also drop answers that say that a model wrote them and not which: `As an AI language model, …`. Of the same
    answers 86 more, 85 of them rightly."""
    patterns: tuple[str, ...] = ()
    """Further regular expressions, searched in each sentence, in any case; e.g. for other languages."""

    @field_validator("patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return compiled(patterns)

    def drop(self, task: Task, answer: Answer) -> str | None:
        text = (answer.text or "")[:LONGEST]
        lowered = text.lower()
        named = any(name in lowered for name in NAMES)
        if not (named or self.unnamed or self.patterns) or ASKED.search(task.instruction):
            return None
        found = next((sentence for sentence in sentences(text) if self._leaks(sentence, task, named)), None)
        return None if found is None else f"says who wrote it: {found[:120]!r}"

    def _leaks(self, sentence: str, task: Task, named: bool) -> bool:
        names = [name[0].lower() for name in NAMED.finditer(sentence)] if named else []
        if names and (BY_MAKER.search(sentence) or self._is_model(sentence)):
            asked = " ".join(message.content for message in task.messages).lower()
            return not any(name in asked for name in names)
        return (self.unnamed and AS_AI.search(sentence) is not None) or any(
            re.search(pattern, sentence, re.IGNORECASE) for pattern in self.patterns
        )

    @staticmethod
    def _is_model(sentence: str) -> bool:
        """A name that others have, too, counts only beside a word for what a model is."""
        found = AS_MODEL.search(sentence)
        if found is None:
            return False
        sure = re.search(MODELS, found[0], re.IGNORECASE)
        return sure is not None or IS_AI.search(sentence) is not None
