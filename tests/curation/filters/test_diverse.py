"""The tasks that cover a source best: nearer to all others than a random choice of as many."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from prefmill.curation.coverage import distances, k_center
from prefmill.curation.duplicates.bags import Vectors, bags
from prefmill.curation.duplicates.sets import TextSets
from prefmill.curation.filters.diverse import Diverse
from prefmill.schemas.rows import Message, Task


def source(count: int, seed: int = 0, topics: int = 40) -> list[Task]:
    """Tasks of topics of very different sizes, each with words of its own; every fourth topic is code."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        topic = min(topics - 1, int(draw.expovariate(0.12)))
        words = [f"topic{topic}word{draw.randrange(40)}" for _ in range(12)] + draw.choices(["please", "the", "a"], k=4)
        category = "code" if topic % 4 == 3 else None if topic % 7 == 0 else "prose"
        message = Message(role="user", content=" ".join(words))
        found.append(Task(source_id=str(number), messages=(message,), category=category))
    return found


def vectors(tasks: list[Task]) -> Vectors:
    with TextSets(ngram=1) as sets:
        sets.add(task.instruction for task in tasks)
        return bags(sets)


def one_by_one(points: Vectors, count: int) -> NDArray[np.int64]:
    """Farthest first as it is written down, looking at every distance at every step."""
    mean = np.round(points @ points.mean(axis=0, dtype=np.float64).astype(np.float32), 5)
    chosen = [int(np.argmax(mean))]
    near = np.full(len(points), np.inf, dtype=np.float32)
    while True:
        near = np.minimum(near, np.maximum(0, 1 - points @ points[chosen[-1]]))
        near[chosen[-1]] = -1
        if len(chosen) == count:
            return np.array(chosen)
        chosen.append(int(np.argmax(near)))


def test_the_batches_choose_as_one_by_one_would() -> None:
    draw = np.random.default_rng(0)
    points = draw.normal(size=(5000, 16)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    found, expected = k_center(points, 300), one_by_one(points, 300)
    assert np.mean(found == expected) > 0.98, "products of matrices may round another way"
    assert distances(points, found).max() == pytest.approx(distances(points, expected).max(), rel=1e-3)


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_small_sets_and_texts_that_are_equal(count: int) -> None:
    points = np.zeros((6, 4), dtype=np.float32)
    points[:4, 0] = points[4, 1] = 1  # four equal ones, one other, one without words
    found = k_center(points, count)
    assert len(set(found.tolist())) == count
    if count > 2:
        assert distances(points, found).max() == pytest.approx(0, abs=1e-6) or 5 in found


@pytest.mark.slow
def test_what_stays_is_nearer_to_all_than_a_random_choice() -> None:
    tasks = source(3000)
    chosen = Diverse(keep=200, quota="none").choose(tasks)
    assert len(tasks) - len(chosen.dropped) == 200 == chosen.told["kept"]
    points = vectors(tasks)
    draw = np.random.default_rng(0)
    radius = [distances(points, draw.choice(len(tasks), 200, replace=False)).max() for _ in range(10)]
    assert chosen.told["radius"] < min(radius) - 0.02
    stays = [place for place, task in enumerate(tasks) if task.id not in chosen.dropped]
    assert chosen.told["radius"] == pytest.approx(float(distances(points, stays).max()), abs=1e-4)
    assert all("from a task that stays" in why for why in chosen.dropped.values())


def test_quotas() -> None:
    tasks = source(1000)
    sizes = Counter(task.category or "none" for task in tasks)
    for quota, expected in (("proportional", {name: size / 10 for name, size in sizes.items()}),
                            ("even", dict.fromkeys(sizes, 100 / 3))):  # fmt: skip
        chosen = Diverse.model_validate({"keep": 0.1, "quota": quota}).choose(tasks)
        kept = Counter(task.category or "none" for task in tasks if task.id not in chosen.dropped)
        assert kept.total() == 100
        assert kept == pytest.approx(expected, abs=1)
        assert chosen.told["categories"] == {
            name: {"tasks": size, "kept": kept[name]} for name, size in sorted(sizes.items())
        }
    # A category with too few gives all it has, and the others make up for it.
    few = [*tasks[:90], Task(messages=(Message(role="user", content="Rare words."),), category="rare")]
    chosen = Diverse(keep=40, quota="even").choose(few)
    assert chosen.told["categories"]["rare"] == {"tasks": 1, "kept": 1}
    assert chosen.told["kept"] == 40 == len(few) - len(chosen.dropped)


def test_nothing_goes_where_there_is_room_for_all() -> None:
    tasks = source(20)
    assert Diverse(keep=20).choose(tasks).dropped == {} == Diverse(keep=500).choose(tasks).dropped
    assert Diverse(keep=5).choose([]).told == {"tasks": 0, "kept": 0}


@pytest.mark.parametrize(("keep", "kept"), [(0.07, 7), (0.55, 55), (0.551, 56), (0.29, 29), (1e-12, 1)])
def test_a_share_is_of_its_decimals(keep: float, kept: int) -> None:
    tasks = [Task(messages=(Message(role="user", content=f"word{number}"),)) for number in range(100)]
    assert Diverse(keep=keep, quota="none").choose(tasks).told["kept"] == kept


def test_a_number_or_a_share() -> None:
    assert Diverse.model_validate({"keep": 0.25}).keep == 0.25
    for keep in (0, -1, 1.5, "many"):
        with pytest.raises(ValidationError):
            Diverse.model_validate({"keep": keep})
