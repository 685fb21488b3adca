"""The words of the simulated world: answers about a task's own words, and teachers' explanations.

Texts are readable filler. They say who wrote what (by fingerprint) and that it is simulated; how good an answer is
can be read from nothing in its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .chance import Chance

REFUSAL = "I'm sorry, but I can't help with that."
UNREADABLE = "[simulated] Both have their merits, and I would rather not put a number or a letter on either of them."

_OPENINGS = (
    "In practice,", "To begin with,", "As a rule,", "More precisely,", "For most people,", "At the same time,",
    "In that light,", "On closer look,", "By comparison,", "Step by step,", "Over time,", "Put differently,",
    "For the same reason,", "Among other things,", "Without going too far,", "As an example,",
)  # fmt: skip
_SUBJECTS = (
    "the question of {}", "a useful view of {}", "what matters about {}", "the part that concerns {}",
    "any plan that involves {}", "the usual advice on {}", "a short note about {}", "the first look at {}",
    "an honest account of {}", "the detail behind {}", "the link to {}", "everything we know of {}",
    "the case for {}", "a second look at {}", "the common idea of {}", "the simplest form of {}",
)  # fmt: skip
_VERBS = (
    "depends on", "goes together with", "is easier to see through", "starts from", "leads back to", "differs from",
    "can be checked against", "rests on", "makes room for", "is best explained by", "comes before", "follows from",
    "should be weighed against", "adds something to", "is shaped by", "points towards",
)  # fmt: skip
_TAILS = (
    "{}", "{} and its limits", "the role of {}", "{} in daily use", "a clear idea of {}", "the history of {}",
    "{} as it is meant here", "the cost of {}", "{} and what surrounds it", "small changes in {}", "{} over the years",
    "the order of {}", "{} from another side", "the people who use {}", "{} in plain words", "the reasons for {}",
)  # fmt: skip
_FILLERS = ("context", "purpose", "detail", "practice", "time", "choice", "measure", "example", "method", "balance")
_COMMON = frozenset(
    (
        "about", "also", "been", "between", "could", "does", "explain", "find", "from", "give", "given", "have", "into",
        "make", "more", "must", "other", "should", "some", "than", "that", "their", "them", "then", "there", "these",
        "they", "this", "those", "using", "very", "want", "were", "what", "when", "where", "which", "while", "will",
        "with", "would", "write", "your",
    )
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_][\w'-]{3,17}")
_SENTENCE_WORDS = 11
_SENTENCES_A_PARAGRAPH = 5

_STRONGER = (
    "gives the more complete reply", "stays closer to what was asked", "is more accurate", "explains its steps better",
    "covers the points that matter", "is the more useful of the two", "holds together better", "leaves fewer gaps",
)  # fmt: skip
_WEAKER = (
    "misses part of the question", "stays vague in places", "makes a claim it does not support", "is less to the point",
    "leaves the reader with open ends", "could be better organised", "repeats itself", "treats one point too briefly",
)  # fmt: skip
_MERITS = ("keeps to the question", "is clearly put", "covers the main point", "gives a usable outline")
_ALIKE = (
    "reply with much the same content", "are equally helpful", "reach the same level of detail", "answer about as well",
)  # fmt: skip


def answer_text(chance: Chance, fingerprint: str, question: str, words: int) -> str:
    """An answer of about so many words (within half a sentence), made of the longer words of the question."""
    words_asked = (word.lower() for word in _WORD.findall(question[:2000]))
    topics = list(dict.fromkeys(word for word in words_asked if word not in _COMMON))[:24]
    topics += _FILLERS[: max(0, 8 - len(topics))]
    first = f"[simulated] Note {fingerprint} on {topics[0]} and {topics[1]}."
    paragraphs = [[first]]
    missing = words - len(first.split())
    for number in chance.numbers("prose", fingerprint):
        if missing <= _SENTENCE_WORDS // 2:
            break
        sentence = _sentence(number, topics)
        missing -= sentence.count(" ") + 1
        if len(paragraphs[-1]) == _SENTENCES_A_PARAGRAPH:
            paragraphs.append([])
        paragraphs[-1].append(sentence)
    return "\n\n".join(" ".join(sentences) for sentences in paragraphs)


def _sentence(number: int, topics: Sequence[str]) -> str:
    """The sentence that the bits of a 64-bit number pick."""
    one, other = number >> 32, number >> 48
    about = topics[one % len(topics)]
    beside = topics[(one + 1 + other % (len(topics) - 1)) % len(topics)]
    subject, verb = _SUBJECTS[number & 15].format(about), _VERBS[number >> 4 & 15]
    tail = _TAILS[number >> 8 & 15].format(beside)
    if number >> 12 & 1:
        return f"{_OPENINGS[number >> 13 & 15]} {subject} {verb} {tail}."
    return f"{subject[0].upper()}{subject[1:]} {verb} {tail}."


def explanation(chance: Chance, call: str, grades: Sequence[int], labels: Sequence[str]) -> str:
    """Why a teacher graded as it did, naming every answer by its label; varies from call to call."""
    first, second, third = chance.digest(3, "explanation", call)
    best, worst = max(grades), min(grades)
    if len(grades) == 1:
        return f"[simulated] {labels[0]} {_MERITS[first % 4]}, but it {_WEAKER[second % 8]}."
    if best == worst:
        return f"[simulated] {' and '.join(labels)} {_ALIKE[first % 4]}. None stands out enough to be preferred."
    winner, loser = labels[grades.index(best)], labels[grades.index(worst)]
    between = [label for label in labels if label not in (winner, loser)]
    reasons = (f"{winner} {_STRONGER[first % 8]}", f"{loser} {_WEAKER[second % 8]}")
    joined = ", while ".join(reasons if third % 2 else reasons[::-1])
    rest = f" {' and '.join(between)} {'stand' if len(between) > 1 else 'stands'} between them." if between else ""
    return f"[simulated] {joined}.{rest} The grades follow from this difference."


def cut(text: str, share: float) -> str:
    """The beginning of a text: about that share of its characters, at least one."""
    return text[: max(1, round(len(text) * share))]
