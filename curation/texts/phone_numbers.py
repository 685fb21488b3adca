"""Telephone numbers of people: international ones, written with a plus, and those of the North American plan.

An international number has up to 15 digits behind the plus (ITU-T E.164); a North American one is an area code, an
exchange, neither beginning with 0 or 1, and four digits (nanpa.com), and is only taken for one where it is written in
groups. Not counted are numbers that belong to nobody: exchange or area 555 and toll-free areas (NANPA), those that
Ofcom keeps for drama, and runs of digits in order or of the same one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .places import Place

_GROUPED = re.compile(
    r"(?<![\w.+/-])(?:\+?1[ .-]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\w/-]|\.\d)", re.ASCII
)
_WITH_PLUS = re.compile(r"(?<![\w+])\+[1-9](?:[ .-]?[ (]?\d\)?){7,14}(?![\w])", re.ASCII)
_TOLL_FREE = ("800", "888", "877", "866", "855", "844", "833", "822")
_DRAMA = re.compile(r"44(?:7700900|1632960|20794600|11[3-8]496|121496|131496|141496|151496|161496|191498)\d*")
_IN_ORDER = re.compile(r"(?=(?:1234567|2345678|3456789|4567890|9876543|8765432|234567|345678|456789|567890))")


def phone_numbers(text: str) -> Iterator[Place]:
    """Each place with a number that may be a person's."""
    for pattern in (_GROUPED, _WITH_PLUS):
        for found in pattern.finditer(text):
            if not _nobodys(re.sub(r"\D", "", found[0])):
                yield Place(*found.span())


def _nobodys(digits: str) -> bool:
    national = digits[-10:]
    american = len(digits) == 10 or (len(digits) == 11 and digits[0] == "1")
    if american and ("555" in (national[:3], national[3:6]) or national[:3] in _TOLL_FREE):
        return True
    return len(set(digits[-7:])) <= 2 or _IN_ORDER.search(digits) is not None or _DRAMA.match(digits) is not None
