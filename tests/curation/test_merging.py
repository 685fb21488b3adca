"""What people's reviews add up to, by majority or by Dawid and Skene's model, where the truth is known."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from prefmill.curation.merging import OVERLAP, merged
from prefmill.schemas.labels import PeopleSay
from prefmill.schemas.rows import Review, Winner

PEOPLE = {"ann": 0.95, "bob": 0.6, "cid": 0.9}
PAIRS = 400


def review(pair: str, annotator: str, winner: Winner | None) -> Review:
    return Review(comparison_id=pair, task_id="t", annotator=annotator, winner=winner, stratum="audit")


def planted(
    seed: int, each: int, ties: float = 0.0, people: Mapping[str, float] = PEOPLE
) -> tuple[dict[str, Winner], dict[str, list[Review]]]:
    """Truth, and what `each` of the people drawn for a pair say of it: the right winner, or any of the others."""
    draw = random.Random(seed)
    labels: Sequence[Winner] = ("first", "second", "tie") if ties else ("first", "second")
    truth: dict[str, Winner] = {
        f"c{number}": "tie" if draw.random() < ties else draw.choice(labels[:2]) for number in range(PAIRS)
    }
    reviews = {}
    for pair, winner in truth.items():
        wrong = [label for label in labels if label != winner]
        reviews[pair] = [
            review(pair, name, winner if draw.random() < people[name] else draw.choice(wrong))
            for name in draw.sample(list(people), each)
        ]
    return truth, reviews


def right(say: PeopleSay, truth: Mapping[str, Winner]) -> int:
    return sum(say[pair] == winner for pair, winner in truth.items())


def test_where_two_disagree_the_better_one_is_believed() -> None:
    truth, reviews = planted(1, each=2)
    plain, weighed = merged(reviews, "majority"), merged(reviews, "dawid_skene")
    assert (plain.by, plain.why, plain.right) == ("majority", "", {})
    assert (weighed.by, weighed.why) == ("dawid_skene", "")
    # Two of three agree in 0.65 of the cases on average; 0.93 is what somebody reaches who knows the shares of errors.
    assert right(plain.say, truth) < 0.70 * PAIRS
    assert right(weighed.say, truth) > 0.90 * PAIRS
    open_ = [pair for pair, winner in plain.say.items() if winner is None]
    decided = [weighed.say[pair] == truth[pair] for pair in open_ if weighed.say[pair] is not None]
    assert len(decided) > 0.95 * len(open_)
    assert sum(decided) > 0.79 * len(decided)  # 0.85, less 2 standard errors
    agreed = [pair for pair, winner in plain.say.items() if winner is not None]
    assert sum(plain.say[pair] == weighed.say[pair] for pair in agreed) == len(agreed)


def test_of_three_on_each_pair_the_better_ones_count_more() -> None:
    found = [(truth, merged(reviews, "majority").say, merged(reviews, "dawid_skene").say)
             for truth, reviews in (planted(seed, each=3, ties=0.1) for seed in range(4))]  # fmt: skip
    plain, weighed = (sum(right(one[which], one[0]) for one in found) for which in (1, 2))
    assert weighed > plain + 10
    assert weighed > 0.94 * 4 * PAIRS


@pytest.mark.parametrize(("each", "error"), [(2, 0.045), (3, 0.025)])
def test_how_often_each_is_right_comes_back(each: int, error: float) -> None:
    """`error`: standard deviation over 20 seeds."""
    _, reviews = planted(2, each, ties=0.1)
    found = merged(reviews, "dawid_skene").right
    assert list(found) == ["ann", "bob", "cid"]
    for name, share in PEOPLE.items():
        assert found[name] == pytest.approx(share, abs=3 * error)
    assert found["bob"] < found["cid"]


def test_the_order_of_reviews_and_of_answers_changes_nothing() -> None:
    _, reviews = planted(3, each=2, ties=0.1)
    found = merged(reviews, "dawid_skene")
    shuffled = {pair: reviews[pair][::-1] for pair in random.Random(0).sample(sorted(reviews), len(reviews))}
    assert merged(shuffled, "dawid_skene") == found
    other: dict[Winner | None, Winner | None] = {"first": "second", "second": "first", "tie": "tie", None: None}
    turned = {pair: [review(pair, one.annotator, other[one.winner]) for one in some] for pair, some in reviews.items()}
    again = merged(turned, "dawid_skene")
    assert again.say == {pair: other[winner] for pair, winner in found.say.items()}
    assert again.right == pytest.approx(found.right)


def test_two_people_are_no_model_and_the_majority_decides() -> None:
    truth, reviews = planted(4, each=2, people={"ann": 0.95, "bob": 0.6})
    found = merged(reviews, "dawid_skene")
    assert (found.by, found.right) == ("majority", {})
    assert (
        found.why == f"no three people of whom each two have decided {OVERLAP} of the same pairs, which the model needs"
    )
    assert found.say == merged(reviews, "majority").say
    assert right(found.say, truth) > 200


def test_somebody_without_enough_in_common_counts_like_the_others_who_have_none() -> None:
    _, reviews = planted(5, each=2)
    few = {f"x{number}": [review(f"x{number}", "dan", "first"), review(f"x{number}", "eve", eve)]
           for number in range(60) for eve in ("second" if number % 4 == 0 else "first",)}  # fmt: skip
    alone = {f"y{number}": [review(f"y{number}", "dan", "second")] for number in range(100)}
    found = merged({**reviews, **few, **alone}, "dawid_skene")
    assert list(found.right) == ["ann", "bob", "cid"]
    assert {pair: found.say[pair] for pair in few} == {
        pair: None if number % 4 == 0 else "first" for number, pair in enumerate(few)
    }
    assert {found.say[pair] for pair in alone} == {"second"}
    met = {f"z{number}": [review(f"z{number}", "ann", "first"), review(f"z{number}", "dan", "first")]
           for number in range(OVERLAP)}  # fmt: skip
    assert list(merged({**reviews, **few, **met}, "dawid_skene").right) == ["ann", "bob", "cid", "dan", "eve"]


@pytest.mark.parametrize("merge", ["majority", "dawid_skene"])
def test_who_cannot_judge_says_nothing(merge: str) -> None:
    _, reviews = planted(6, each=2)
    assert merged({}, "majority").say == merged({}, "dawid_skene").say == {}
    reviews["none"] = [review("none", "ann", None), review("none", "bob", None)]
    reviews["one"] = [review("one", "ann", None), review("one", "cid", "second")]
    say = merged(reviews, "majority" if merge == "majority" else "dawid_skene").say
    assert say.keys() == reviews.keys()
    assert (say["none"], say["one"]) == (None, "second")
