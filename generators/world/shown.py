"""Which answers a prompt shows, in which order and how long: found by their fingerprints, whatever the template.

An answer reaches from its first sentence to the next answer or to a line that looks like part of a template: one that
begins with `[`, `#`, `<`, `{`, `=`, a rule or quotes, or that is a label (`Response B:`). Its length is counted as
shown, so that a padded or cut copy is longer or shorter for the teacher although its quality is the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .fingerprint import Fingerprints, Identity

_BOUNDARY = re.compile(
    r"\n[ \t]*(?:\[(?!simulated\])|[#<{=]|-{3}|\"{3}|`{3}|\*\*[A-Z][^*\n]{0,60}:|[A-Z][\w '()]{0,40}:[ \t]*(?:\n|\Z)"
    r"|(?:Assistant|Response|Answer|Output|Candidate|Completion|Reference|Instruction|Question)\b[\w '()]{0,40}:)"
)
_OPENING = "[simulated] Note "
"""Stands before the fingerprint in every answer."""
_LONGEST_LABEL = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer in a prompt."""

    identity: Identity
    words: int
    """Words between its beginning and its end, as shown."""


def answers_in(prompt: str, fingerprints: Fingerprints) -> list[Shown]:
    """The answers in a prompt, in the order shown; a reference answer by a simulated model is left out."""
    places: list[tuple[int, Identity]] = []
    for start, identity in fingerprints.find(prompt):
        if places and places[-1][1] == identity and _BOUNDARY.search(prompt, places[-1][0], start) is None:
            continue  # a copy that repeats its own beginning is still one answer
        places.append((start, identity))
    shown = []
    for index, (start, identity) in enumerate(places):
        end = places[index + 1][0] if index + 1 < len(places) else len(prompt)
        if not _is_reference(prompt, start):
            boundary = _BOUNDARY.search(prompt, start, end)
            text = _OPENING + prompt[start : boundary.start() if boundary else end].removesuffix(_OPENING)
            shown.append(Shown(identity, len(text.split())))
    return shown


def _is_reference(prompt: str, start: int) -> bool:
    """Whether the label before an answer calls it a reference."""
    before = prompt[max(0, start - 2 * _LONGEST_LABEL) : start].removesuffix(_OPENING)
    label = before.rstrip().rpartition("\n")[2]
    return len(label) <= _LONGEST_LABEL and "reference" in label.lower()
