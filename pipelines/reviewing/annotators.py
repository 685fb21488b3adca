"""How annotators work: how far they are, how long they take, whether they lean to a place, and what they miss.

Their agreement with each other is over the pairs that two of them have decided. That of the audit's pairs is the most
that teachers, measured on the same pairs, can be expected to reach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from ...curation.agreement.cohen import cohen_kappa
from ...curation.agreement.estimate import plain_or_why
from ...curation.agreement.share import share
from ...schemas.rows import Review, Winner
from .shown import as_shown
from .store import STRATA, GoldSaid, Handed, Planned


def by_annotator(
    planned: Mapping[str, Planned],
    handed: Sequence[Handed],
    reviews: Mapping[tuple[str, str], Review],
    gold: Mapping[tuple[str, str], GoldSaid],
) -> dict[str, Any]:
    """Annotator -> figures, as JSON values. `reviews`, `gold`: (comparison, annotator) -> what was said.

    Keys: `handed`, `done` and `by_stratum`; `cannot_judge`; `seconds`, the median of a record, or None; `first`, of
    the decisions for one answer, the share for the one shown first (0.5 is no lean); `gold`: `checked`, `wrong` (the
    altered answer, or a tie) and `cannot_judge`.
    """
    found = {}
    for name in sorted({row.annotator for row in handed}):
        theirs = [row for row in handed if row.annotator == name]
        keys = [(row.comparison_id, name) for row in theirs]
        said = [reviews[key] for key in keys if key in reviews]
        checks = [gold[key] for key in keys if key in gold]
        both: list[Review | GoldSaid] = [*said, *checks]
        seconds = [one.seconds for one in both if one.seconds is not None]
        firsts = [
            as_shown(reviews[key].winner or "tie", row.shown) == "A"
            for row, key in zip(theirs, keys, strict=True)
            if key in reviews and reviews[key].winner in ("first", "second")
        ]
        done = Counter(planned[one.comparison_id].stratum for one in both)
        found[name] = {
            "handed": len(theirs),
            "done": len(both),
            "by_stratum": {stratum: done[stratum] for stratum in STRATA if done[stratum]},
            "cannot_judge": sum(one.winner is None for one in said),
            "seconds": round(median(seconds), 1) if seconds else None,
            "first": plain_or_why(lambda firsts=firsts: share(firsts)),  # type: ignore[misc]
            "gold": {
                "checked": len(checks),
                "wrong": sum(one.winner not in (None, one.right) for one in checks),
                "cannot_judge": sum(one.winner is None for one in checks),
            },
        }
    return found


def among_people(rows: Sequence[Planned], people: Mapping[str, Sequence[Review]]) -> dict[str, Any]:
    """How far two people agree on a pair, as JSON values: `agreement` and `kappa`, under `audit` and `all`."""
    return {
        key: two_people([row for row in rows if row.stratum in chosen], people, lambda review: review.winner)
        for key, chosen in (("audit", ("audit",)), ("all", STRATA))
    }


def two_people(
    rows: Sequence[Planned], people: Mapping[str, Sequence[Review]], says: Callable[[Review], Winner | None]
) -> dict[str, Any]:
    """How far two people agree on what they say of a pair, as JSON values: `agreement` and `kappa`.

    Of more than two who have decided a pair, the first two by name; so are kappa's first and second rater.
    """
    units: list[tuple[Winner, Winner]] = []
    tasks: list[str] = []
    for row in rows:
        some = sorted(people.get(row.comparison_id, ()), key=lambda review: review.annotator)
        decided = [winner for review in some if (winner := says(review)) is not None]
        if len(decided) > 1:
            units.append((decided[0], decided[1]))
            tasks.append(row.task_id)
    first, second = [one for one, _ in units], [other for _, other in units]
    return {
        "agreement": plain_or_why(lambda: share([one == other for one, other in units], tasks)),
        "kappa": plain_or_why(lambda: cohen_kappa(first, second, tasks)),
    }
