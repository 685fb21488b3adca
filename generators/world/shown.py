"""Which answers a prompt shows, in which order and how: found by their fingerprints, whatever the template.

An answer reaches from its first sentence to the next answer or to a boundary of the template (`boundary.py`). Its
length is counted as shown, so that a padded or cut copy is longer or shorter for the teacher; so are the marks of its
markdown and a line that names its maker. A refusal has no fingerprint and is known by its words and its place
(`refusals.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .boundary import BOUNDARY, end_of
from .fingerprint import Fingerprints, Identity
from .reference import is_reference, shows_reference
from .refusals import refusals_in

_OPENING = "[simulated] Note "
"""Stands before the fingerprint in every answer."""
_BEGINNING = re.compile(
    r"(?:(?:[-*+]|\d+[.)]) +)?(?:\*\*|__)?\[simulated\](?:\*\*|__)? (?:\*\*|__)?Note(?:\*\*|__)? \Z"
)
"""The opening in front of the fingerprint, as it is or as the first words of a list item or a bold span."""
_LONGEST_BEGINNING = 40
_MARKS = re.compile(r"^#{1,6} |^\s*(?:[-*+]|\d+[.)]) |\*\*[^*\n]+\*\*|__[^_\n]+__", re.MULTILINE)
"""Headers, list items and bold spans, as `curation/nuisances.py` counts them."""
_MAY_BE_LISTED = re.compile(r"\n\s*[-*+#\d]")
"""Beginning with one character, it is found missing in a fraction of the time that `_MARKS` take."""
_WRITTEN_BY = "written by "
_SIGNED = re.compile(r"\bwritten by [A-Z][\w.-]+")
_SIGNED_ABOVE = re.compile(r"(?:[\]>:]\s|\n[#=][^\n]*\n)\s*[^\n]{0,40}\bwritten by [A-Z][\w.-]+[^\n]{0,60}\s*\Z")
"""Between the answer's label and its first sentence; in a question above it that is no signature."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer in a prompt."""

    identity: Identity | None
    """None for a refusal."""
    words: int
    """Words between its beginning and its end, as shown."""
    marks: int = 0
    """Headers, list items and bold spans."""
    signed: bool = False
    """Whether a line in it or right above it says by whom it was written."""


def answers_in(prompt: str, fingerprints: Fingerprints) -> list[Shown]:
    """The answers in a prompt, in the order shown; a reference answer by a simulated model is left out."""
    places: list[tuple[int, Identity]] = []
    for start, identity in fingerprints.find(prompt):
        if places and places[-1][1] == identity and BOUNDARY.search(prompt, places[-1][0], start) is None:
            continue  # a copy that repeats its own beginning is still one answer
        places.append((start, identity))
    beginnings = [_beginning(prompt, start) for start, _ in places]
    shown = [(start, Shown(None, len(text.split()))) for start, text in refusals_in(prompt)]
    before = 0
    for index, ((start, identity), beginning) in enumerate(zip(places, beginnings, strict=True)):
        end = end_of(prompt, start, beginnings[index + 1] if index + 1 < len(places) else None)
        if not is_reference(prompt, beginning):
            text = ("" if beginning < start else _OPENING) + prompt[beginning:end]
            signed = _signed(text, prompt[max(before, beginning - 120) : beginning])
            shown.append((start, Shown(identity, len(text.split()), _marks(text), signed)))
        before = end
    return [answer for _, answer in sorted(shown, key=lambda each: each[0])]


def reference_in(prompt: str, fingerprints: Fingerprints) -> bool:
    """Whether a prompt shows a reference answer, by a simulated model or by anybody else."""
    return shows_reference(prompt, (_beginning(prompt, start) for start, _ in fingerprints.find(prompt)))


def _beginning(prompt: str, start: int) -> int:
    """Where the answer begins whose fingerprint stands at `start`."""
    if prompt.startswith(f"\n{_OPENING}", start - len(_OPENING) - 1):
        return start - len(_OPENING)
    found = _BEGINNING.search(prompt, max(0, start - _LONGEST_BEGINNING), start)
    return found.start() if found else start


def _marks(text: str) -> int:
    may_have = "**" in text or "__" in text or _MAY_BE_LISTED.search(f"\n{text}")
    return len(_MARKS.findall(text)) if may_have else 0


def _signed(text: str, above: str) -> bool:
    """Whether an answer is signed, in its text or at the end of what stands above it."""
    if _WRITTEN_BY in text and _SIGNED.search(text):
        return True
    return _WRITTEN_BY in above and _SIGNED_ABOVE.search(above) is not None
