"""Pilots: which comparisons teach, who waits for them, and that nothing waits for ever."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.generators.budget import Caps
from prefmill.generators.halt import Halt
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.learned import FEWEST, Learned
from prefmill.generators.protocols.adaptive_swap import AdaptiveSwap
from prefmill.generators.protocols.offset_corrected import OffsetCorrected
from prefmill.pipelines.judging import Judging
from prefmill.pipelines.overview import plan
from prefmill.pipelines.pilot import Admitted, Pilot, conducted
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.pipelines.stages import Answered, Judged, Paired, Seed
from prefmill.schemas.errors import CapReached, EndpointError, PutOff, RecipeError, Stopped
from prefmill.schemas.rows import Answer, Comparison, Judgment, Message, Task, Verdict

from .conftest import Endpoints

TEACHER = "sim-teacher-strong"
PILOT = 40


def said(number: int, shown: tuple[int, int], margin: float) -> Judgment:
    return Judgment(
        comparison_id=str(number), task_id=str(number), teacher="t", judge="j", shown=shown, scores=(5 + margin, 5)
    )


def pilot(room: int = 1000) -> Pilot:
    return Pilot(OffsetCorrected(pilot=PILOT), ("t",), Halt(), room)


async def line(
    one: Pilot, place: int, comparisons: int, seconds: float = 0, *, entered: bool = False
) -> list[float | None]:
    """A line of the source on its way through the run: the offset that each comparison was told; None: of the pilot."""
    if not entered:
        await one.enter(place)
    await asyncio.sleep(seconds)
    one.arrive(place, comparisons)

    async def comparison(index: int) -> float | None:
        if not await one.belongs(place, index):
            return (await one.wait()).habits[0].offset
        await asyncio.sleep(seconds)
        one.hear(place, index, [said(place, (0, 1), 1 + place), said(place, (1, 0), 1 - place)])
        return None

    try:
        return list(await asyncio.gather(*map(comparison, range(comparisons))))
    finally:
        one.leave()


def soon(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the work returns
    """The result; what waits for ever fails."""
    return asyncio.run(asyncio.wait_for(work, 5))


@pytest.mark.parametrize("room", [1, 7, 1000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_first_comparisons_are_the_pilot_whoever_is_first(room: int, seed: int) -> None:
    """Lines have 0 to 3 comparisons and come through in any order; with room for one they come one by one."""
    chance = random.Random(seed)
    counts = [chance.choice((0, 1, 3)) for _ in range(80)]
    late = [chance.choice((0, 0, 0.02)) if room > 1 else 0 for _ in counts]

    async def work() -> list[list[float | None]]:
        one = pilot(room)
        return await asyncio.gather(*(line(one, *each) for each in zip(range(80), counts, late, strict=True)))

    told = [offset for offsets in soon(work()) for offset in offsets]
    assert told == [None] * PILOT + [1.0] * (sum(counts) - PILOT)


class Ordered(OffsetCorrected):
    """Keeps what it was told."""

    def learn(self, heard: Sequence[Sequence[Judgment]], teachers: Sequence[str]) -> Learned:
        order.append([judgments[0].task_id for judgments in heard])
        return super().learn(heard, teachers)


order: list[list[str]] = []


def test_a_protocol_is_told_in_source_order_whoever_was_first() -> None:
    async def work() -> None:
        one = Pilot(Ordered(pilot=PILOT), ("t",), Halt(), 1000)
        await asyncio.gather(*(line(one, place, 1, (PILOT - place) / 2000) for place in range(PILOT)))

    order.clear()
    soon(work())
    assert order == [[str(place) for place in range(PILOT)]]


def test_check_tells_what_is_asked_at_most_and_about(tmp_path: Path) -> None:
    """Of 300 comparisons 40 are the pilot; the others are asked in one order, and some in both."""
    planned = plan(read_recipe(write_recipe(tmp_path, 100)))
    assert [(one.model, one.calls, one.expected) for one in planned.calls[2:]] == [
        ("sim-oak-8b", 100, 100),
        (TEACHER, 600, round(2 * 40 + 1.35 * 260)),
    ]


def test_a_cascade_needs_two_teachers(tmp_path: Path) -> None:
    judge = {"judge": "judgelm", "protocol": "cascade", "teachers": [{"provider": "simulated", "model": TEACHER}]}
    with pytest.raises(RecipeError, match=r"judge\.teachers: 'cascade' needs at least 2 teachers \(got 1\)"):
        read_recipe(write_recipe(tmp_path, 1, judge=judge))


def test_a_jury_leaves_out_the_answers_families(tmp_path: Path) -> None:
    """The strong teacher is an oak, the first cheap one a pine; no oak judges oaks."""
    teachers = [{"provider": "simulated", "model": model} for model in (TEACHER, "sim-teacher-cheap-1")]
    path = write_recipe(tmp_path, 4, judge={"judge": "judgelm", "protocol": "jury", "teachers": teachers})
    manifest = run(read_recipe(path), tmp_path / "run")
    asked: dict[str, set[str]] = {}
    for judgment in rows(tmp_path / "run", Judgment):
        asked.setdefault(judgment.comparison_id, set()).add(judgment.teacher)
    for comparison in rows(tmp_path / "run", Comparison):
        oaks = {model.startswith("sim-oak") for model in comparison.models}
        assert asked[comparison.id] == ({"sim-teacher-cheap-1"} if oaks == {True} else {TEACHER, "sim-teacher-cheap-1"})
    assert manifest["pilot"]["comparisons"] == 12


def test_a_source_shorter_than_the_pilot_teaches_what_it_has() -> None:
    async def work() -> Pilot:
        one = pilot()
        lines = [asyncio.create_task(line(one, place, 1)) for place in range(PILOT - 1)]
        await asyncio.sleep(0)
        one.end()
        assert await asyncio.gather(*lines) == [[None]] * (PILOT - 1)
        return one

    learned = soon(work()).learned
    assert learned.comparisons == PILOT - 1 >= FEWEST
    assert learned.habits[0].offset == 1


def test_lines_without_comparisons_make_no_pilot_and_stop_nobody() -> None:
    async def work() -> Pilot:
        one = pilot(room=3)
        await asyncio.gather(*(line(one, place, 0) for place in range(50)))
        one.end()
        return one

    assert soon(work()).learned.habits == ()


def test_a_slow_line_of_the_pilot_finds_room_however_many_wait_for_it() -> None:
    """On the engine itself: the first line is so late that all others would be in the judging step before it."""
    from prefmill.pipelines.engine import Mill, chain, seeds, stage

    room, lines, inside, told = 10, 600, [0], list[list[float | None]]()

    async def answer(seed: Seed) -> Answered:
        await asyncio.sleep(0.3 if seed.place == 0 else 0)
        return Answered()

    async def judge(seed: Seed, _: Answered) -> None:
        inside.append(inside[-1] + 1)
        told.append(await line(one, seed.place, FEWEST if seed.place == 0 else 1, entered=True))
        inside.append(inside[-1] - 1)

    async def work() -> None:
        with Mill(name="test") as mill:
            chain(
                seeds(lambda: (Seed(place, None) for place in range(lines))),
                stage("answers", Admitted(one, answer), ["seed"], "answered", 64),
                stage("judgments", judge, ["seed", "answered"], "judged", room, one.end),
            )
        await mill.stream(one.halt)

    one = Pilot(OffsetCorrected(pilot=FEWEST), ("t",), Halt(), room)
    soon(work())
    assert max(inside) == room
    assert sorted(map(len, told)) == [1] * (lines - 1) + [FEWEST]
    assert all(offsets == [1.0] for offsets in told if len(offsets) == 1)


@pytest.mark.parametrize("how", ["halt", "line lost"])
def test_a_stop_ends_every_wait(how: str) -> None:
    async def work() -> list[BaseException | list[float | None]]:
        one = pilot(room=20)
        async with conducted(one):
            lines = [asyncio.create_task(line(one, place, 1)) for place in range(1, 60)]
            await asyncio.sleep(0.01)
            assert not any(task.done() for task in lines), "line 0 is missing"
            if how == "halt":
                one.halt.request(Stopped("enough"))
            else:
                one.give_up()
            return await asyncio.gather(*lines, return_exceptions=True)

    assert {type(ended) for ended in soon(work())} == {Stopped}


def test_a_stopped_source_is_not_taken_for_a_short_one() -> None:
    async def work() -> Pilot:
        one = pilot()
        await line(one, 0, 1)
        one.halt.request(Stopped("enough"))
        one.end()
        return one

    assert soon(work()).learned is None


def write_recipe(folder: Path, tasks: int, **changes: Any) -> Path:  # noqa: ANN401 - recipe keys
    lines = [json.dumps({"id": f"q{number}", "instruction": f"Question {number}?"}) for number in range(tasks)]
    lines[2:2] = ["{"]
    (folder / "tasks.jsonl").write_text("\n".join(lines))
    entry = {"provider": "simulated", "timeout": 5, "max_in_flight": 16}
    recipe = {
        "name": "test",
        "seed": 5,
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [
            {**entry, "model": model, "sampling": {"temperature": 0.7, "seed": 1}}
            for model in ("sim-oak-70b", "sim-pine-32b", "sim-oak-8b")
        ],
        "compare": {"pairs": "all"},
        "judge": {
            "judge": "judgelm",
            "protocol": {"protocol": "adaptive_swap", "pilot": PILOT},
            "teachers": [{**entry, "model": TEACHER, "sampling": {"temperature": 0, "seed": 1}}],
        },
        "filters": ["empty_answers"],
        "world": {"seed": 3},
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def rows(directory: Path, kind: type[Any]) -> list[Any]:
    place = RunDirectory(directory)
    return [row for part in range(place.parts()) for row in place.rows(kind, part)]


def check(directory: Path, manifest: dict[str, Any]) -> None:
    """The first comparisons on disk were asked in both orders, and the others as those taught."""
    comparisons = rows(directory, Comparison)
    heard: dict[str, list[Judgment]] = {}
    for judgment in rows(directory, Judgment):
        heard.setdefault(judgment.comparison_id, []).append(judgment)
    first = [heard[comparison.id] for comparison in comparisons[:PILOT]]
    assert [len(judgments) for judgments in first] == [2] * len(first)
    learned = AdaptiveSwap().learn(first, (TEACHER,))
    assert manifest["pilot"] == learned.model_dump(mode="json")
    (habit,) = learned.habits
    assert habit.gap is not None
    for comparison in comparisons[PILOT:]:
        (one, *other) = heard[comparison.id]
        assert one.scores is not None
        margin = one.scores[0] - one.scores[1] - habit.offset
        assert (one.shown, len(other)) == ((0, 1), abs(margin) <= habit.gap), margin


def test_a_run_with_a_pilot(tmp_path: Path) -> None:
    """Replies take their time and some are very late; a second run over the same ledger gives the same."""
    path = write_recipe(tmp_path, 40, world={"seed": 3, "latency": 0.005, "latency_sigma": 1.5})
    manifest = run(read_recipe(path), tmp_path / "run")
    assert manifest["stages"]["verdicts"]["kept"] == 120
    check(tmp_path / "run", manifest)
    verdicts = rows(tmp_path / "run", Verdict)
    assert {len(verdict.judgment_ids) for verdict in verdicts[PILOT:]} == {1, 2}
    again = run(read_recipe(path), tmp_path / "run")
    assert again["this_time"]["sent"] == 0
    assert again["pilot"] == manifest["pilot"]
    assert rows(tmp_path / "run", Verdict) == verdicts


def test_a_run_shorter_than_its_pilot(tmp_path: Path) -> None:
    manifest = run(read_recipe(write_recipe(tmp_path, PILOT // 3)), tmp_path / "run")
    assert manifest["pilot"]["comparisons"] == PILOT // 3 * 3 == len(rows(tmp_path / "run", Verdict))
    assert manifest["stages"]["judgments"]["in"] == 2 * manifest["pilot"]["comparisons"]


@pytest.mark.parametrize("share", [0.4, pytest.param(0.8, marks=pytest.mark.slow)])
def test_a_run_stopped_in_the_middle_learns_the_same(tmp_path: Path, share: float) -> None:
    """Stopped in the middle of the pilot, or after it, and finished later, against a run that nothing stopped."""
    (tmp_path / "whole").mkdir()
    whole = run(read_recipe(write_recipe(tmp_path / "whole", 30)), tmp_path / "whole" / "run")
    calls = sum(row["calls"] for row in whole["calls"])
    recipe, started = read_recipe(write_recipe(tmp_path, 30)), time.monotonic()
    with pytest.raises(CapReached):
        run(recipe, tmp_path / "run", caps=Caps(calls=int(share * calls)))
    assert time.monotonic() - started < 5
    finished = run(recipe, tmp_path / "run")
    assert finished["pilot"] == whole["pilot"]
    assert finished["stages"] == whole["stages"]
    assert sum(row["calls"] for row in finished["calls"]) == calls
    assert rows(tmp_path / "run", Verdict) == rows(tmp_path / "whole" / "run", Verdict)


def test_a_model_that_breaks_ends_the_pilot() -> None:
    """A line that is given up on the way never comes to the judging step; those that wait there go home."""
    one = pilot()

    async def answer(seed: Seed) -> Answered:
        if seed.place == 3:
            await asyncio.sleep(0.01)
            raise EndpointError("gone")
        return Answered()

    async def both(place: int) -> None:
        await Admitted(one, answer)(Seed(place, None))
        await line(one, place, 1, entered=True)

    async def work() -> list[BaseException | None]:
        return await asyncio.gather(*map(both, range(100)), return_exceptions=True)

    ended = soon(work())
    assert ended[:3] == [None] * 3, "they are of the pilot and wait for nobody"
    assert [type(error) for error in ended[3:]] == [EndpointError, *[Stopped] * 96]


def test_a_teacher_that_breaks_ends_the_pilot(endpoint: Endpoints) -> None:
    server = endpoint(lambda _: 401 if len(server.heard) > 30 else "9 4")
    answers = tuple(Answer(task_id="q", model=model, text=f"by {model}") for model in "ab")
    comparison = Comparison(task_id="q", answer_ids=(answers[0].id, answers[1].id), models=("a", "b"))

    async def work() -> list[object]:
        async with server.callers({"model": "t"}) as callers:
            one = pilot()
            judging = Judging(JudgeLM(), one.protocol, {"t": callers[0]}, one)

            async def judged(place: int) -> object:
                task = Task(source_id="q", messages=(Message(role="user", content=f"Question {place}?"),))
                await one.enter(place)
                return await judging(Seed(place, task), Answered(answers), Paired(1, (comparison,)))

            return await asyncio.gather(*map(judged, range(100)), return_exceptions=True)

    kinds = {type(ended) for ended in soon(work())}
    assert EndpointError in kinds
    assert kinds <= {EndpointError, Stopped, Judged}


def test_a_pilot_does_not_end_before_lines_that_are_put_off() -> None:
    """Models that write tasks may be loaded later: the lines that came are only the beginning of the source."""

    async def whole() -> None:
        one = Pilot(OffsetCorrected(pilot=PILOT), ("t",), Halt(), 1000, spoiled=lambda: True)
        await one.enter(0)
        one.arrive(0, 1)
        assert await one.belongs(0, 0)
        one.hear(0, 0, [said(0, (0, 1), 1.0), said(0, (1, 0), 1.0)])
        one.end()
        with pytest.raises(PutOff):
            await one.wait()
        assert one.learned is None

    asyncio.run(whole())


def test_a_budget_is_for_what_filters_of_tasks_keep(tmp_path: Path) -> None:
    """Most of the source is too long; the strong teacher is asked about as much of the rest as it may be."""
    budget, kept = 90, 60
    teachers = [
        {"provider": "simulated", "model": model, "sampling": {"temperature": 0}}
        for model in ("sim-teacher-cheap-1", TEACHER)
    ]
    cascade = {"protocol": "cascade", "pilot": PILOT, "strong_pilot": FEWEST, "budget": budget, "share": 1.0}
    judge = {"judge": "judgelm", "protocol": cascade, "teachers": teachers}
    path = write_recipe(tmp_path, kept, judge=judge, filters=[{"filter": "task_length", "max_words": 5}])
    with (tmp_path / "tasks.jsonl").open("a") as source:
        source.writelines("\n" + json.dumps({"instruction": f"Question {n}, {'and more ' * 9}?"}) for n in range(900))
    run(read_recipe(path), tmp_path / "run")
    asked = {one.comparison_id for one in rows(tmp_path / "run", Judgment) if one.teacher == TEACHER}
    assert 0.8 * budget < len(asked) < 1.2 * budget
