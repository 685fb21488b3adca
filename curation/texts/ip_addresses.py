"""Public IP addresses: those of somebody's machine.

What is public says the `ipaddress` module by IANA's registries of special-purpose addresses, which hold the private
ones and those kept for documentation (RFC 5737, RFC 3849). Not counted are the well-known public resolvers and what is
more likely a version or a network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from .places import Place

_FOUR = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w/]|\.\w)", re.ASCII)
_SIX = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}(?:::?[0-9A-Fa-f]{1,4}){3,7}(?![\w:.])", re.ASCII)
_KNOWN = frozenset((
    "8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112", "208.67.222.222", "208.67.220.220",
    "4.2.2.1", "4.2.2.2", "1.2.3.4", "2.3.4.5", "4.3.2.1", "5.6.7.8", "11.22.33.44", "12.34.56.78", "123.45.67.89",
    "123.123.123.123", "111.111.111.111", "2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111",
    "2606:4700:4700::1001",
))  # fmt: skip
_VERSION = re.compile(r"(?:\bv|version|release|build|section|chapter|firmware|rev(?:ision)?)[ .:]{0,3}$", re.IGNORECASE)


def ip_addresses(text: str) -> Iterator[Place]:
    """Each place with an address that may be somebody's."""
    for pattern in (_FOUR, _SIX):
        for found in pattern.finditer(text):
            before = text[max(0, found.start() - 12) : found.start()]
            if _public(found[0]) and not _VERSION.search(before):
                yield Place(*found.span())


def _public(written: str) -> bool:
    try:
        address = ip_address(written)
    except ValueError:
        return False
    if not address.is_global or address.is_multicast or str(address) in _KNOWN:
        return False
    # 2.0.1.3 is somebody's address, but where people write of it, it is the version of a program.
    return address.version == 6 or (not written.endswith((".0", ".255")) and int(written.partition(".")[0]) > 9)
