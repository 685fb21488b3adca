"""Data licences: how their names are written, what they ask for, and what several of them leave together.

Names are the Hub's (https://huggingface.co/docs/hub/repositories-licenses). What a licence asks for is taken from its
own text, for Creative Commons from https://creativecommons.org/share-your-work/cclicenses/. This is bookkeeping, not
legal advice: a licence that is not in the table is unknown, and is said to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

UNKNOWN, OTHER = "unknown", "other"


@dataclass(frozen=True, slots=True, order=True)
class Licence:
    """One licence and what it asks of those who pass the data on."""

    name: str
    """As the Hub writes it."""
    address: str
    non_commercial: bool = False
    share_alike: bool = False
    no_derivatives: bool = False


_SPDX = {
    "apache-2.0": "Apache-2.0", "mit": "MIT", "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause",
    "isc": "ISC", "unlicense": "Unlicense", "cc0-1.0": "CC0-1.0", "pddl": "PDDL-1.0", "odc-by": "ODC-By-1.0",
    "cdla-permissive-1.0": "CDLA-Permissive-1.0", "cdla-permissive-2.0": "CDLA-Permissive-2.0",
}  # fmt: skip
_SPDX_SHARE_ALIKE = {
    "odbl": "ODbL-1.0", "cdla-sharing-1.0": "CDLA-Sharing-1.0", "gfdl": "GFDL-1.3-or-later",
    "gpl-2.0": "GPL-2.0-only", "gpl-3.0": "GPL-3.0-only", "agpl-3.0": "AGPL-3.0-only",
}  # fmt: skip
_ALIASES = {
    "apache": "apache-2.0", "apache 2": "apache-2.0", "mit license": "mit", "cc0": "cc0-1.0",
    "public domain": "cc0-1.0", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl", "odbl-1.0": "odbl",
}  # fmt: skip
_CREATIVE_COMMONS = re.compile(
    r"(?:https?://creativecommons\.org/licenses/|cc[ -]?)by(?P<nc>-nc)?(?P<more>-sa|-nd)?[-/ ]?(?P<version>\d\.\d)?/?"
)


def licence_named(text: str | None) -> Licence | None:
    """The licence that a source's text names; None for none, and for one that is not known."""
    name = re.sub(r"[\s_]+", " ", (text or "").strip().lower()).removesuffix(" licence").removesuffix(" license")
    name = _ALIASES.get(name, name)
    name = name.replace("apache ", "apache-").removeprefix("the ")
    if name in _SPDX:
        return Licence(name, f"https://spdx.org/licenses/{_SPDX[name]}.html")
    if name in _SPDX_SHARE_ALIKE:
        return Licence(name, f"https://spdx.org/licenses/{_SPDX_SHARE_ALIKE[name]}.html", share_alike=True)
    found = _CREATIVE_COMMONS.fullmatch(name.replace(" ", "-"))
    if found is None:
        return None
    kind, version = f"by{found['nc'] or ''}{found['more'] or ''}", found["version"] or "4.0"
    return Licence(
        f"cc-{kind}-{version}",
        f"https://creativecommons.org/licenses/{kind}/{version}/",
        non_commercial=found["nc"] is not None,
        share_alike=found["more"] == "-sa",
        no_derivatives=found["more"] == "-nd",
    )


def together(licences: Iterable[Licence]) -> tuple[Licence, ...] | None:
    """Licences under which a set may be passed on whose rows have these; None where they exclude each other.

    One that asks for the same licence, or forbids commercial use, holds for the whole set. Permissive ones all stand:
    each for its rows.
    """
    found = sorted(set(licences))
    strict = [one for one in found if one.share_alike or one.no_derivatives]
    commercial = [one for one in found if one.non_commercial]
    if strict:
        (first, *others) = strict
        return (first,) if not others and (first.non_commercial or not commercial) else None
    return (commercial[-1],) if commercial else tuple(found)
