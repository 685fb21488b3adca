"""What people said besides which answer is better: ratings of both answers, and the better one by named criteria."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...curation.agreement.estimate import plain_or_why
from ...curation.agreement.krippendorff import krippendorff_alpha
from ...curation.agreement.mean import mean
from ...curation.agreement.share import share
from ...curation.desks import Asked
from ...schemas.rows import Review
from .annotators import two_people
from .store import Planned

People = Mapping[str, Sequence[Review]]
"""Comparison -> its reviews."""
_ANSWERS = ("first", "second")
"""Winners that are an answer."""


def of_ratings(rows: Sequence[Planned], people: People, asked: Asked) -> dict[str, Any] | None:
    """What the ratings say, as JSON values; None where none are asked for.

    Keys: `scale`; `answers`, rated by somebody; `alpha`, Krippendorff's for intervals, over the answers that two people
    have rated; `gap`, over the reviews that name a better answer and rate both, how much higher the better one is.
    """
    if asked.scale is None:
        return None
    units, tasks = [], []
    for row in rows:
        for answer in (0, 1):
            of_pair = (one.ratings[answer] for one in people.get(row.comparison_id, ()) if one.ratings)
            if rated := [rating for rating in of_pair if rating is not None]:
                units.append(rated)
                tasks.append(row.task_id)
    gaps = list(_gaps(rows, people))
    return {
        "scale": list(asked.scale),
        "answers": len(units),
        "alpha": plain_or_why(lambda: krippendorff_alpha(units, tasks, scale="interval")),
        "gap": plain_or_why(lambda: mean([gap for gap, _ in gaps], [task for _, task in gaps])),
    }


def of_criteria(rows: Sequence[Planned], people: People, asked: Asked) -> dict[str, Any]:
    """Criterion -> what is said by it, as JSON values.

    Keys: `said`, reviews that say which answer is better by it, or that none is; `agreement` and `kappa` of two people,
    as `among_people`; `with_choice`, over the reviews that name a better answer by it and another or the same one
    overall, how often these are the same.
    """
    return {name: _by(name, rows, people) for name in asked.criteria}


def _by(name: str, rows: Sequence[Planned], people: People) -> dict[str, Any]:
    said = [
        ((one.criteria or {}).get(name), one.winner, row.task_id)
        for row in rows
        for one in people.get(row.comparison_id, ())
    ]
    decided = [(by == overall, task) for by, overall, task in said if by in _ANSWERS and overall in _ANSWERS]
    return {
        "said": sum(by is not None for by, _, _ in said),
        **two_people(rows, people, lambda review: (review.criteria or {}).get(name)),
        "with_choice": plain_or_why(lambda: share([same for same, _ in decided], [task for _, task in decided])),
    }


def _gaps(rows: Sequence[Planned], people: People) -> Iterator[tuple[float, str]]:
    """Of each review that tells, the better answer's rating less the other's, and its task."""
    for row in rows:
        for one in people.get(row.comparison_id, ()):
            first, second = one.ratings or (None, None)
            if first is not None and second is not None and one.winner in _ANSWERS:
                yield (first - second if one.winner == "first" else second - first), row.task_id
