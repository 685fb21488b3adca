"""Bradley-Terry: strengths against closed forms, intervals over tasks, nuisances taken out."""

from __future__ import annotations

import json
from math import log

import numpy as np
import pytest

from prefmill.curation.matches import matches_of
from prefmill.curation.ranking import Matches, rank, ranking_plain
from prefmill.schemas.errors import UserError

from .judged_pairs import judged_pair


def met(rows: list[tuple[int, int, float]], models: str = "abc", tasks: list[int] | None = None) -> Matches:
    first, second, outcomes = (np.array(column) for column in zip(*rows, strict=True))
    codes = np.arange(len(rows)) if tasks is None else np.array(tasks)
    return Matches(
        tuple(models), first, second, outcomes.astype(np.float64), codes, columns=np.zeros((len(rows), 0))
    )  # fmt: skip


def planted(strengths: list[float], rows: int, nuisance: float = 0.0, seed: int = 1) -> Matches:
    """Matches drawn from the model itself, with one nuisance that follows the first model's number."""
    draw = np.random.default_rng(seed)
    pair = np.array([draw.choice(len(strengths), 2, replace=False) for _ in range(rows)])
    column = draw.normal(size=rows) + 0.8 * (pair[:, 0] - pair[:, 1])
    logits = np.array(strengths)[pair[:, 0]] - np.array(strengths)[pair[:, 1]] + nuisance * column
    won = (draw.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.float64)
    names = tuple("abcdef"[: len(strengths)])
    return Matches(names, pair[:, 0], pair[:, 1], won, np.arange(rows), ("length",), column[:, None])


def test_two_models_by_hand() -> None:
    found = rank(met([(0, 1, 1.0)] * 60 + [(1, 0, 1.0)] * 20 + [(0, 1, 0.5)] * 20, "ab"), repeats=200)
    assert found.order == ("a", "b")
    assert found.models[0].strength.value - found.models[1].strength.value == pytest.approx(log(70 / 30), abs=1e-3)
    assert (found.pairs, found.tasks, found.ties) == (100, 100, 20)
    assert found.models[0].above_next == 1
    assert found.models[1].above_next is None


def test_intervals_hold_planted_strengths_and_their_order_is_uncertain_where_they_are_equal() -> None:
    strengths = [0.9, 0.3, 0.3, -1.5]
    matches = planted(strengths, 3000)
    found = rank(matches, repeats=200, seed=3)
    by_name = {ranked.model: ranked for ranked in found.models}
    for name, strength in zip("abcd", strengths, strict=True):
        assert by_name[name].strength.low < strength < by_name[name].strength.high
    assert (by_name["a"].ranks, by_name["d"].ranks) == ((1, 1), (4, 4))
    assert by_name["b"].ranks[0] == by_name["c"].ranks[0] == 2
    assert found.models[0].above_next == 1
    assert found.models[1].above_next is not None
    assert found.models[1].above_next < 0.999
    assert rank(matches, repeats=200, seed=3) == found


def test_rows_of_one_task_widen_the_interval() -> None:
    rows = [(0, 1, 1.0)] * 3 + [(0, 1, 0.0)] * 2
    alone = rank(met(rows * 40, "ab"), repeats=300)
    together = rank(
        met([row for row in rows for _ in range(40)], "ab", tasks=[n // 10 for n in range(200)]), repeats=300
    )
    assert together.models[0].strength.value == pytest.approx(alone.models[0].strength.value)
    widths = [one.models[0].strength.high - one.models[0].strength.low for one in (alone, together)]
    assert widths[1] > 2.5 * widths[0]


def test_nuisances_are_taken_out() -> None:
    favoured = planted([0.4, 0.2, 0.0, -0.2], 6000, nuisance=0.8)
    raw = Matches(
        favoured.models, favoured.first, favoured.second, favoured.outcomes, favoured.tasks, columns=np.zeros((6000, 0))
    )
    assert rank(raw, repeats=2).order == ("d", "c", "b", "a")
    found = rank(favoured, repeats=100)
    assert found.order == ("a", "b", "c", "d")
    assert found.nuisances["length"].low < 0.8 < found.nuisances["length"].high


def test_a_model_that_never_loses_has_a_finite_strength() -> None:
    found = rank(met([(0, 1, 1.0)] * 20, "ab"), repeats=20)
    assert found.order == ("a", "b")
    assert 3 < found.models[0].strength.value < 10


def test_a_ranking_as_json_values() -> None:
    found = rank(planted([0.4, 0.0], 300, nuisance=0.8), repeats=50)
    plain = ranking_plain(found)
    assert json.loads(json.dumps(plain)) == plain
    first, second = plain["models"]
    assert (first["model"], first["rank"], first["ranks"][0]) == (found.order[0], 1, 1)
    assert first["strength"]["low"] < first["strength"]["value"] < first["strength"]["high"]
    assert second["above_next"] is None
    assert set(plain["nuisances"]) == {"length"}
    assert (plain["pairs"], plain["tasks"], plain["ties"]) == (300, 300, 0)


def test_models_that_never_met_are_not_ranked() -> None:
    with pytest.raises(UserError, match="no ranking: c, d never met a"):
        rank(met([(0, 1, 1.0), (1, 0, 1.0), (2, 3, 1.0)], "abcd"))
    with pytest.raises(UserError, match="at least two models"):
        rank(matches_of([]))


def test_matches_of_examples() -> None:
    examples = [
        judged_pair(0, texts=("# T\n- x **y**", "plain text")),
        judged_pair(1, (-1,), shown=((1, 0),), texts=("one", "one two three"), families=("x", "y")),
        judged_pair(2, (1, -1), models=("c", "a"), families=("y", None)),
        judged_pair(3, models=("a", "a")),
    ]
    found = matches_of(examples, nuisances=("position", "length", "format", "own_family"), families={"gpt": "y"})
    assert found.models == ("a", "b", "c")
    assert found.first.tolist() == [0, 0, 2]
    assert found.second.tolist() == [1, 1, 0]
    assert found.outcomes.tolist() == [1, 0, 0.5]
    assert len(set(found.tasks.tolist())) == 3
    assert found.columns.tolist() == [
        [0, pytest.approx(log(5 / 2)), 1, 0],
        [-1, pytest.approx(-log(3)), 0, -1],
        [0, pytest.approx(log(2)), 0, 1],
    ]
    with pytest.raises(UserError, match="own_family"):
        matches_of(examples, nuisances=("own_family",))


def test_a_verdict_on_several_answers_is_a_match_of_each_two() -> None:
    pair = judged_pair(0)
    third = pair.answers[0].model_copy(update={"model": "c"})
    assert pair.comparison is not None
    assert pair.verdict is not None
    several = pair.model_copy(
        update={
            "answers": (*pair.answers, third),
            "verdict": pair.verdict.model_copy(update={"winner": None, "margin": None, "scores": (7.0, 5.0, 7.0)}),
        }
    )
    found = matches_of([several])
    assert [*zip(found.first.tolist(), found.second.tolist(), found.outcomes.tolist(), strict=True)] == [
        (0, 1, 1.0),
        (0, 2, 0.5),
        (1, 2, 0.0),
    ]
    with pytest.raises(UserError, match="defined for pairs"):
        matches_of([several], nuisances=("length",))
