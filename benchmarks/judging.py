"""What a judging protocol buys: accuracy, cost and residual position bias over simulated worlds, on real HTTP.

    python benchmarks/judging.py [--pairs 5000] [--worlds 707 808 909] [--only NAME ...]

The worlds 707, 808 and 909 were not looked at while the protocols were tuned. Those looked at were 1 to 6; 101, 202 and
303, after which the cascade's share went from 0.3 to 0.35; and 404, 505 and 606, after which a gap is at least the
offset and a cascade asks about a part of equal margins. A pair is two answers by different models to one task; the
answers are those that the world would give. "accuracy" is against the truth of the
world, a tie half right; "cost" is in calls of a cheap teacher (a strong one costs ten), for a pair, the pilot included;
"of full" is that cost over both orders of the strong teacher. "position" is a logistic regression of the winner on the
true gap: its intercept over its slope, in standard deviations of quality that standing first is worth; "less both" the
same less that of both orders over the same pairs, whose own can only be chance.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import yaml

from prefmill.generators.world.chance import Chance
from prefmill.generators.world.fingerprint import Fingerprints, Identity
from prefmill.generators.world.latent import latent
from prefmill.generators.world.population import ANSWERERS
from prefmill.generators.world.prose import answer_text
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import true_quality
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Answer, Comparison, Judgment, Verdict

STRONG = "sim-teacher-strong"
CHEAP = tuple(f"sim-teacher-cheap-{number}" for number in (1, 2, 3))
UNITS = {STRONG: 10, **dict.fromkeys(CHEAP, 1)}
FULL = "both orders"
STRATEGIES: dict[str, tuple[str | dict[str, Any], tuple[str, ...]]] = {
    "one order": ("one_order", (STRONG,)),
    FULL: ("both_orders", (STRONG,)),
    "offset corrected": ("offset_corrected", (STRONG,)),
    "adaptive swap": ("adaptive_swap", (STRONG,)),
    "cheap, both orders": ("both_orders", CHEAP[:1]),
    "jury of 3 cheap": ("jury", CHEAP),
    "cascade": ("cascade", (CHEAP[0], STRONG)),
}
"""Name -> the recipe's protocol, and its teachers."""


@dataclass(frozen=True)
class Judged:
    """What a strategy made of the pairs of one world."""

    right: Any
    """1, 0, or 0.5 for a tie; nan where there is no verdict."""
    first: Any
    """1 where the first answer won, 0 where the second did, 0.5 for a tie."""
    consistent: Any
    gaps: Any
    """True quality of the first answer less the second's."""
    units: float
    """Cost of a pair."""
    seconds: float
    learned: dict[str, Any] | None

    def position(self, of: Any = slice(None)) -> float:  # noqa: ANN401 - what indexes an array
        """Standing first, in units of quality."""
        intercept = slope = 0.0
        gaps, first = self.gaps[of], self.first[of]
        for _ in range(25):
            chance = 1 / (1 + np.exp(-(intercept + slope * gaps)))
            spread = chance * (1 - chance)
            hessian = np.array([[spread.sum(), (spread * gaps).sum()], [0, (spread * gaps**2).sum()]])
            hessian[1, 0] = hessian[0, 1]
            step = np.linalg.solve(hessian, [(first - chance).sum(), ((first - chance) * gaps).sum()])
            intercept, slope = intercept + step[0], slope + step[1]
        return float(intercept / slope)


def write_tasks(folder: Path, seed: int, pairs: int) -> None:
    """Tasks, and for each two answers of the world by different models."""
    chance, words, drawn = Chance(seed), Fingerprints(seed), random.Random(seed)
    with (folder / "tasks.jsonl").open("w") as tasks, (folder / "answers.jsonl").open("w") as answers:
        for number in range(pairs):
            question = f"Explain the trade-offs of design number {number} in two sentences."
            tasks.write(json.dumps({"id": str(number), "instruction": question}) + "\n")
            for slot, model in enumerate(drawn.sample(ANSWERERS, 2)):
                identity = Identity(number, model.number, 0)
                text = answer_text(chance, words.word(identity), question, latent(chance, identity).words)
                answers.write(json.dumps({"id": str(number), "model": f"slot-{slot}", "text": text}) + "\n")


def write_recipe(folder: Path, seed: int, protocol: str | dict[str, Any], teachers: Sequence[str]) -> Path:
    """A recipe that judges those answers."""
    teacher = {"provider": "simulated", "max_in_flight": 64, "sampling": {"temperature": 0}}
    recipe = {
        "name": "judging",
        "seed": seed,
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{"provider": "recorded", "path": "answers.jsonl", "model": f"slot-{slot}"} for slot in (0, 1)],
        "judge": {
            "judge": "judgelm",
            "protocol": protocol,
            "teachers": [{**teacher, "model": model} for model in teachers],
        },
        "world": {"seed": seed},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def judged(folder: Path, seed: int, name: str) -> Judged:
    """Run one strategy over the pairs of a world."""
    protocol, teachers = STRATEGIES[name]
    directory, started = folder / name.replace(" ", "-"), time.monotonic()
    manifest = run(read_recipe(write_recipe(folder, seed, protocol, teachers)), directory)
    seconds = time.monotonic() - started
    place, settings = RunDirectory(directory), WorldSettings(seed=seed)
    rows: dict[type[Any], list[Any]] = {
        kind: [row for part in range(place.parts()) for row in place.rows(kind, part)]
        for kind in (Answer, Comparison, Judgment, Verdict)
    }
    quality = {answer.id: true_quality(settings, answer.text) for answer in rows[Answer]}
    won = {"first": 1.0, "second": 0.0, "tie": 0.5, None: float("nan")}
    first = np.array([won[verdict.winner] for verdict in rows[Verdict]])
    gaps = np.array([quality[one.answer_ids[0]] - quality[one.answer_ids[1]] for one in rows[Comparison]])
    return Judged(
        right=np.where(gaps > 0, first, 1 - first),
        first=first,
        consistent=np.array([verdict.consistent is not False for verdict in rows[Verdict]]),
        gaps=gaps,
        units=sum(UNITS[judgment.teacher] * judgment.usage.calls for judgment in rows[Judgment]) / len(gaps),
        seconds=seconds,
        learned=manifest.get("pilot"),
    )


def table(worlds: dict[int, dict[str, Judged]]) -> Iterator[str]:
    """A row for each world and strategy, and for all worlds together."""
    yield "| world | strategy | pairs | accuracy | cost | of full | position | less both | s |"
    yield "|--:|---|--:|--:|--:|--:|--:|--:|--:|"
    names = next(iter(worlds.values()))
    every: dict[str, list[list[float]]] = {}
    for seed, found in worlds.items():
        for name in names:
            one, full = found[name], found.get(FULL)
            rows = [(name, slice(None))] + ([(f"{name}, drop", one.consistent)] if name == FULL else [])
            for called, of in rows:
                less = one.position(of) - full.position() if full else float("nan")
                share = one.units / full.units if full else float("nan")
                figures = [len(one.gaps[of]), one.right[of].mean(), one.units, share, one.position(of), less]
                every.setdefault(called, []).append([*figures, one.seconds])
                yield _row(str(seed), called, every[called][-1])
    for called, rows_of in every.items():
        pairs, *figures = zip(*rows_of, strict=True)
        yield _row("all", called, [sum(pairs), *map(fmean, figures)])


def _row(world: str, name: str, figures: Sequence[float]) -> str:
    pairs, accuracy, units, share, position, less, seconds = figures
    return (
        f"| {world} | {name} | {pairs:.0f} | {accuracy:.3f} ± {sqrt(accuracy * (1 - accuracy) / pairs):.3f} "
        f"| {units:.2f} | {share:.0%} | {position:+.3f} | {less:+.3f} | {seconds:.0f} |"
    )


def main() -> None:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--worlds", type=int, nargs="+", default=[707, 808, 909])
    parser.add_argument("--only", nargs="+", choices=STRATEGIES, default=list(STRATEGIES))
    options = parser.parse_args()
    worlds: dict[int, dict[str, Judged]] = {}
    for seed in options.worlds:
        with tempfile.TemporaryDirectory() as folder:
            write_tasks(Path(folder), seed, options.pairs)
            worlds[seed] = {}
            for name in options.only:
                found = worlds[seed][name] = judged(Path(folder), seed, name)
                sys.stderr.write(f"world {seed}, {name}: {found.seconds:.0f} s, {json.dumps(found.learned)}\n")
    for line in table(worlds):
        print(line)


if __name__ == "__main__":
    main()
