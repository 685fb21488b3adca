"""What is measured of verdicts beside people's reviews."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest

from prefmill.curation.people import measure, winners
from prefmill.schemas.labels import majority
from prefmill.schemas.rows import Answer, Comparison, Example, Judgment, Message, Review, Task, Verdict, Winner


def example(
    place: int,
    people: Sequence[Winner | None],
    verdict: Winner | None = None,
    scores: dict[str, Sequence[tuple[float, float]]] | None = None,
    question: str = "",
) -> Example:
    """A pair with reviews; `scores`: teacher -> scores of the two answers, in both orders in turn."""
    task = Task(source_id=str(place), messages=(Message(role="user", content=question or f"Question {place}?"),))
    answers = tuple(Answer(task_id=task.id, model=model, text=f"{model} {place}") for model in "ab")
    comparison = Comparison(task_id=task.id, answer_ids=tuple(a.id for a in answers), models=("a", "b"))
    ids = {"comparison_id": comparison.id, "task_id": task.id}
    judgments = tuple(
        Judgment(
            **ids,
            teacher=teacher,
            judge="judgelm",
            shown=(0, 1) if number % 2 == 0 else (1, 0),
            scores=pair if number % 2 == 0 else pair[::-1],
        )
        for teacher, pairs in (scores or {}).items()
        for number, pair in enumerate(pairs)
    )
    said = Verdict(**ids, protocol="p", judgment_ids=(), winner=verdict) if verdict else None
    reviews = tuple(Review(**ids, annotator=f"p{k}", winner=winner) for k, winner in enumerate(people))
    return Example(
        index=place,
        task=task,
        answers=answers,
        comparison=comparison,
        judgments=judgments,
        verdict=said,
        reviews=reviews,
    )


def test_verdicts_and_teachers_beside_the_peoples_majority() -> None:
    right = [("first", "second")[k % 2] for k in range(40)]
    examples = [
        example(
            k,
            [gold, gold, "tie"],  # type: ignore[list-item]
            verdict=gold if k >= 8 else "tie",  # type: ignore[arg-type]
            scores={
                "good": [(9, 2) if gold == "first" else (2, 9)],
                # The two orders disagree, and the mean decides.
                "even": [(6, 4), (1, 9)],
            },
        )
        for k, gold in enumerate(right)
    ]
    found = measure(examples)
    assert (found["pairs"], found["reviewed"], found["left_out"]) == (40, 40, {})
    verdicts = found["verdicts"]
    assert (verdicts["agreement"]["value"], verdicts["agreement"]["n"]) == (0.8, 40)
    assert (verdicts["agreement_without_ties"]["value"], verdicts["agreement_without_ties"]["n"]) == (1, 32)
    assert 0 < verdicts["kappa"]["low"] < verdicts["kappa"]["value"] < 1
    assert list(found["teachers"]) == ["even", "good"]
    assert found["teachers"]["good"]["kappa"]["value"] == 1
    assert found["teachers"]["even"]["agreement"]["value"] == 0.5
    assert found["people"]["agreement"]["value"] == pytest.approx(1 / 3)
    assert orjson.loads(orjson.dumps(found)) == found


def test_pairs_without_a_winner_of_the_people_are_counted() -> None:
    examples = [
        example(0, [], "first"),
        example(1, ["first", "second"], "first"),
        example(2, [None, None], "first"),
        example(3, ["first", None], "first"),
        example(4, ["second"], None),
    ]
    found = measure(examples)
    assert (found["pairs"], found["reviewed"]) == (5, 4)
    assert found["left_out"] == {"no_majority": 1, "nobody_could_judge": 1}
    assert found["verdicts"]["agreement"]["n"] == 1
    assert found["verdicts"]["kappa"] == {"undefined": "Cohen's kappa is not defined: everybody always says the same"}
    assert found["people"]["alpha"]["undefined"]
    assert measure([])["verdicts"]["agreement"] == {"undefined": "no rows to measure"}


def test_one_question_under_several_ids_is_one_task() -> None:
    """Each row of some sources has an id of its own: the tasks' ids differ, the question does not."""
    people: list[Winner] = ["first", "second"]
    examples = [example(k, [people[k % 2]], "first", question=f"Question {k % 4}?") for k in range(20)]
    assert measure(examples)["verdicts"]["agreement"]["tasks"] == 4


def test_majorities_and_means() -> None:
    reviews = example(0, ["first", "tie", "first", None]).reviews
    assert majority(reviews) == "first"
    assert majority(reviews[:2]) is None
    assert majority(reviews[3:]) is None
    pair = example(0, [], None, {"t": [(5, 5), (3, 4)], "u": [(4, 4)]})
    assert winners(pair.judgments) == {"t": "second", "u": "tie"}
