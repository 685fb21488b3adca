"""Whether the intervals hold what they promise: coverage and width over samples of a world whose truth is known.

    python benchmarks/intervals.py [--repeats 200] [--pandalm testset-v1.json]

The world: 20,000 pairs; an answer's quality is normal, a judge sees the gap with an error of its own and says it in
whole grades, so that it is right in about 81.5 % of the pairs. A person checks 400 of them.
With `--pandalm` (`data/testset-v1.json` of github.com/WeOpenML/PandaLM), the three annotators' agreement beside what
scikit-learn and krippendorff say of it, and how long an interval takes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from pathlib import Path

import numpy as np

from prefmill.curation.agreement.cohen import cohen_kappa
from prefmill.curation.agreement.estimate import Estimate
from prefmill.curation.agreement.krippendorff import krippendorff_alpha
from prefmill.curation.agreement.resampled import Bootstrap
from prefmill.curation.agreement.share import share
from prefmill.curation.error_rate.allocation import by_margin, neyman, proportional
from prefmill.curation.error_rate.prediction_powered import prediction_powered
from prefmill.curation.error_rate.reading import error_rate
from prefmill.curation.error_rate.sample import NotASample, picked, stratified, together, uniform
from prefmill.schemas.formats.pandalm import TEST, PandaLM
from prefmill.schemas.rows import Example, Loss, Verdict

PAIRS, CHECKED, QUEUE, WORLDS = 20_000, 400, 200, 4
GRADE, ERROR = 1.5, 0.92
"""Grades a unit of quality is worth, and the judge's error in units of quality."""
BAR = (0.93, 0.97)


@dataclass(frozen=True)
class World:
    """Verdicts, and what is true of them."""

    verdicts: list[Verdict]
    wrong: dict[str, bool]
    predicted: dict[str, float]
    """Probability of an error, from the share of errors at the same margin in 600 other pairs."""

    @property
    def rate(self) -> float:
        """The error rate of all verdicts."""
        return sum(self.wrong.values()) / len(self.wrong)


def world(seed: int) -> World:
    """A world of its own for each seed."""
    draw = np.random.default_rng(seed)
    gap = draw.normal(0, sqrt(2), PAIRS + 600)
    margin = np.clip(np.rint(GRADE * (gap + draw.normal(0, ERROR, gap.size))), -9, 9)
    says = np.where(margin == 0, draw.choice([-1, 1], gap.size), np.sign(margin))
    wrong = says != np.sign(gap)
    distance = np.abs(margin)
    pilot = {
        d: (wrong[PAIRS:][distance[PAIRS:] == d].sum() + 0.5) / ((distance[PAIRS:] == d).sum() + 1) for d in range(10)
    }
    verdicts = [
        Verdict(
            comparison_id=f"c{k}", task_id=f"t{k}", protocol="one_order", judgment_ids=(),
            winner="first" if says[k] > 0 else "second", margin=float(margin[k]),
        )
        for k in range(PAIRS)
    ]  # fmt: skip
    return World(
        verdicts,
        {verdict.id: bool(wrong[k]) for k, verdict in enumerate(verdicts)},
        {verdict.id: float(pilot[int(distance[k])]) for k, verdict in enumerate(verdicts)},
    )


def audits(repeats: int) -> None:
    """Coverage and width of each way to read an error rate."""
    worlds = [world(seed) for seed in range(WORLDS)]
    read: dict[str, list[tuple[bool, float, float]]] = {}
    for repeat in range(repeats):
        here = worlds[repeat % WORLDS]
        for name, estimate in audit(here, repeat).items():
            covers = estimate.low <= here.rate <= estimate.high
            read.setdefault(name, []).append((covers, estimate.width, estimate.value - here.rate))
    print(f"error rate of {PAIRS:,} verdicts from {CHECKED} checked; {repeats} repeats in {WORLDS} worlds")
    print(f"(a coverage of 95 % is measured to +- {100 * 1.96 * sqrt(0.95 * 0.05 / repeats):.1f} points)\n")
    print("| way | coverage | mean width | against Wilson | mean error |\n|---|--:|--:|--:|--:|")
    base = np.mean([width for _, width, _ in read["uniform, Wilson"]])
    for name, rows in read.items():
        covered, width, error = np.mean(np.array(rows, dtype=float), axis=0)
        print(f"| {name} | {covered:.3f} | {width:.4f} | {width / base:.3f} | {error:+.4f} |")
    queue = closest(worlds[0])
    try:
        error_rate(picked(queue, "the smallest margins"), worlds[0].wrong)
    except NotASample as refusal:
        print(f"\nthe queue given as a sample: NotASample: {refusal}")
    coverage, widths = (
        {name: float(np.mean([row[place] for row in rows])) for name, rows in read.items()} for place in (0, 1)
    )
    held = BAR[0] <= coverage["uniform, Wilson"] <= BAR[1]
    held &= all(
        BAR[0] <= coverage[name] <= BAR[1] and widths[name] <= base for name in coverage if "stratified" in name
    )
    print(f"\nuniform and stratified cover in 93 to 97 %, stratified no wider than Wilson: {'yes' if held else 'NO'}\n")


def closest(here: World) -> list[Verdict]:
    """The verdicts with the smallest margins, as a queue for review would have them."""
    return sorted(here.verdicts, key=lambda verdict: abs(verdict.margin or 0.0))[:QUEUE]


def audit(here: World, seed: int) -> dict[str, Estimate]:
    """One person's day: the same error rate, read in every way."""
    sample = uniform(here.verdicts, CHECKED, seed)
    groups = by_margin(here.verdicts)
    sizes = {name: len(rows) for name, rows in groups.items()}
    expected = {name: float(np.mean([here.predicted[row.id] for row in rows])) for name, rows in groups.items()}
    even = stratified(groups, proportional(sizes, CHECKED), seed)
    best = stratified(groups, neyman(sizes, expected, CHECKED), seed)
    queue = closest(here)
    mixed = together(uniform(here.verdicts, CHECKED - QUEUE, seed), picked(queue, "the smallest margins"))
    return {
        "uniform, Wilson": error_rate(sample, here.wrong),
        "stratified by margin, proportional": error_rate(even, here.wrong),
        "stratified by margin, Neyman": error_rate(best, here.wrong),
        "uniform, PPI": prediction_powered(sample, here.wrong, here.predicted, trust=1.0),
        "uniform, PPI++": prediction_powered(sample, here.wrong, here.predicted),
        f"{CHECKED - QUEUE} uniform + {QUEUE} closest, 1/probability": error_rate(mixed, here.wrong),
        f"{QUEUE} closest alone, as if a sample": share([here.wrong[row.id] for row in queue]),
    }


def clusters(repeats: int, tasks: int = 150, each: int = 4) -> None:
    """Coverage of agreement and kappa where the pairs of a task go wrong together, over tasks and as if over rows."""
    found: dict[str, list[bool]] = {}
    truth = label_pairs(np.random.default_rng(10**6), 100_000, each)
    share_true, kappa_true = float(np.mean(truth[0] == truth[1])), kappa_of(*truth)
    for repeat in range(repeats):
        gold, says = label_pairs(np.random.default_rng(repeat), tasks, each)
        names = [f"t{k // each}" for k in range(tasks * each)]
        for how, given in (("over tasks", names), ("as if over rows", None)):
            kappa = cohen_kappa(gold.tolist(), says.tolist(), given, bootstrap=Bootstrap(repeats=500, seed=repeat))
            agreed = share((gold == says).tolist(), given)
            found.setdefault(f"agreement, {how}", []).append(agreed.low <= share_true <= agreed.high)
            found.setdefault(f"Cohen's kappa, {how}", []).append(kappa.low <= kappa_true <= kappa.high)
    print(
        f"{tasks} tasks of {each} pairs that go wrong together; {repeats} repeats\n\n| interval | coverage |\n|---|--:|"
    )
    for name, covered in found.items():
        print(f"| {name} | {np.mean(covered):.3f} |")


def label_pairs(draw: np.random.Generator, tasks: int, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Gold labels and verdicts (1 or -1); how well a task can be judged differs between tasks."""
    gold = np.repeat(draw.choice([-1, 1], tasks, p=[0.4, 0.6]), each)
    right = draw.random(tasks * each) < np.repeat(draw.choice([0.55, 0.98], tasks), each)
    return gold, np.where(right, gold, -gold)


def kappa_of(gold: np.ndarray, says: np.ndarray) -> float:
    """Kappa of two arrays of 1 and -1, written out."""
    expected = sum(float(np.mean(gold == label) * np.mean(says == label)) for label in (-1, 1))
    return (float(np.mean(gold == says)) - expected) / (1 - expected)


def pandalm(path: Path) -> None:
    """The three annotators of PandaLM's test set."""
    import krippendorff
    from sklearn.metrics import cohen_kappa_score

    rows = list(PandaLM().decode({TEST: json.loads(path.read_text())}))
    examples = [row for row in rows if isinstance(row, Example)]
    print(f"\nPandaLM's test set: {len(examples)} pairs; left out:")
    print("\n".join(f"- {row.row_id}: {row.detail}" for row in rows if isinstance(row, Loss)))
    votes = [[{"first": 1, "tie": 0, "second": -1}[review.winner or "tie"] for review in e.reviews] for e in examples]
    tasks = [" ".join(message.content for message in example.task.messages) for example in examples]
    print(
        "\n| number | value | interval over tasks | library's | its time for 2,000 values | ours |"
        "\n|---|--:|---|--:|--:|--:|"
    )
    for one, other in combinations(range(3), 2):
        first, second = [unit[one] for unit in votes], [unit[other] for unit in votes]
        compare(
            f"kappa, annotators {one + 1} and {other + 1}",
            lambda first=first, second=second: cohen_kappa(first, second, tasks),
            lambda first=first, second=second: cohen_kappa_score(first, second),
        )
    for scale in ("nominal", "ordinal", "interval"):
        compare(
            f"alpha, {scale}",
            lambda scale=scale: krippendorff_alpha(votes, tasks, scale=scale),
            lambda scale=scale: krippendorff.alpha(np.array(votes, dtype=float).T, level_of_measurement=scale),
        )


def compare(name: str, ours: Callable[[], Estimate], library: Callable[[], float], times: int = 20) -> None:
    """One row of the table."""
    start = time.perf_counter()
    estimate = ours()
    own = time.perf_counter() - start
    start = time.perf_counter()
    values = [library() for _ in range(times)]
    its = (time.perf_counter() - start) / times * 2000
    print(
        f"| {name} | {estimate.value:.6f} | {estimate.low:.3f} to {estimate.high:.3f} ({estimate.tasks} tasks)"
        f" | {values[0]:.6f} ({abs(values[0] - estimate.value):.0e} off) | {its:.1f} s | {own:.2f} s |"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--pandalm", type=Path)
    options = parser.parse_args(arguments)
    audits(options.repeats)
    clusters(options.repeats)
    if options.pandalm is not None:
        pandalm(options.pandalm)


if __name__ == "__main__":
    main()
