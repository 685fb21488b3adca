"""The judgment text of a JudgeLM row: two scores, one space, a newline, the explanation.

JudgeLM's trainer swaps answers by editing this text (`train/train.py`, `swap_first_two_integers` and `swap_aug` at
00c4516): it exchanges what stands before the first space with what stands before the next newline, and the literals
`Assistant 1` and `Assistant 2`. A text that names answers in any other way is wrong after a swap. So names are written
in the one form the swap knows where that changes no meaning, and texts that name answers otherwise are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import CannotCarry

_NUMBER = {"1": "1", "one": "1", "2": "2", "two": "2"}
_ONE = r"(1|2|one|two)(?![A-Za-z0-9]|[.,]\d)"
_JOINT = re.compile(
    rf"(?<![A-Za-z])assistants?\s*[-#]?\s*{_ONE}((?:['’]s)?(?:\s?\([^()\n]{{1,40}}\))?)"
    rf"(\s?/\s?|\s?&\s?|\s+(?:and|or|nor|vs\.?|versus)\s+)#?(?!\1){_ONE}",
    re.IGNORECASE,
)
_LISTED = re.compile(rf"(?<![A-Za-z])assistants\s*#?{_ONE},\s*#?(?!\1){_ONE}", re.IGNORECASE)
_SINGLE = re.compile(rf"(?<![A-Za-z])assistant\s*[-#]?\s*{_ONE}", re.IGNORECASE)
_NAMED = re.compile(r"Assistant [12](?![A-Za-z0-9]|[.,]\d)")

_THING = r"(?:assistant|answer|response|reply|model|chatbot|candidate|output|AI)"
_PLURALS = r"(?:assistants|answers|responses|replies|models|chatbots|candidates|outputs|AIs)"
_GOES_ON = (
    r"(?:is|was|has|had|does|did|gives|gave|provides|provided|offers|offered|explains|explained|fails|failed|lacks|lacked"
    r"|contains|includes|uses|makes|misses|answers|omits|covers|focuses|states|scores|receives|gets|deserves|also|only"
    r"|but|while|whereas|because|since|being)"
)
_AMBIGUOUS = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        (r"(?<![A-Za-z])assistants?[ *_`#(\[\"'-]{0,4}\d", re.IGNORECASE),  # Assistant 3, Assistant 10, Assistant **1**
        (r"(?<![A-Za-z])[Aa]ssistants? [AB](?![A-Za-z])", re.NOFLAG),
        (r"Assistant X", re.NOFLAG),  # the trainer swaps by way of this name
        (rf"\b(?:Answer|[Rr]esponse|[Mm]odel|[Cc]hatbot|[Cc]andidate) [AB]\b|{_PLURALS} A and B\b", re.NOFLAG),
        (rf"\b{_THING} ?[#(]?[12]\b(?!\.\d)", re.IGNORECASE),
        (rf"\b{_PLURALS} #?[12],? (?:and|or|&) #?[12]\b", re.IGNORECASE),
        (rf"\b(?:first|second|1st|2nd|last)(?:[ -]\w+)?[ -](?:{_THING}|one)\b", re.IGNORECASE),
        (rf"\bfirst and (?:the )?second {_PLURALS}\b", re.IGNORECASE),
        (rf"\b(?:first|second) of (?:the|these|those) (?:two )?{_PLURALS}\b", re.IGNORECASE),
        (rf"\bthe (?:first|second)(?:['’]s\b|[.,;:!?)]|$| {_GOES_ON}\b)", re.IGNORECASE | re.MULTILINE),
        (r"\bthe (?:former|latter)\b", re.IGNORECASE),
    )
)


def judgment_text(scores: Sequence[float], rationale: str) -> str:
    """`8 9`, a newline and the explanation with its names in canonical form; an empty explanation keeps the newline.

    Raises `CannotCarry` with the reason `ambiguous_rationale` where the explanation names an answer in a way that a
    swap would not reach: by ordinal, by another noun (`Response 1`), by a letter, or as a third assistant. The rules
    know English only and rather refuse too much.
    """
    explanation = _canonical(rationale.strip())
    others = _NAMED.sub("\x00", explanation)
    if any(pattern.search(others) for pattern in _AMBIGUOUS):
        raise CannotCarry("ambiguous_rationale")
    return f"{' '.join(_shortest(score) for score in scores)}\n{explanation}"


def swapped_rationale(explanation: str) -> str:
    """A canonical explanation for the answers in reverse order."""
    return _NAMED.sub(lambda name: "Assistant 2" if name[0][-1] == "1" else "Assistant 1", explanation)


def _canonical(rationale: str) -> str:
    text = _JOINT.sub(
        lambda m: f"Assistant {_NUMBER[m[1].lower()]}{m[2]}{m[3]}Assistant {_NUMBER[m[4].lower()]}", rationale
    )
    text = _LISTED.sub(lambda m: f"Assistant {_NUMBER[m[1].lower()]}, Assistant {_NUMBER[m[2].lower()]}", text)
    return _SINGLE.sub(lambda m: f"Assistant {_NUMBER[m[1].lower()]}", text)


def _shortest(score: float) -> str:
    return str(int(score)) if score == int(score) else repr(score)
