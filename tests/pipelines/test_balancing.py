"""Making a run's grid of scores even: which graded answers go on, which do not and why, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefmill.pipelines.balancing import BY, flatten, told
from prefmill.pipelines.examples import examples
from prefmill.pipelines.rundir import FOLDERS, RunDirectory
from prefmill.schemas.row import Row
from prefmill.schemas.rows import Answer, Comparison, Grade, Loss, Message, Task, Verdict
from prefmill.schemas.rubric import Level, Rubric

SCORES = (1, 2, 3)
RUBRIC = Rubric(criteria="Is it right?", levels=tuple(Level(score=one, description=f"A {one}.") for one in SCORES))


def task(number: int) -> Task:
    name = f"rubric-1/instruction-{number + 1}"
    return Task(
        source_id=name, messages=(Message(role="user", content=f"{number}?"),), rubric=RUBRIC, source="authored"
    )


def answer(of: Task, intended: int | None, sample: int = 0, words: int = 20) -> Answer:
    return Answer(task_id=of.id, model="m", sample=sample, intended=intended, text=" ".join(["word"] * words))


def grades(of: Answer, *teachers: str) -> list[Grade]:
    return [
        Grade(answer_id=of.id, task_id=of.task_id, teacher=teacher, judge="prometheus_absolute", score=of.intended or 3)
        for teacher in teachers or ("t",)
    ]


def written(folder: Path, *parts: Sequence[Row]) -> RunDirectory:
    """A run's parts, with the rows of every kind in their own files."""
    place = RunDirectory(folder)
    for number, rows in enumerate(parts):
        for kind in FOLDERS:
            place.write(kind, number, [row for row in rows if type(row) is kind])
    return place


def rows_of(number: int, *intended: int, words: int = 20, samples: int = 1) -> list[Row]:
    """A task with a graded answer for each of these scores and samples."""
    of = task(number)
    answers = [answer(of, one, sample, words) for sample in range(samples) for one in intended]
    return [of, *answers, *(grade for one in answers for grade in grades(one))]


def lost(losses: Sequence[Loss]) -> dict[str, int]:
    return {reason: sum(loss.reason == reason for loss in losses) for reason in {loss.reason for loss in losses}}


def test_an_even_grid_loses_nothing(tmp_path: Path) -> None:
    place = written(tmp_path, rows_of(0, *SCORES), rows_of(1, *SCORES))
    grid, losses = flatten(place, SCORES)
    assert losses == []
    assert told(grid) == {
        "rows": {"1": 2, "2": 2, "3": 2},
        "mean_words": {"1": 20, "2": 20, "3": 20},
        "tilt": 0,
        "length_gap": 0,
        "missing": [],
    }


def test_one_answer_fills_a_cell(tmp_path: Path) -> None:
    place = written(tmp_path, rows_of(0, *SCORES, samples=2))
    grid, losses = flatten(place, SCORES)
    assert set(grid.counts.values()) == {1}
    assert [(loss.stage, loss.status, loss.by, loss.reason) for loss in losses] == [
        ("grades", "dropped", BY, "cell_is_filled")
    ] * 3
    of = task(0)
    assert {loss.task_id for loss in losses} == {of.id}
    assert [loss.row_id for loss in losses] == [grades(answer(of, score, 1))[0].id for score in SCORES]
    assert [loss.detail for loss in losses] == [f"intended {score}, 20 words" for score in SCORES]


def test_scores_with_more_rows_lose_some(tmp_path: Path) -> None:
    """Those whose instruction lacks the other scores, over all parts of the run."""
    place = written(tmp_path, rows_of(0, *SCORES), [*rows_of(1, 1, 2), *rows_of(2, 1)], rows_of(3, *SCORES))
    grid, losses = flatten(place, SCORES)
    assert grid.counts == dict.fromkeys(SCORES, 2)
    assert lost(losses) == {"more_than_other_scores": 3}
    assert {loss.task_id for loss in losses} == {task(1).id, task(2).id}
    assert told(grid)["missing"] == [
        "rubric-1/instruction-2 score 3", "rubric-1/instruction-3 score 2", "rubric-1/instruction-3 score 3"
    ]  # fmt: skip


def test_lengths_are_made_alike(tmp_path: Path) -> None:
    rows = [row for number in range(20) for row in rows_of(number, 1, 2, words=20 + number % 3)]
    rows += [row for number in range(20) for row in rows_of(number, 3, words=40 if number < 5 else 21)[1:]]
    grid, losses = flatten(written(tmp_path, rows), SCORES)
    assert set(lost(losses)) == {"uneven_length"}
    assert told(grid)["length_gap"] <= 0.1
    assert told(grid)["tilt"] == 0
    assert len(set(grid.counts.values())) == 1


def test_what_no_answer_was_kept_for_is_missing_too(tmp_path: Path) -> None:
    """A task none of whose answers was confirmed, and a score that nothing deserves."""
    of = task(1)
    unsure = answer(of, 1)
    (grade,) = grades(unsure)
    loss = Loss(stage="grades", status="dropped", row_id=grade.id, task_id=of.id, by="f", reason="intended_score")
    place = written(tmp_path, rows_of(0, 1, 2), [of, unsure, grade, loss])
    grid, losses = flatten(place, SCORES)
    assert losses == []
    assert (grid.counts, grid.tilt) == ({1: 1, 2: 1, 3: 0}, 1)
    assert [(cell.group.instruction, cell.score) for cell in grid.missing] == [
        ("instruction-1", 3), ("instruction-2", 1), ("instruction-2", 2), ("instruction-2", 3)
    ]  # fmt: skip
    assert "3" not in told(grid)["mean_words"]


def test_every_grade_of_an_answer_goes_with_it(tmp_path: Path) -> None:
    of = task(0)
    one, spare = answer(of, 1), answer(of, 1, sample=1)
    rows = [*grades(one, "t", "u"), *grades(spare, "t", "u")]
    _, losses = flatten(written(tmp_path, [of, one, spare, *rows]), (1,))
    assert [loss.row_id for loss in losses] == [grade.id for grade in rows[2:]]


def test_only_graded_answers_that_aimed_are_in_the_grid(tmp_path: Path) -> None:
    """A plain answer is left alone, and so is a verdict beside the grades."""
    of = task(0)
    plain, low, high = answer(of, None), answer(of, 1), answer(of, 2)
    pair = Comparison(task_id=of.id, answer_ids=(low.id, high.id), models=("m", "m"))
    verdict = Verdict(
        comparison_id=pair.id, task_id=of.id, protocol="grades", judgment_ids=(), winner="second", margin=-1
    )
    rows = [grade for one in (plain, low, high) for grade in grades(one)]
    place = written(tmp_path, [of, plain, low, high, pair, verdict, *rows])
    grid, losses = flatten(place, (1, 2))
    assert (grid.counts, losses) == ({1: 1, 2: 1}, [])


def test_what_is_written_down_is_not_exported(tmp_path: Path) -> None:
    place = written(tmp_path, rows_of(0, *SCORES, samples=2), rows_of(1, 1))
    before = list(examples(place))
    grid, losses = flatten(place, SCORES)
    place.write_late_losses(losses)
    kept = list(examples(place))
    assert (len(before), len(losses), len(kept)) == (7, 4, 3)
    assert [example.index for example in kept] == [0, 1, 2]
    assert [example.answers[0].id for example in kept] == list(grid.kept)
    # Looked at again, it is even.
    assert flatten(place, SCORES)[1] == []
