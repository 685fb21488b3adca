"""Where a reply could have said something else: its numbers and words, each with what could have stood there.

A number may be one token or several: a tokeniser may write `10` as `1`, `0`. What is said at a place is therefore
followed through its tokens. At the first one, an alternative is another value, and what was left of the old one is
dropped; at each later one, and at the token after the last, the alternatives say whether the value goes on or ends.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from .probabilities import Token

SURE = 0.9999
"""Probability from which a token is taken for certain: the rest moves a score from 1 to 10 by less than 0.001."""

_VALUE = re.compile(r"(?<![^\W_])-?[0-9]+(?:\.[0-9]+)?(?![^\W_])|[^\W_]+|[<>=]+")
"""What can stand at a place: a number, a word or letters, or a comparison such as `>>`."""
_BEGINS = re.compile(rf"(?:[^\w<>=/]|_)*?({_VALUE.pattern})")
"""A value at the beginning of a token, after blanks, brackets or quotes."""
_GOES_ON = {True: re.compile(r"[0-9]+(?:\.[0-9]+)?"), False: re.compile(r"[^\W_]+"), None: re.compile("[<>=]+")}


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a reply: the characters from `start` to `end` hold one value."""

    start: int
    end: int
    value: str
    first: int
    """Number of the token it begins in."""
    last: int
    """Number of the token it ends in."""


class Spelled:
    """A reply with its tokens. Tokens that are no part of its text, such as an end mark or hidden reasoning, are left
    out of account.

    Raises `ValueError` where the tokens do not spell the text.
    """

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        whole = "".join(token.text for token in tokens)
        offset = whole.rfind(text)
        if offset < 0:
            raise ValueError("the tokens do not spell the reply")
        self.text, self._tokens = text, tokens
        # Of each token, where it begins in the text; tokens before the text begin below 0.
        self._starts = [start - offset for start in accumulate((len(token.text) for token in tokens), initial=0)]

    def slots(self) -> Iterator[Slot]:
        """The places of the reply at which a token begins something that could have been something else."""
        for found in _VALUE.finditer(self.text):
            first, last = self._at(found.start()), self._at(found.end() - 1)
            slot = Slot(found.start(), found.end(), found[0], first, last)
            # The token after it may say that it goes on.
            if self._leads(slot) and any(token.probability < SURE for token in self._tokens[first : last + 2]):
                yield slot

    def put(self, slots: Sequence[Slot], value: str) -> str:
        """The text with the same value in some places, given in order."""
        pieces, place = list[str](), 0
        for slot in slots:
            pieces += [self.text[place : slot.start], value]
            place = slot.end
        return "".join([*pieces, self.text[place:]])

    def values(self, slot: Slot) -> dict[str, float]:
        """Every value that could have stood there with its probability; what is no value is missing from 1.

        It is missing at the first token only. At a later one, what is neither a longer value nor the end of this one
        takes nothing from it: nobody knows what would have followed the alternatives to the first.
        """
        found: dict[str, float] = {}
        begins, piece = self._tokens[slot.first], self._piece(slot, slot.first)
        weight = begins.probability
        for text, probability in begins.others:
            value = self._begun(slot, text)
            if value == piece:
                weight += probability  # The same beginning, with other blanks before it.
            elif value is not None:
                found[value] = found.get(value, 0.0) + probability
        for number in range(slot.first + 1, slot.last + 2):
            if number == len(self._tokens) or self._starts[number] > slot.end:
                break  # The token it ends in goes on after it, and so has ended it.
            token, before, piece = self._tokens[number], self._piece(slot, number - 1), self._piece(slot, number)
            goes_on, others = token.probability, list[tuple[str, float]]()
            for text, probability in token.others:
                value = _continued(before, text)
                if value == piece:
                    goes_on += probability
                elif value is not None:
                    others.append((value, probability))
            share = weight / (goes_on + sum(probability for _, probability in others) or 1.0)
            for value, probability in others:
                found[value] = found.get(value, 0.0) + share * probability
            weight = share * goes_on
        found[slot.value] = found.get(slot.value, 0.0) + weight
        return found

    def merges_digits(self) -> bool:
        """Whether the tokeniser is seen to write a number of several digits as one token."""
        return any(
            text[-2:].isdecimal() and len(text) > 1
            for token in self._tokens
            for text in (token.text, *(other for other, _ in token.others))
        )

    def _at(self, place: int) -> int:
        """Number of the token that holds a character; tokens without text hold none."""
        return bisect_right(self._starts, place) - 1

    def _leads(self, slot: Slot) -> bool:
        """Whether the place holds the first value of the token it begins in: its alternatives are about that one."""
        before = self.text[max(0, self._starts[slot.first]) : slot.start]
        return _VALUE.search(before) is None

    def _piece(self, slot: Slot, number: int) -> str:
        """As much of the value as has been said with this token."""
        return slot.value[: self._starts[number + 1] - slot.start]

    def _begun(self, slot: Slot, text: str) -> str | None:
        """The value that an alternative to a place's first token begins."""
        start = self._starts[slot.first]
        if 0 < start < slot.start and self.text[start - 1].isalnum() and (text[:1].isalnum() or text[:1] == "."):
            return None  # It goes on with the value before: that is another place.
        found = _BEGINS.match(text)
        return found[1] if found else None


def _continued(said: str, text: str) -> str | None:
    """The value after one more token: longer, or at its end; None where it is neither, as after `8.` or `8/`."""
    kind = None if said[-1] in "<>=" else said.lstrip("-").replace(".", "").isdecimal()
    more = _GOES_ON[kind].match(text)
    if more is not None:
        return said + more[0]
    return None if text[:1].isalnum() or (kind and text[:1] in (".", "/")) else said
