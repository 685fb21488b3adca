"""`prefmill review status`: how far the review is, and what it says so far of teachers and annotators."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ...curation.agreement.estimate import Undefined
from ...curation.error_rate.sample import NotASample
from ...curation.merging import Merged
from ...schemas.rows import Review
from ..recipe import Recipe
from ..reviews import collected, people
from ..rundir import RunDirectory
from .annotators import among_people, by_annotator
from .audit import agreement, audit_of, teachers_winners
from .besides import of_criteria, of_ratings
from .plan import reviewable
from .precision import more_labels
from .settings import Reviewing
from .store import STRATA, ReviewStore

KEY = "review"
"""Where a manifest keeps the figures."""


def status(directory: Path) -> dict[str, Any]:
    """The figures of a run's review as they are now. Raises `UserError` where there is no plan yet."""
    place = RunDirectory(directory)
    recipe, settings = reviewable(place)
    return figures(place, recipe, settings, people(place, settings.merge))


def figures(place: RunDirectory, recipe: Recipe, settings: Reviewing, said: Merged) -> dict[str, Any]:
    """What a review says, as JSON values. `said`: what people's reviews of the run add up to.

    Keys: `strata` (stratum -> `pairs`, `wanted` labels, `handed`, `done`), `annotators` (`by_annotator`), `people`
    (`among_people`), `ratings` (`of_ratings`), `criteria` (`of_criteria`), `merge` (`by`, how reviews became labels;
    `why` not as the recipe says, or ""; `right`, annotator -> how often they are right, by the model), `teachers`
    (agreement with people over all labels that the audit was drawn from, an `Estimate` or `{"undefined": reason}`),
    `audit` (`population`, `drawn`, `read`, `undecided`: pairs that people do not decide), `more` (labels that bring
    `teachers` to ±`target`; None where nothing is measured) and `target`.
    """
    store = ReviewStore(place)
    rows, handed, found = store.require_plan(), store.handed(), collected(place)
    planned = {row.comparison_id: row for row in rows}
    handed = [row for row in handed if row.comparison_id in planned]
    of_plan = {name: some for name, some in found.items() if name in planned}
    reviews = {(name, review.annotator): review for name, some in of_plan.items() for review in some}
    gold = {(one.comparison_id, one.annotator): one for one in store.gold() if one.comparison_id in planned}
    told: dict[str, Any] = {
        "strata": _progress(store, of_plan),
        "annotators": by_annotator(planned, handed, reviews, gold),
        "people": among_people(rows, of_plan),
        "ratings": of_ratings(rows, of_plan, settings.asked),
        "criteria": of_criteria(rows, of_plan, settings.asked),
        "merge": {"by": said.by, "why": said.why, "right": {who: round(p, 4) for who, p in said.right.items()}},
        "target": settings.target,
        "more": None,
    }
    sample = audit_of(rows, of_plan)
    read = sum(row.row_id in of_plan for row in sample.rows)
    told["audit"] = {
        "population": sample.population,
        "drawn": sum(row.stratum == "audit" for row in rows),
        "read": read,
    }
    protocol = recipe.judge.protocol
    assert protocol is not None
    try:
        measured = agreement(sample, teachers_winners(place, protocol), of_plan, said.say)
    except (NotASample, Undefined) as why:
        told["teachers"] = {"undefined": str(why)}
    else:
        told["teachers"] = measured.as_plain()
        told["audit"]["undecided"] = read - measured.n
        told["more"] = more_labels(measured, sample.population, settings.target)
    return told


def _progress(store: ReviewStore, people: dict[str, list[Review]]) -> dict[str, Any]:
    rows = store.planned()
    handed = Counter(row.comparison_id for row in store.handed())
    said = Counter({name: len(some) for name, some in people.items()})
    said.update(one.comparison_id for one in store.gold())
    return {
        stratum: {
            "pairs": len(some),
            "wanted": sum(row.annotators for row in some),
            "handed": sum(handed[row.comparison_id] for row in some),
            "done": sum(said[row.comparison_id] for row in some),
        }
        for stratum in STRATA
        if (some := [row for row in rows if row.stratum == stratum])
    }
