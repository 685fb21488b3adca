"""Debiasing, ranking and calibrated filtering, each held against what was planted in a simulated world.

    python benchmarks/calibration.py [WORLDS] [PAIRS]

The world is numpy only. Its constants are those of the shipped population (`generators/world/population.py`): the
quality of six models, an error that all teachers share, a strong teacher's place and length bias, 1-10 grades. In the
first setting the teacher's bonus goes to one model, its own; in the second to both models of its family.
People: the quality gap with an error of deviation 0.55, no bias, no ties.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from time import perf_counter

import numpy as np

from prefmill.curation.bias import Bias, measure
from prefmill.curation.calibration import calibrate
from prefmill.curation.debias import debiased_margin
from prefmill.curation.guarantee import Nothing, keep_accurate, keep_share
from prefmill.curation.labelled import Labelled
from prefmill.curation.logistic import Codes, Floats
from prefmill.curation.ranking import Matches, rank
from prefmill.curation.readings import Reading
from prefmill.curation.residual_bias import residual_bias
from prefmill.generators.world.population import ANSWERERS, TEACHERS, Teacher
from prefmill.schemas.probe import ProbeKind, Removable

STRONG, CHEAP = TEACHERS[0], TEACHERS[1]
STRENGTH = np.array([model.strength for model in ANSWERERS])
VERBOSITY = np.array([model.verbosity for model in ANSWERERS])
NAMES = tuple(model.name for model in ANSWERERS)
PROBES, SWAPPED, LABELS, HUMAN_NOISE = 300, 300, 600, 0.55
TARGETS = (0.80, 0.85, 0.90)


@dataclass
class World:
    """Pairs of answers with their truth, one pair a task; and what teachers and people say of them."""

    seed: int
    pairs: int
    whole_family: bool = False
    draw: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.draw = np.random.default_rng(self.seed)
        met = np.array(list(combinations(range(len(NAMES)), 2)))[self.draw.integers(0, 15, self.pairs)]
        turned = self.draw.random(self.pairs) < 0.5
        self.first: Codes = np.where(turned, met[:, 1], met[:, 0])
        self.second: Codes = np.where(turned, met[:, 0], met[:, 1])
        own = self.draw.normal(size=(2, self.pairs))
        lengths = 0.35 * own + 0.25 * self.draw.normal(size=(2, self.pairs))
        self.gap: Floats = STRENGTH[self.first] - STRENGTH[self.second] + own[0] - own[1]
        self.length: Floats = VERBOSITY[self.first] - VERBOSITY[self.second] + lengths[0] - lengths[1]
        self.shared = self.draw.normal(size=self.pairs)

    def margins(self, teacher: Teacher) -> tuple[Floats, Floats]:
        """Whole-grade margins of the first answer over the second, shown first and shown last."""
        seen = self.gap + teacher.shared * self.shared + teacher.private * self.draw.normal(size=self.pairs)
        seen = seen + teacher.length * self.length
        favoured = [
            name.family == teacher.family and (self.whole_family or place == self.favourite(teacher))
            for place, name in enumerate(ANSWERERS)
        ]
        bonus = teacher.own_family * np.array(favoured, dtype=np.float64)
        return self._read(teacher, seen + bonus[self.first] - bonus[self.second])

    def probes(self, teacher: Teacher) -> tuple[Floats, Floats, Floats]:
        """Margins of the same content at two lengths, in both orders, and the log length ratio."""
        length = np.log(self.draw.uniform(1.5, 3.0, self.pairs)) * self.draw.choice([-1.0, 1.0], self.pairs)
        return *self._read(teacher, teacher.length * length), length

    def people(self) -> Floats:
        """1 where a person prefers the first answer."""
        return (self.gap + HUMAN_NOISE * self.draw.normal(size=self.pairs) > 0).astype(np.float64)

    def _read(self, teacher: Teacher, seen: Floats) -> tuple[Floats, Floats]:
        place = teacher.position + teacher.position_spread * self.draw.normal(size=len(seen))
        noise = teacher.noise * self.draw.normal(size=(2, len(seen)))
        return (
            np.clip(np.round(teacher.gain * (seen + place + noise[0])), -9, 9),
            np.clip(np.round(teacher.gain * (seen - place + noise[1])), -9, 9),
        )

    @staticmethod
    def favourite(teacher: Teacher) -> int:
        """The best model of its family, which gets the bonus."""
        return next(place for place, name in enumerate(ANSWERERS) if name.family == teacher.family)


def as_readings(
    kind: ProbeKind | None, teacher: Teacher, margins: tuple[Floats, ...], length: Floats, orders: Codes
) -> list[Reading]:
    """`orders`: shape (n,): 0 shown first, 1 shown last, 2 both."""
    return [
        Reading(
            comparison_id=f"{kind} {row}",
            task_id=f"{kind} {row}",
            teacher=teacher.name,
            place=1.0 - 2 * order,
            margin=float(margins[order][row]),
            length=float(length[row]),
            kind=kind,
        )
        for row in range(len(orders))
        for order in (0, 1)
        if orders[row] in (order, 2)
    ]


def single(world: World, teacher: Teacher) -> tuple[list[Reading], list[Reading]]:
    """One call a pair, `SWAPPED` of them in both orders; and `PROBES` probe pairs in both orders."""
    orders = np.zeros(world.pairs, dtype=np.int64)
    orders[:SWAPPED] = 2
    judged = as_readings(None, teacher, world.margins(teacher), world.length, orders)
    probing = World(world.seed + 10_000, PROBES)
    forward, backward, length = probing.probes(teacher)
    return judged, as_readings("padded", teacher, (forward, backward), length, np.full(PROBES, 2))


def without(once: Sequence[Reading], bias: Mapping[str, Bias], remove: Sequence[Removable]) -> Floats:
    """Margins of pairs that were read once each, without what is removed."""
    return np.array([debiased_margin([reading], bias, remove) for reading in once])


def winners(margins: Floats) -> Floats:
    """1, 0.5 or 0."""
    return 0.5 + 0.5 * np.sign(margins)


def tau(order: tuple[str, ...]) -> float:
    """Kendall's, against the planted order, which has no ties."""
    places = [order.index(name) for name in NAMES]
    return float(np.mean([1.0 if first < second else -1.0 for first, second in combinations(places, 2)]))


def ranked(world: World, outcomes: Floats, nuisances: dict[str, Floats] | None = None) -> float:
    columns = np.column_stack(list(nuisances.values())) if nuisances else np.zeros((world.pairs, 0))
    tasks = np.arange(world.pairs)
    found = Matches(NAMES, world.first, world.second, outcomes, tasks, tuple(nuisances or ()), columns)
    return tau(rank(found, repeats=2).order)


Results = dict[str, list[float]]


def one_debiasing(teacher: Teacher, seed: int, pairs: int, results: Results) -> None:
    """Removal of place and length, and what it does to labels and to the order of the models."""
    world = World(seed, pairs)
    judged, probes = single(world, teacher)
    bias = measure(judged, probes)
    found = bias[teacher.name]
    assert found.offset is not None and found.slope is not None
    results["offset, reported / planted"].append(found.offset.value / (teacher.gain * teacher.position))
    results["length slope, reported / planted"].append(found.slope.value / (teacher.gain * teacher.length))
    # Pairs in both orders were asked for the measurement; the labels below rest on one call each.
    once = [one for one in judged if one.place > 0]
    ways: tuple[tuple[str, tuple[Removable, ...]], ...] = (
        ("raw", ()), ("position removed", ("position",)), ("position, length removed", ("position", "length")),
    )  # fmt: skip
    for name, remove in ways:
        labels = winners(without(once, bias, remove))
        truth = (world.gap > 0).astype(np.float64)
        place = np.ones(world.pairs)
        favourite = World.favourite(teacher)
        own = (world.first == favourite).astype(np.float64) - (world.second == favourite)
        left = residual_bias(
            labels, world.gap, {"position": place, "length": world.length, "own": own}, np.arange(world.pairs)
        )
        results[f"{name}: accuracy"].append(float(1 - np.mean(np.abs(labels - truth))))
        results[f"{name}: residual position"].append(left["position"].value)
        results[f"{name}: residual length"].append(left["length"].value)
        order = ranked(world, labels)
        results[f"{name}: tau"].append(order)
        results[f"{name}: order fully right"].append(float(order == 1))
        if name == "raw":
            style = {"position": place, "length": world.length}
            results["style control (regression): tau"].append(ranked(world, labels, style))


def one_family(seed: int, pairs: int, results: Results) -> None:
    """The bonus goes to two models of six; a second teacher of another family judges the same pairs."""
    world = World(seed, pairs, whole_family=True)
    outcomes, columns = [], []
    for teacher in (STRONG, CHEAP):
        judged, probes = single(world, teacher)
        once = [one for one in judged if one.place > 0]
        outcomes.append(winners(without(once, measure(judged, probes), ("position", "length"))))
        own = np.array([model.family == teacher.family for model in ANSWERERS], dtype=np.float64)
        columns.append(own[world.first] - own[world.second])
    results["one teacher: tau"].append(ranked(world, outcomes[0]))
    both = Matches(
        NAMES,
        np.tile(world.first, 2),
        np.tile(world.second, 2),
        np.concatenate(outcomes),
        np.tile(np.arange(world.pairs), 2),
        ("own_family",),
        np.concatenate(columns)[:, None],
    )
    results["two teachers, own_family as a nuisance: tau"].append(tau(rank(both, repeats=2).order))


def one_filtering(seed: int, pairs: int, results: Results) -> None:
    """600 labels, then a fresh population from the same world to see whether the promises hold."""
    world = World(seed, pairs + LABELS)
    forward, backward = world.margins(STRONG)
    margin = (forward + backward) / 2
    decided = np.flatnonzero(margin != 0)
    columns = np.column_stack([np.abs(margin), np.sign(forward) != np.sign(backward)]).astype(np.float64)
    agrees = ((margin > 0) == (world.people() == 1)).astype(np.float64)
    right = ((margin > 0) == (world.gap > 0)).astype(np.float64)
    sample, rest = decided[:LABELS], decided[LABELS:]
    rows = Labelled(("margin", "inconsistent"), columns[sample], agrees[sample], np.arange(LABELS))
    calibration = calibrate(rows, seed=seed)
    p = calibration.curve.p(columns[rest])
    bins = np.array_split(np.argsort(p), 20)
    results["ECE on the population"].append(
        sum(len(part) * abs(float(p[part].mean() - agrees[rest][part].mean())) for part in bins) / len(p)
    )
    results["ECE on the population at most .05"].append(float(results["ECE on the population"][-1] <= 0.05))
    results["ECE reported from 600 labels"].append(calibration.reliability.ece)
    results["ECE of perfect probabilities at 600"].append(calibration.reliability.ece_of_chance)
    results["people agree, nothing dropped"].append(float(agrees[rest].mean()))
    for target in TARGETS:
        name = f"target {target:.2f}"
        kept = keep_accurate(calibration, target)
        results[f"{name}: reached"].append(float(not isinstance(kept, Nothing)))
        if isinstance(kept, Nothing):
            results[f"{name}: promise holds"].append(1.0)
            continue
        chosen = rest[p >= kept.threshold]
        results[f"{name}: promise holds"].append(float(agrees[chosen].mean() >= target))
        results[f"{name}: share kept"].append(len(chosen) / len(rest))
        results[f"{name}: people agree"].append(float(agrees[chosen].mean()))
        results[f"{name}: right"].append(float(right[chosen].mean()))
    half = keep_share(calibration, 0.5, p)
    assert not isinstance(half, Nothing)
    chosen = rest[p >= half.threshold]
    results["share 0.50: share kept"].append(len(chosen) / len(rest))
    results["share 0.50: stated bound holds"].append(float(agrees[chosen].mean() >= half.at_least))


def main() -> None:
    """Print every figure as its mean over the worlds, with the smallest and the largest."""
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    for title, job, size in (
        ("Bias removal and ranking of six models, strong teacher", partial(one_debiasing, STRONG), pairs),
        ("Bias removal and ranking of six models, cheap teacher", partial(one_debiasing, CHEAP), pairs),
        ("Ranking with a bonus for a whole family", one_family, pairs),
        (f"Filter `confident`, {LABELS} labels, both orders", one_filtering, 20_000),
    ):
        results: Results = defaultdict(list)
        begun = perf_counter()
        for seed in range(worlds):
            job(seed, size, results)
        print(f"\n{title}: {worlds} worlds of {size} pairs, {perf_counter() - begun:.0f} s")
        for name, values in results.items():
            print(f"  {name:52} {np.mean(values):7.3f}   {min(values):7.3f} .. {max(values):.3f}   n {len(values)}")


if __name__ == "__main__":
    main()
