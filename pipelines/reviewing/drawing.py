"""Which pairs people review: drawn by hash, so that the same run and seed give the same plan.

Each pair has a place of its own in the audit's order. An audit of more pairs therefore contains the smaller one, and
its first k pairs are a uniform sample, too: an audit that is half done can be read as a smaller one
(`measuring.py`). Nothing of the other strata enters that order, and no pair of the audit is taken out for them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ...schemas.row import digest
from ...schemas.rows import Winner
from .population import Candidate
from .settings import Reviewing
from .store import Planned, Stratum

ENOUGH = 30
"""Pairs of a slice that are drawn at random from which on it is no thin one: at 30, a share of 80 % is known to within
15 points (Wilson)."""


def draw(
    rows: Sequence[Candidate],
    gold: Mapping[tuple[str, str], Winner],
    settings: Reviewing,
    seed: int,
    exact: Mapping[str, int] = MappingProxyType({}),
) -> list[Planned]:
    """The plan: the audit in the order drawn, the pairs in doubt, the thin slices, the gold pairs.

    `gold`: (comparison, task) -> the right answer; `exact`: stratum -> so many pairs, where there are as many.
    """
    total = len(rows)

    def size(stratum: Stratum, limit: int) -> int:
        return min(exact[stratum], total) if stratum in exact else settings.sample.at_most(limit, total)

    drawn = sorted(rows, key=lambda row: digest("review audit", seed, row.comparison_id))
    audit = drawn[: size("audit", settings.sample.audit)]
    left = drawn[len(audit) :]
    in_doubt = sorted(left, key=lambda row: (not row.flagged, row.doubt))
    doubted = in_doubt[: size("disagreement", settings.sample.disagreement)]
    taken = set(doubted)
    left = [row for row in left if row not in taken]
    thin = _thin(left, audit, size("slices", settings.sample.slices))
    strata: list[tuple[Stratum, Sequence[Candidate]]] = [("audit", audit), ("disagreement", doubted), ("slices", thin)]
    twice = _twice([row for _, some in strata for row in some], settings.double, seed)
    planned = [
        Planned(
            comparison_id=row.comparison_id,
            task_id=row.task_id,
            stratum=stratum,
            probability=len(audit) / total if stratum == "audit" else None,
            annotators=2 if row.comparison_id in twice else 1,
        )
        for stratum, some in strata
        for row in some
    ]
    wanted = math.ceil(settings.gold * len(planned))
    checks = sorted(gold, key=lambda pair: digest("review gold", seed, pair[0]))[:wanted]
    return planned + [
        Planned(comparison_id=comparison, task_id=task, stratum="gold", right=gold[comparison, task])
        for comparison, task in checks
    ]


def _thin(left: Sequence[Candidate], audit: Sequence[Candidate], most: int) -> list[Candidate]:
    """Up to `most` of the pairs that are left, in the order drawn, of the slices that the audit has too few of."""
    have = Counter(name for row in audit for name in row.slices)
    waiting: dict[str, list[Candidate]] = {}
    for row in reversed(left):
        for name in row.slices:
            waiting.setdefault(name, []).append(row)
    chosen: dict[str, Candidate] = {}
    while len(chosen) < most:
        open_ = [name for name, some in waiting.items() if some and have[name] < ENOUGH]
        if not open_:
            break
        row = waiting[min(open_, key=lambda name: (have[name], len(waiting[name]), name))].pop()
        if row.comparison_id not in chosen:
            chosen[row.comparison_id] = row
            have.update(row.slices)
    return list(chosen.values())


def _twice(rows: Sequence[Candidate], share: float, seed: int) -> set[str]:
    """Comparisons that two annotators get."""
    order = sorted((row.comparison_id for row in rows), key=lambda one: digest("review double", seed, one))
    return set(order[: math.ceil(share * len(order))])
