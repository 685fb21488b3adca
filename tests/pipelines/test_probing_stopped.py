"""Runs with probes that are stopped, that learn from a pilot, or whose teacher breaks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from prefmill.generators.budget import Caps
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.probes import Probes
from prefmill.generators.protocols.adaptive_swap import AdaptiveSwap
from prefmill.pipelines.judging import Judging
from prefmill.pipelines.lookout import Lookout
from prefmill.pipelines.pilot import Pilot
from prefmill.pipelines.probing import Prober, Probing
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.stages import Answered, Judged, Paired, Seed
from prefmill.schemas.errors import CapReached, EndpointError, Stopped
from prefmill.schemas.probe import Probe
from prefmill.schemas.rows import Answer, Comparison, Message, Task

from .conftest import Endpoints
from .probed_runs import STRONG, calls, files, teachers, write_recipe


@pytest.mark.parametrize("share", [0.4, pytest.param(0.8, marks=pytest.mark.slow)])
def test_a_run_stopped_in_the_middle_ends_with_the_same_rows(tmp_path: Path, share: float) -> None:
    whole = run(read_recipe(write_recipe(tmp_path / "whole", 30)), tmp_path / "whole" / "run")
    recipe = read_recipe(write_recipe(tmp_path, 30))
    with pytest.raises(CapReached):
        run(recipe, tmp_path / "run", caps=Caps(calls=int(share * calls(whole))))
    finished = run(recipe, tmp_path / "run")
    assert finished["stages"] == whole["stages"]
    assert calls(finished) == calls(whole)
    assert files(tmp_path / "run") == files(tmp_path / "whole" / "run")


def test_a_run_with_a_pilot_and_probes_comes_to_its_end(tmp_path: Path) -> None:
    """The comparisons of the pilot are the first 30 of the run, probes or not."""
    protocol = {"protocol": "adaptive_swap", "pilot": 30}
    judge = {"judge": "judgelm", "protocol": protocol, "teachers": teachers(STRONG)}
    changes = {"judge": judge, "world": {"seed": 3, "latency": 0.003, "latency_sigma": 1.5}}
    manifest = run(read_recipe(write_recipe(tmp_path, 60, **changes)), tmp_path / "run")
    assert manifest["pilot"]["comparisons"] == 30
    assert manifest["stages"]["verdicts"]["kept"] == 60
    plain = run(read_recipe(write_recipe(tmp_path, 60, **changes, probes=None)), tmp_path / "run")
    assert plain["pilot"] == manifest["pilot"]
    assert plain["this_time"]["sent"] == 0


class Breaking(Prober):
    """Has no probes, and a teacher that breaks at that of the first line, when all others are through."""

    async def __call__(self, seed: Seed, answered: Answered, paired: Paired) -> Probe | None:
        if seed.place == 0:
            await asyncio.sleep(0.3)
            raise EndpointError("gone")
        return None


@pytest.mark.parametrize("kind", [Prober, Breaking])
def test_a_teacher_that_breaks_at_a_probe_ends_the_pilot(
    endpoint: Endpoints, tmp_path: Path, kind: type[Prober]
) -> None:
    """Lines that wait for the pilot must not wait for one that was given up at its probe."""
    server = endpoint(lambda _: 401 if kind is Prober and len(server.heard) > 30 else "9 4")
    text = " ".join(["word"] * 30)
    answers = tuple(Answer(task_id="q", model=model, text=f"{text} by {model}") for model in "ab")
    comparison = Comparison(task_id="q", answer_ids=(answers[0].id, answers[1].id), models=("a", "b"))
    answered = Answered(answers, frozenset(one.id for one in answers))

    async def work() -> list[object]:
        async with server.callers({"model": "t"}) as callers:
            teacher, probes, halt = {"t": callers[0]}, Probes(first=1000), callers[0].halt
            pilot = Pilot(AdaptiveSwap(pilot=40), ("t",), halt, 1000)
            judging = Judging(JudgeLM(), pilot.protocol, teacher, pilot)
            prober = kind(probes, 1, judging.judge, judging.protocol, teacher)
            probing = Probing(judging, prober, Lookout(probes, halt, tmp_path, 1))

            async def judged(place: int) -> object:
                task = Task(messages=(Message(role="user", content=f"Question {place}?"),))
                await pilot.enter(place)
                return await probing(Seed(place, task), answered, Paired(1, (comparison,)))

            return await asyncio.gather(*map(judged, range(100)), return_exceptions=True)

    kinds = {type(ended) for ended in asyncio.run(asyncio.wait_for(work(), 5))}
    assert EndpointError in kinds
    assert kinds <= {EndpointError, Stopped, Judged}
