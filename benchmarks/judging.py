"""What a judging strategy buys: right labels, their cost and what bias is left in them, on real HTTP.

    python benchmarks/judging.py [--pairs 5000] [--worlds 1101 1202 1303] [--only NAME ...] [--json FILE]

A pair is two answers by different models of a simulated world to one task. No strategy was tuned on the worlds 1101,
1202 and 1303: those looked at while the protocols were made are 1 to 6, 101 to 606 and 707 to 909.

Columns. "right": share of right winners among the labels, a tie half right; "kept": share of the pairs that have a
label; "cost": of judging a pair, pilot and probes included, in calls of a cheap teacher (a strong one costs ten, a
grade of one answer half a call); "of full": that over the cost of both orders by the strong teacher; "clean": what
1,000 units buy when the two answers of a pair cost 8, counted in labels without an error, kept x (2 x right - 1)^2 a
pair (what is left of a label's information after symmetric noise). "position", "length" and "own": what standing first,
an e-fold length and the strong teacher's family are worth, in units of true quality (`curation/residual_bias.py`); 0
is clean. "tau": Kendall's, of a Bradley-Terry ranking of the six models by the labels with their planted order.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import log, sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import yaml
from strategies import GENERATION, STRATEGIES, STRONG, UNITS, Strategy
from ultrafeedback import rated

from prefmill.curation.logistic import Floats
from prefmill.curation.ranking import Matches, rank
from prefmill.curation.residual_bias import residual_bias
from prefmill.generators.world.chance import Chance
from prefmill.generators.world.fingerprint import Fingerprints, Identity
from prefmill.generators.world.latent import latent
from prefmill.generators.world.population import ANSWERERS, BY_NUMBER, TEACHERS
from prefmill.generators.world.prose import answer_text
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import identity_of, true_quality
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Answer, Comparison, Grade, Loss

LEVELS = ("wrong or empty", "mostly wrong", "half right", "mostly right", "correct and complete")
RUBRIC = {
    "criteria": "Does the answer explain the trade-offs correctly and completely?",
    "levels": [{"score": score, "description": text} for score, text in enumerate(LEVELS, start=1)],
}
FAMILIES = {teacher.name: teacher.family for teacher in TEACHERS}
POINTS = {"first": 1.0, "second": 0.0, "tie": 0.5, None: float("nan")}


@dataclass(frozen=True)
class Pair:
    """Two answers of a world to one task."""

    question: str
    models: tuple[str, str]
    texts: tuple[str, str]


@dataclass(frozen=True)
class Labels:
    """What a strategy made of pairs, in a stated order of each pair's answers."""

    pairs: Sequence[tuple[str, str]]
    """Texts of the answers, the first shown first wherever one order was asked."""
    won: Floats
    """1 the first won, 0 the second, 0.5 a tie, nan: no label. Shape (n,)."""
    units: float
    """Cost of judging all of them."""


@dataclass(frozen=True)
class Figures:
    """A row of the table."""

    pairs: int
    right: float
    kept: float
    cost: float
    full: float
    clean: float
    position: float
    length: float
    own: float
    tau: float
    seconds: float


def pairs_of(seed: int, count: int) -> list[Pair]:
    """Tasks, and for each two answers of the world by different models."""
    chance, words, drawn = Chance(seed), Fingerprints(seed), random.Random(seed)
    pairs = []
    for number in range(count):
        question = f"Explain the trade-offs of design number {number} in two sentences."
        one, other = drawn.sample(ANSWERERS, 2)
        first, second = (
            answer_text(chance, words.word(which), question, latent(chance, which).words)
            for which in (Identity(number, model.number, 0) for model in (one, other))
        )
        pairs.append(Pair(question, (one.name, other.name), (first, second)))
    return pairs


def write(folder: Path, seed: int, pairs: Sequence[Pair], chosen: Strategy) -> Path:
    """A recipe that judges the pairs, with the files it reads."""
    with (folder / "tasks.jsonl").open("w") as tasks, (folder / "answers.jsonl").open("w") as answers:
        for number, pair in enumerate(pairs):
            task: dict[str, Any] = {"id": str(number), "instruction": pair.question}
            if chosen.reference:
                task["reference"] = f"A complete treatment of design number {number} weighs cost, speed and safety."
            if chosen.judge == "prometheus_absolute":
                task["rubric"] = RUBRIC
            tasks.write(json.dumps(task) + "\n")
            for model, text in zip(pair.models, pair.texts, strict=True):
                answers.write(json.dumps({"id": str(number), "model": model, "text": text}) + "\n")
    teacher = {"provider": "simulated", "max_in_flight": 64, "sampling": {"temperature": 0}}
    recipe = {
        "name": "judging",
        "seed": seed,
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        # Two of the six have answered each task; the others' missing answers are losses that cost nothing.
        "answers": [
            {"provider": "recorded", "path": "answers.jsonl", "model": one.name, "family": one.family}
            for one in ANSWERERS
        ],
        "judge": {
            "judge": chosen.judge,
            **({"protocol": chosen.protocol} if chosen.protocol else {}),
            "teachers": [{**teacher, "model": model, "family": FAMILIES[model]} for model in chosen.teachers],
        },
        **chosen.keys,
        "world": {"seed": seed},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def labelled(folder: Path, seed: int, pairs: Sequence[Pair], chosen: Strategy) -> Labels:
    """Run a strategy over the pairs."""
    if chosen.peer:
        with running(WorldSettings(seed=seed)) as world:
            ratings = rated(world.base_url, STRONG, [(pair.question, *pair.texts) for pair in pairs])
        won = [float("nan") if read is None else _told_apart(*read) for read in ratings]
        return Labels([pair.texts for pair in pairs], np.array(won), UNITS[STRONG] * len(pairs))
    directory = folder / "run"
    manifest = run(read_recipe(write(folder, seed, pairs, chosen)), directory)
    units = sum(
        UNITS[row["model"]] * chosen.per_call * row["calls"] for row in manifest["calls"] if row["model"] in UNITS
    )
    place = RunDirectory(directory)
    text = {answer.id: answer.text or "" for answer in _rows(place, Answer)}
    if chosen.protocol is None:
        score = {grade.answer_id: grade.score for grade in _rows(place, Grade)}
        by_task: dict[str, list[str]] = {}
        for answer in _rows(place, Answer):
            if answer.failure is None:
                by_task.setdefault(answer.task_id, []).append(answer.id)
        met = list(by_task.values())
        won = [_told_apart(score[first], score[second]) for first, second in met]
        return Labels([(text[first], text[second]) for first, second in met], np.array(won), units)
    lost = {loss.row_id for loss in (*_rows(place, Loss), *place.late_losses())}
    comparisons = {comparison.id: comparison.answer_ids for comparison in _rows(place, Comparison)}
    verdicts = [verdict for part in range(place.parts()) for verdict in place.labels(part)]
    return Labels(
        pairs=[tuple(text[one] for one in comparisons[verdict.comparison_id]) for verdict in verdicts],  # type: ignore[misc]
        won=np.array([POINTS[None if verdict.id in lost else verdict.winner] for verdict in verdicts]),
        units=units,
    )


def _told_apart(first: float, second: float) -> float:
    """The winner by two coarse grades; where they are the same, such recipes have no label."""
    return float("nan") if first == second else float(first > second)


def _rows(place: RunDirectory, kind: type[Any]) -> Iterator[Any]:
    for part in range(place.parts()):
        yield from place.rows(kind, part)


def figures(seed: int, labels: Labels, seconds: float) -> Figures:
    """A strategy's labels held against the truth of the world."""
    settings, kept = WorldSettings(seed=seed), np.flatnonzero(~np.isnan(labels.won))
    shown = [labels.pairs[place] for place in kept]
    won = labels.won[kept]
    gaps = np.array([true_quality(settings, one) - true_quality(settings, other) for one, other in shown])
    models = [tuple(BY_NUMBER[identity_of(settings, text).model] for text in texts) for texts in shown]
    family = FAMILIES[STRONG]
    nuisances = {
        "position": np.ones(len(kept)),
        "length": np.array([log(len(one.split()) / len(other.split())) for one, other in shown]),
        "own": np.array([float(one.family == family) - float(other.family == family) for one, other in models]),
    }
    left = residual_bias(won, gaps, nuisances, np.arange(len(kept)))
    names = tuple(one.name for one in ANSWERERS)
    ranked = rank(
        Matches(
            models=names,
            first=np.array([names.index(one.name) for one, _ in models]),
            second=np.array([names.index(other.name) for _, other in models]),
            outcomes=won,
            tasks=np.arange(len(kept)),
        ),
        repeats=2,
    )
    count, right = len(labels.won), float(np.where(gaps > 0, won, 1 - won).mean())
    cost, share = labels.units / count, len(kept) / count
    return Figures(
        pairs=count,
        right=right,
        kept=share,
        cost=cost,
        full=cost / (2 * UNITS[STRONG]),
        clean=1000 / (cost + GENERATION) * share * (2 * right - 1) ** 2,
        position=left["position"].value,
        length=left["length"].value,
        own=left["own"].value,
        tau=_tau(ranked.order, names),
        seconds=seconds,
    )


def _tau(order: Sequence[str], truth: Sequence[str]) -> float:
    """Kendall's tau of two orders without ties."""
    same = [
        (order.index(one) < order.index(other)) == (truth.index(one) < truth.index(other))
        for one, other in combinations(truth, 2)
    ]
    return 2 * fmean(same) - 1


HEAD = ("strategy", "pairs", "right", "kept", "cost", "of full", "clean", "position", "length", "own", "tau", "s")


def table(found: dict[str, list[Figures]], *, each: bool) -> Iterator[str]:
    """A row for each strategy: the mean over the worlds, and, where `each`, every world's own before it."""
    yield f"| {' | '.join(HEAD)} |"
    yield f"|---|{'--:|' * (len(HEAD) - 1)}"
    for name, some in found.items():
        for number, one in enumerate(some if each else ()):
            yield _row(f"{name} ({number + 1})", asdict(one))
        yield _row(name, {key: fmean(asdict(one)[key] for one in some) for key in asdict(some[0])}, len(some))


def _row(name: str, of: dict[str, float], worlds: int = 1) -> str:
    pairs = of["pairs"] * worlds
    error = sqrt(of["right"] * (1 - of["right"]) / (pairs * of["kept"]))
    cells = [
        name, f"{pairs:.0f}", f"{of['right']:.3f} ± {error:.3f}", f"{of['kept']:.2f}", f"{of['cost']:.2f}",
        f"{of['full']:.0%}", f"{of['clean']:.1f}", f"{of['position']:+.2f}", f"{of['length']:+.2f}",
        f"{of['own']:+.2f}", f"{of['tau']:.2f}", f"{of['seconds']:.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def measured(worlds: Iterable[int], pairs: int, names: Sequence[str]) -> dict[str, list[Figures]]:
    """Every strategy in every world."""
    found: dict[str, list[Figures]] = {name: [] for name in names}
    for seed in worlds:
        drawn = pairs_of(seed, pairs)
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                started = time.monotonic()
                labels = labelled(Path(folder), seed, drawn, STRATEGIES[name])
                found[name].append(figures(seed, labels, time.monotonic() - started))
                sys.stderr.write(f"world {seed}: {_row(name, asdict(found[name][-1]))}\n")
    return found


def main() -> None:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--worlds", type=int, nargs="+", default=[1101, 1202, 1303])
    parser.add_argument("--only", nargs="+", choices=STRATEGIES, default=list(STRATEGIES))
    parser.add_argument("--json", type=Path, help="also write the figures of every world there, for judging_chart.py")
    options = parser.parse_args()
    found = measured(options.worlds, options.pairs, options.only)
    if options.json:
        plain = {name: [asdict(one) for one in some] for name, some in found.items()}
        options.json.write_text(json.dumps(plain, indent=1) + "\n")
    for line in table(found, each=True):
        print(line)


if __name__ == "__main__":
    main()
