"""Which of two answers a text says is better, where it says so in so many words.

Judges' prompts call the answers Assistant 1 and 2 (JudgeLM), Assistant A and B (MT-Bench), Response A and B
(Prometheus), Response 1 and 2 (PandaLM); teachers write `the first answer` as well. The phrases are our own, written so
that what is found is right and much is not found: whether one answer is clearer, or better in one respect, or would be
better if, is not which one is better. English only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .sentences import sentences

Better = Literal[0, 1, "tie"]
"""Number of the better answer, in the order in which they were shown; or that neither is."""
LAST = 3
"""Sentences at the end of a text that conclude it."""
TAIL = 4_000
"""Characters at the end of a text in which these are looked for."""

_NOUN = r"(?:assistant|response|answer|reply|output|completion|chatbot)"
_NAMES = re.compile(
    rf"(?:(?:the )?(?:ai )?\b{_NOUN} [\"'(*\[]{{0,2}}(?P<mark>1|2|a|b|one|two)\b(?:(?!'s)[\"')*\]]){{0,2}}|"
    rf"(?:\bthe |(?<!\w )\b)(?P<place>first|second) (?:ai )?{_NOUN}\b)(?:'s(?: {_NOUN}| explanation)?)?",
    re.IGNORECASE,
)
_FIRST = frozenset({"1", "a", "one", "first"})
_X, _Y = r"<(?P<x>[01])>", r"<(?P<y>[01])>"
_HOW = (
    r"(?:(?:therefore|thus|overall|clearly|definitely|ultimately|generally|still|hence|also|then|much|far|by far|"
    r"slightly|significantly|somewhat|marginally|a bit|a little|considerably|noticeably|substantially|undoubtedly|"
    r"simply|both|the|a|an),? )*"
)
_IS = rf",? {_HOW}(?:is|was|remains|stands out as|comes out as|emerges as|proves to be) {_HOW}"
_GOOD = r"(?:better|superior|stronger|preferable|preferred|best|favou?red)"
_BAD = r"(?:worse|inferior|weaker)"
_OVERALL = (
    rf"(?:(?: overall| quality| {_NOUN}| choice| option| one| of the two| here)*"
    rf"(?: (?:than|to|over|compared to) (?:{_Y}|the other(?: one| {_NOUN})?))?)"
    r"(?=[.,;:!)]|$| (?:because|as|since|due to|and|with|based on|given|"
    r"for (?:this|these) (?:reasons?|task|question))\b)"
)
"""What may follow: a comparison of the whole. `better in terms of style` and `better at explaining` are not."""
_CLAIMS = tuple(
    (re.compile(pattern, re.IGNORECASE), wins)
    for pattern, wins in (
        (rf"{_X}{_IS}{_GOOD}{_OVERALL}", True),
        (rf"{_X}{_IS}{_BAD}{_OVERALL}", False),
        (rf"{_X}{_IS}(?:clear )?winner\b", True),
        (
            rf"{_X},? {_HOW}(?:provides|provided|gives|gave|offers|offered|delivers|delivered|has|had) {_HOW}"
            rf"{_GOOD} (?:overall |quality )?{_NOUN}(?=[.,;:!)]|$| (?:overall|because|as|since|than|due to)\b)",
            True,
        ),
        (rf"\b(?:i|we) (?:would |do |thus |therefore |strongly |slightly )*(?:prefer|choose|favou?r|pick) {_X}", True),
        (
            rf"\b{_GOOD} (?:{_NOUN}|one|choice|option)(?: overall| here| of the two)*,? (?:is|was|goes to|comes from)"
            rf"(?: therefore| thus| clearly| from| that of)*:? {_X}",
            True,
        ),
        (rf"{_X},? {_HOW}(?:outperforms|outperformed|surpasses|surpassed|beats) {_Y}(?=[.,;:!)]|$| overall)", True),
        (rf"{_X},? {_HOW}wins(?=[.,;:!)]|$| overall| the comparison)", True),
        (
            rf"{_X},? {_HOW}(?:deserves|receives|gets|earns|merits|is given|scores|is rated|should be rated|"
            rf"is scored) {_HOW}higher(?: overall)?(?: score| rating| grade)?"
            r"(?=[.,;:!)]|$| (?:than|because|as|since|overall)\b)",
            True,
        ),
    )
)
"""What is said of one answer, with names as `<0>` and `<1>`, and whether it speaks for it."""
_TIE = re.compile(
    rf"(?:\bboth (?:\w+ )?{_NOUN}s|<[01]> and <[01]>|\bthe two {_NOUN}s) (?:are|were) (?:therefore |thus |overall )*"
    r"(?:equally good|of equal quality|equal in quality|tied|equally matched|of the same quality)(?=[.,;:!)]|$)|"
    r"\b(?:it|this|the (?:result|verdict|comparison)) is (?:therefore |thus |overall )?a (?:tie|draw)\b",
    re.IGNORECASE,
)
_CONCEDED = re.compile(r"^\W*(?:while|although|though|even though|whereas|despite|even if)\b[^,]*,", re.IGNORECASE)
_NOT_SAID = re.compile(
    r"\b(?:if|unless|whether|when|depend\w*|hard to|difficult to|cannot|never|not|no|neither|nor|hardly|some|might|"
    r"could|may|argu\w+|claim\w*|for (?:users?|those|someone|people|readers)|should have|had|instead of|rather than|"
    r"at first|initially|suppos\w+|assum\w+|says|states|thinks|considering|in terms of|regarding|concerning|as for|"
    r"with respect to|when it comes to)\b|n't\b",
    re.IGNORECASE,
)
"""Before a claim: it is not made, or not of the whole."""


@dataclass(frozen=True, slots=True)
class Preference:
    """What a text concludes."""

    better: Better
    sentence: str
    """The sentence that says so."""


def preference(text: str) -> Preference | None:
    """What the last sentences of a text say is better; None where they do not say, or say both."""
    found = []
    for sentence in list(sentences(text[-TAIL:]))[-LAST:]:
        said = set(_said(sentence))
        if len(said) > 1:
            return None
        found += [Preference(better, sentence) for better in said]
    return found[-1] if len({one.better for one in found}) == 1 else None


def _said(sentence: str) -> Iterator[Better]:
    if sentence.startswith(('"', "'", ">")) or "?" in sentence:
        return
    marked = _NAMES.sub(_numbered, sentence.replace("**", ""))
    marked = _CONCEDED.sub("", marked)
    for pattern, wins in _CLAIMS:
        for found in pattern.finditer(marked):
            one = found["x"]
            if not _NOT_SAID.search(marked[: found.end()]) and found.groupdict().get("y") != one:
                yield 0 if (one == "0") == wins else 1
    tie = _TIE.search(marked)
    if tie is not None and not _NOT_SAID.search(marked[: tie.end()]):
        yield "tie"


def _numbered(name: re.Match[str]) -> str:
    return "<0>" if (name["mark"] or name["place"]).lower() in _FIRST else "<1>"
