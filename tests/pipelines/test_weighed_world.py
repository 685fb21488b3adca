"""Weighed scores in the simulated world, whose truth is known: 400 pairs, both orders, whole runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.generators.world.chance import Chance
from prefmill.generators.world.fingerprint import Fingerprints, Identity
from prefmill.generators.world.latent import latent
from prefmill.generators.world.population import ANSWERERS
from prefmill.generators.world.prose import answer_text
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import true_winner
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Answer, Comparison, Judgment, Verdict

PAIRS = 400
SEED = 31
TEACHER = "sim-teacher-strong"


@dataclass(frozen=True)
class Outcome:
    """What a protocol made of the pairs."""

    judgments: list[Judgment]
    verdicts: list[Verdict]
    points: list[float]
    """Of each pair: 1 for the true winner, 0 for the other, one half for a tie."""

    @property
    def ties(self) -> float:
        return sum(verdict.winner == "tie" for verdict in self.verdicts) / PAIRS


def written(folder: Path) -> None:
    """Tasks and two models' recorded answers to each, as the world would have given them."""
    chance, words = Chance(SEED), Fingerprints(SEED)
    with (folder / "tasks.jsonl").open("w") as tasks, (folder / "answers.jsonl").open("w") as answers:
        for number in range(PAIRS):
            question = f"Explain the trade-offs of design number {number}."
            tasks.write(json.dumps({"id": str(number), "instruction": question}) + "\n")
            for slot, name in ((number, "one"), (number + 1 + number // 6 % 5, "other")):
                identity = Identity(number, ANSWERERS[slot % 6].number, 0)
                text = answer_text(chance, words.word(identity), question, latent(chance, identity).words)
                answers.write(json.dumps({"id": str(number), "model": name, "text": text}) + "\n")


def outcome(folder: Path, judge: str, protocol: str, **world: object) -> Outcome:
    folder.mkdir()
    written(folder)
    recipe: dict[str, Any] = {
        "name": "weighed",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{"provider": "recorded", "model": name, "path": "answers.jsonl"} for name in ("one", "other")],
        "judge": {"judge": judge, "protocol": protocol, "teachers": [{"provider": "simulated", "model": TEACHER}]},
        "world": {"seed": SEED, **world},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    run(read_recipe(folder / "recipe.yaml"), folder / "run")
    place = RunDirectory(folder / "run")
    texts = {answer.id: answer.text or "" for answer in place.rows(Answer, 0)}
    comparisons = {comparison.id: comparison for comparison in place.rows(Comparison, 0)}
    verdicts = place.rows(Verdict, 0)
    points = []
    for verdict in verdicts:
        first, second = (texts[answer] for answer in comparisons[verdict.comparison_id].answer_ids)
        truth = true_winner(WorldSettings(seed=SEED), first, second)
        points.append(0.5 if verdict.winner == "tie" else float(verdict.winner == truth))
    return Outcome(place.rows(Judgment, 0), verdicts, points)


@pytest.mark.slow
@pytest.mark.parametrize("judge", ["judgelm", "mt_bench_pair", "criteria"])
def test_weighed_scores_are_as_right_and_leave_fewer_ties(tmp_path: Path, judge: str) -> None:
    """As right as what is said, within the standard error of the difference over the same pairs."""
    plain = outcome(tmp_path / "plain", judge, "both_orders")
    weighed = outcome(tmp_path / "weighed", judge, "expected_score")
    assert len(weighed.points) == len(plain.points) == PAIRS
    assert all(judgment.expected is not None for judgment in weighed.judgments)
    assert not any("no_probabilities" in verdict.flags for verdict in weighed.verdicts)
    gains = [after - before for after, before in zip(weighed.points, plain.points, strict=True)]
    gain = sum(gains) / PAIRS
    error = sqrt(sum((one - gain) ** 2 for one in gains)) / PAIRS
    assert gain > -2 * error
    assert plain.ties > 0.02
    assert weighed.ties < plain.ties / 4


@pytest.mark.slow
def test_a_world_without_probabilities_says_what_it_says(tmp_path: Path) -> None:
    plain = outcome(tmp_path / "plain", "judgelm", "both_orders")
    weighed = outcome(tmp_path / "weighed", "judgelm", "expected_score", logprobs=False)
    assert all(judgment.expected is None for judgment in weighed.judgments)
    assert all("no_probabilities" in verdict.flags for verdict in weighed.verdicts)
    assert abs(plain.ties - weighed.ties) < 0.05


@pytest.mark.slow
def test_a_reference_of_their_own_makes_teachers_right_oftener(tmp_path: Path) -> None:
    plain = outcome(tmp_path / "plain", "judgelm", "both_orders")
    helped = outcome(tmp_path / "helped", "judgelm", "reference_first")
    assert all(one.own_reference for one in helped.judgments)
    gains = [a - b for a, b in zip(helped.points, plain.points, strict=True)]
    error = sqrt(sum(gain * gain for gain in gains)) / PAIRS
    assert sum(gains) / PAIRS > 2 * error
