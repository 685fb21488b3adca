"""Which answers meet: how many, which, in which order, and what becomes of pairs that cannot be made."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import sqrt

import pytest
from pydantic import ValidationError

from prefmill.generators.comparisons import Baseline, Compare, draw, given
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Comparison, Loss, Message, Task

RANDOM, ALL, BASELINE = Compare(per_task=2), Compare(pairs="all"), Compare(pairs=Baseline(baseline="a"))


def task(number: int = 0) -> Task:
    return Task(messages=(Message(role="user", content=f"Question {number}"),))


def slots(of: Task, models: str = "abcd", samples: int = 1, failed: str = "", text: str = "text") -> list[Answer]:
    timeout = Failure(kind="timeout", message="no reply in 5 s")
    return [
        Answer(
            task_id=of.id,
            model=model,
            sample=sample,
            text=None if model in failed else text,
            failure=timeout if model in failed else None,
        )
        for model in models
        for sample in range(samples)
    ]


def drawn(
    compare: Compare, of: Task, answers: list[Answer], without: str = "", seed: int = 17
) -> tuple[list[Comparison], list[Loss]]:
    usable = {answer.id for answer in answers if answer.failure is None and answer.model not in without}
    comparisons, losses = draw(compare, of, answers, seed, usable)
    assert len(comparisons) + len(losses) == compare.wanted([answer.model for answer in answers])
    assert all(answer_id in usable for comparison in comparisons for answer_id in comparison.answer_ids)
    assert len({row.id for row in (*comparisons, *losses)}) == len(comparisons) + len(losses)
    return comparisons, losses


def met(comparisons: list[Comparison]) -> list[str]:
    return ["".join(sorted(comparison.models)) for comparison in comparisons]


@pytest.mark.parametrize(
    ("compare", "models", "wanted"),
    [
        (Compare(), "ab", 1),
        (Compare(), "a", 0),
        (Compare(per_task=5), "abc", 3),
        (Compare(per_task=5), "abcd", 5),
        (ALL, "abcd", 6),
        (ALL, "aab", 3),
        (BASELINE, "abcd", 3),
        (BASELINE, "aabbc", 6),
        (BASELINE, "aa", 0),
    ],
)
def test_wanted(compare: Compare, models: str, wanted: int) -> None:
    assert compare.wanted(list(models)) == wanted


def test_an_unknown_baseline_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"no answers of baseline 'gpt-5'. Known: gpt-4, llama. Did you mean 'gpt-4'\?"
    ):
        Compare(pairs=Baseline(baseline="gpt-5")).wanted(["llama", "gpt-4", "llama"])


def test_the_recipes_block() -> None:
    assert Compare.model_validate({"pairs": {"baseline": "a"}}) == BASELINE
    assert Compare.model_validate({"pairs": "all", "per_task": 1}) == ALL
    assert (BASELINE.baseline, ALL.baseline) == ("a", None)
    for wrong in ({"pairs": "some"}, {"pairs": "all", "per_task": 2}, {"per_task": 0}, {"pairs": {"model": "a"}}):
        with pytest.raises(ValidationError):
            Compare.model_validate(wrong)


def test_all_pairs_in_recipe_order() -> None:
    comparisons, losses = drawn(ALL, task(), slots(task()))
    assert met(comparisons) == ["ab", "ac", "ad", "bc", "bd", "cd"]
    assert losses == []


def test_samples_of_one_model_meet_except_at_the_baseline() -> None:
    of = task()
    assert met(drawn(ALL, of, slots(of, "ab", samples=2))[0]) == ["aa", "ab", "ab", "ab", "ab", "bb"]
    assert met(drawn(BASELINE, of, slots(of, "ba", samples=2))[0]) == ["ab", "ab", "ab", "ab"]


def test_a_comparison_names_answers_and_models_in_the_same_order() -> None:
    of = task()
    answers = slots(of)
    model = {answer.id: answer.model for answer in answers}
    for comparison in drawn(ALL, of, answers)[0]:
        assert comparison.task_id == of.id
        assert comparison.models == tuple(model[answer_id] for answer_id in comparison.answer_ids)


def test_pairs_that_cannot_be_made_are_failed_rows() -> None:
    of = task()
    comparisons, losses = drawn(ALL, of, slots(of, failed="b"), without="d")
    assert met(comparisons) == ["ac"]
    assert [loss.row_id.removeprefix(of.id) for loss in losses] == ["#0", "#2", "#3", "#4", "#5"]
    assert {(loss.stage, loss.status, loss.reason, loss.task_id) for loss in losses} == {
        ("comparisons", "failed", "no_usable_pair", of.id)
    }
    assert losses[0].detail == "b sample 0: timeout"
    assert losses[3].detail == "b sample 0: timeout; d sample 0: dropped"


def test_a_failed_baseline_loses_all_pairs() -> None:
    of = task()
    comparisons, losses = drawn(BASELINE, of, slots(of, failed="a"))
    assert comparisons == []
    assert [loss.detail for loss in losses] == ["a sample 0: timeout"] * 3


def test_random_takes_another_pair_where_one_is_left() -> None:
    of = task()
    assert drawn(RANDOM, of, slots(of, failed="b"))[1] == []
    comparisons, [loss] = drawn(RANDOM, of, slots(of, failed="b"), without="c")
    assert met(comparisons) == ["ad"]
    assert (loss.row_id, loss.detail) == (f"{of.id}#1", "no pair left: b sample 0: timeout; c sample 0: dropped")
    comparisons, losses = drawn(RANDOM, of, slots(of, failed="bcd"))
    assert comparisons == []
    assert len(losses) == 2


def test_what_failed_changes_no_other_draw() -> None:
    """A pair drawn with every answer at hand is drawn, in the same order, whatever else fails."""
    for number in range(50):
        of = task(number)
        whole = drawn(RANDOM, of, slots(of))[0]
        for failed in "abcd":
            left = drawn(RANDOM, of, slots(of, failed=failed))[0]
            kept = [pair for pair in whole if failed not in pair.models]
            assert [pair for pair in left if pair in whole] == kept


def test_order_depends_on_neither_text_nor_the_other_models() -> None:
    for number in range(50):
        of = task(number)
        wide = {frozenset(pair.models): pair.models for pair in drawn(ALL, of, slots(of))[0]}
        for models, text in (("abc", "text"), ("cba", "text"), ("abc", "another text")):
            for pair in drawn(ALL, of, slots(of, models, text=text))[0]:
                assert pair.models == wide[frozenset(pair.models)]


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    of = [task(number) for number in range(20)]
    runs = [[drawn(RANDOM, each, slots(each), seed=seed)[0] for each in of] for seed in (17, 17, 18)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_golden_draw() -> None:
    """A change here changes every published data set that is made again from its recipe."""
    of = task()
    assert [pair.models for pair in drawn(Compare(per_task=3), of, slots(of))[0]] == [
        ("d", "a"),
        ("b", "a"),
        ("d", "c"),
    ]


def test_order_and_pairs_are_balanced() -> None:
    """Every pair is first-in-recipe-order about half of the time, and about as often drawn; 4.5 standard deviations."""
    count = 3000
    order: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for number in range(count):
        of = task(number)
        answers = slots(of)
        order.update("".join(pair.models) for pair in drawn(ALL, of, answers)[0])
        pairs.update(met(drawn(Compare(), of, answers)[0]))
    for first, second in combinations("abcd", 2):
        assert abs(order[first + second] - count / 2) < 4.5 * sqrt(count / 4)
        assert abs(pairs[first + second] - count / 6) < 4.5 * sqrt(count * 5 / 36)


def test_orders_of_two_pairs_of_one_task_are_independent() -> None:
    count = 3000
    same = 0
    for number in range(count):
        of = task(number)
        first, second, *_ = drawn(ALL, of, slots(of))[0]
        same += (first.models[0] == "a") == (second.models[0] == "a")
    assert abs(same - count / 2) < 4.5 * sqrt(count / 4)


TOGETHER, NONE = Compare(pairs="together"), Compare(pairs="none")


@pytest.mark.parametrize(("compare", "counts"), [(TOGETHER, (0, 0, 1, 1)), (NONE, (0, 0, 0, 0))])
def test_together_is_one_comparison_and_none_is_none(compare: Compare, counts: tuple[int, ...]) -> None:
    assert tuple(compare.wanted(list(models)) for models in ("", "a", "ab", "abcd")) == counts
    with pytest.raises(ValidationError, match="per_task is for `pairs: random` only"):
        Compare.model_validate({"pairs": compare.pairs, "per_task": 2})


def test_together_all_usable_answers_meet() -> None:
    of = task()
    answers = slots(of, samples=2)
    model = {answer.id: answer.model for answer in answers}
    [whole], losses = drawn(TOGETHER, of, answers)
    assert losses == []
    assert sorted(whole.answer_ids) == sorted(model)
    assert whole.models == tuple(model[answer] for answer in whole.answer_ids)
    [some], losses = drawn(TOGETHER, of, slots(of, failed="b"), without="d")
    assert (sorted(some.models), losses) == (["a", "c"], [])


def test_together_fewer_than_two_are_a_failed_row() -> None:
    of = task()
    comparisons, [loss] = drawn(TOGETHER, of, slots(of, failed="bc"), without="d")
    assert comparisons == []
    assert (loss.stage, loss.status, loss.reason, loss.row_id) == (
        "comparisons", "failed", "no_usable_pair", f"{of.id}#0"
    )  # fmt: skip
    assert loss.detail == "b sample 0: timeout; c sample 0: timeout; d sample 0: dropped"


def test_together_the_order_is_drawn_and_depends_on_nothing_else() -> None:
    """Neither on the recipe's order, nor on texts, nor on which other answers failed."""
    first: Counter[str] = Counter()
    for number in range(1000):
        of = task(number)
        order = "".join(drawn(TOGETHER, of, slots(of))[0][0].models)
        first[order[0]] += 1
        for answers in (slots(of, "dcba"), slots(of, text="another text"), slots(of, failed="a")):
            failed = {answer.model for answer in answers if answer.failure}
            [found] = drawn(TOGETHER, of, answers)[0]
            assert list(found.models) == [model for model in order if model not in failed]
    for model in "abcd":
        assert abs(first[model] - 250) < 4.5 * sqrt(1000 * 3 / 16)
    orders = {drawn(TOGETHER, task(), slots(task()), seed=seed)[0][0].models for seed in range(20)}
    assert len(orders) > 5


def test_none_draws_nothing_and_loses_nothing() -> None:
    of = task()
    assert drawn(NONE, of, slots(of, failed="a")) == ([], [])


def test_a_comparison_that_came_with_its_task_is_kept_as_it_is() -> None:
    of = task()
    one, other = answers = slots(of, "ab")
    came = Comparison(task_id=of.id, answer_ids=(other.id, one.id), models=("b", "a"))
    assert given(came, of, answers, {one.id, other.id}) == ([came], [])
    comparisons, [loss] = given(came, of, answers, {other.id})
    assert comparisons == []
    assert (loss.stage, loss.status, loss.reason, loss.task_id, loss.detail) == (
        "comparisons", "failed", "no_usable_pair", of.id, "a sample 0: dropped"
    )  # fmt: skip
    failed = slots(of, "ab", failed="b")
    (loss,) = given(came, of, failed, {failed[0].id})[1]
    assert loss.detail == "b sample 0: timeout"
