"""`prefmill review plan`: draw the pairs that people review, and say what that will tell and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...schemas.errors import UserError
from ..recipe import Recipe
from ..recipe_reading import read_recipe
from ..reviews import collected
from ..rundir import RunDirectory, write_text
from .drawing import draw
from .population import candidates, gold
from .precision import EXPECTED, half_width
from .settings import Reviewing
from .store import STRATA, Planned, ReviewStore, lines

SECONDS = 40.0
"""Time for one record that is reckoned with before anybody has reviewed one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The pairs that people are to review."""

    path: Path
    rows: tuple[Planned, ...]
    rests: int
    """Reviews that rest on it."""
    another: bool
    """Whether the same settings would draw another one now, and this one is kept since something rests on it."""

    @property
    def population(self) -> int:
        """Labels from which the audit is drawn; 0 without one."""
        audit = [row.probability for row in self.rows if row.stratum == "audit"]
        return round(len(audit) / audit[0]) if audit and audit[0] else 0

    def as_plain(self) -> dict[str, Any]:
        """What it tells and costs, as JSON values."""
        sizes = Counter(row.stratum for row in self.rows)
        labels = sum(row.annotators for row in self.rows)
        return {
            "path": str(self.path),
            "pairs": {name: sizes[name] for name in STRATA},
            "population": self.population,
            "labels": labels,
            "expected": EXPECTED,
            "half_width": round(half_width(sizes["audit"], self.population), 4) if sizes["audit"] else None,
            "minutes": round(labels * SECONDS / 60),
            "rests": self.rests,
            "another": self.another,
        }


def plan(directory: Path, *, again: bool = False, sizes: Mapping[str, int] | None = None) -> Plan:
    """Draw the plan of a finished run and write it.

    `sizes`: stratum -> exactly so many pairs, where there are as many, whatever the recipe says. A plan that reviews or
    handed-out records rest on is kept unless `again`. Raises `UserError` where the run is not finished, compares no
    pairs or has no labels to draw from, and where another plan is asked for by `sizes` and the first is to be kept.
    """
    place = RunDirectory(directory)
    recipe, settings = reviewable(place)
    store = ReviewStore(place)
    with place.claimed(recipe, begins=False):
        rows = _drawn(place, recipe, settings, sizes or {})
        text = lines(rows)
        old = store.plan.read_text(encoding="utf-8") if store.plan.exists() else None
        before = store.planned()
        rests = _resting(place, before, store)
        held = bool(rests or store.handed())
        if old is not None and old != text and held and not again:
            if sizes:
                raise UserError(
                    f"{store.plan}: {rests:,} reviews and {len(store.handed()):,} handed-out records rest on this plan."
                    " `--again` draws another; reviews of pairs that are in both still count."
                )
            return Plan(store.plan, tuple(before), rests, another=True)
        write_text(store.plan, text)
        return Plan(store.plan, tuple(rows), _resting(place, rows, store), another=False)


def reviewable(place: RunDirectory) -> tuple[Recipe, Reviewing]:
    """A run's recipe and how people review it. Raises `UserError` where there is nothing for people to review."""
    recipe = read_recipe(place.recipe(), environment=False)
    if not place.manifest()["finished"]:
        raise UserError(f"{place.path}: this run is not finished. `prefmill run` on its recipe goes on with it.")
    if recipe.judge.protocol is None:
        raise UserError(f"{place.path}: teachers graded single answers here; people review comparisons.")
    return recipe, recipe.review or Reviewing()


def seed_of(recipe: Recipe, settings: Reviewing) -> int:
    """What pairs, orders and annotators are drawn by."""
    return recipe.seed if settings.seed is None else settings.seed


def _drawn(place: RunDirectory, recipe: Recipe, settings: Reviewing, exact: Mapping[str, int]) -> list[Planned]:
    rows = candidates(place, settings.sample)
    if not rows:
        more = " `review: {sample: {of: judged}}` draws from what filters drop as well."
        raise UserError(
            f"{place.path}: no {settings.sample.of} labels of pairs to review."
            f"{more if settings.sample.of == 'kept' else ''}"
        )
    checks = {(probe.comparison.id, probe.task_id): right for probe, right in gold(place)}
    return draw(rows, checks, settings, seed_of(recipe, settings), exact)


def _resting(place: RunDirectory, rows: list[Planned], store: ReviewStore) -> int:
    people = collected(place)
    return sum(len(people.get(row.comparison_id, ())) for row in rows) + len(store.gold())
