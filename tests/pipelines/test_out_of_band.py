"""Probes that stop a run: when, with which line, and what happens when it is started again."""

from __future__ import annotations

import json
import shlex
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from prefmill.cli import main
from prefmill.generators.halt import Halt
from prefmill.generators.probes import Probes
from prefmill.pipelines.lookout import Lookout
from prefmill.pipelines.overview import found, plan
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import OutOfBand
from prefmill.schemas.probe import Probe
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Comparison, Judgment

from .probed_runs import CHEAP, STRONG, calls, files, teachers, write_recipe

RECIPES = Path(__file__).parents[2] / "pipelines" / "recipes"
TASKS = 1000
MUTE = {"seed": 3, "faults": {"unreadable": 1}, "latency": 0.002}
PROBES = {"first": 70}


def probe(number: int, *, readable: bool) -> Probe:
    answers = tuple(Answer(task_id=f"q{number}", model="a", text=text) for text in ("One.", "Two."))
    comparison = Comparison(task_id=f"q{number}", answer_ids=(answers[0].id, answers[1].id), models=("a", "a"))
    failure = None if readable else Failure(kind="unreadable", message="two scores were\nexpected")
    judgment = Judgment(
        comparison_id=comparison.id,
        task_id=f"q{number}",
        teacher="t",
        judge="j",
        shown=(0, 1),
        scores=(5, 5) if readable else None,
        failure=failure,
    )
    return Probe(task_id=f"q{number}", kind="identical", comparison=comparison, answers=answers, judgments=(judgment,))


def told(probes: dict[int, Probe | None], directory: Path) -> Halt:
    halt = Halt()
    lookout = Lookout(Probes(), halt, directory, 0)
    for place, each in probes.items():
        lookout.tell(place, each)
    return halt


def test_the_lookout_hears_lines_in_source_order(tmp_path: Path) -> None:
    """Seven bad ones stop a run if they come first, and not after 30 good ones, whatever order they are told in."""
    bad: dict[int, Probe | None] = {place: probe(place, readable=False) for place in range(0, 14, 2)}
    gaps: dict[int, Probe | None] = dict.fromkeys(range(1, 14, 2))
    good: dict[int, Probe | None] = {place: probe(place, readable=True) for place in range(14, 44)}
    messages = set()
    for parts in permutations((bad, gaps, good)):
        halt = told({place: one for part in parts for place, one in part.items()}, tmp_path)
        assert isinstance(halt.reason, OutOfBand)
        messages.add(str(halt.reason))
    (message,) = messages
    assert "\n" not in message
    assert message.startswith("t: 5 of 5 replies about probe pairs cannot be read (`probes.unreadable` allows 30%)")
    assert "the latest: two scores were expected." in message
    assert f"`prefmill show {shlex.quote(str(tmp_path))} q8`" in message

    turned = {43 - place: one for place, one in (bad | gaps | good).items()}
    for order in (sorted(turned), sorted(turned, reverse=True)):
        assert told({place: turned[place] for place in order}, tmp_path).reason is None
    assert told({place: bad.get(place) for place in range(1, 44)}, tmp_path).reason is None, "the first line is missing"


def command(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_mute_teacher_stops_a_run_before_money_is_spent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, directory = write_recipe(tmp_path, TASKS, world=MUTE, probes=PROBES), tmp_path / "run"
    arguments = ["run", str(path), "--run-dir", str(directory), "--json"]
    assert command(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith((f"{STRONG}: ", f"{CHEAP}: "))
    assert "replies about probe pairs cannot be read (`probes.unreadable` allows 30%)" in said
    assert "Nothing more is sent." in said
    place = RunDirectory(directory)
    manifest = place.manifest()
    assert manifest["stopped"] == said.strip()
    assert not manifest["finished"]
    whole = sum(one.calls for one in plan(read_recipe(path)).calls)
    assert calls(manifest) < whole / 3
    judging = [row for row in manifest["calls"] if row["stage"] == "judgments"]
    # Every question is asked three times; of 60 lines there would be 60 comparisons and some 100 about probes.
    assert sum(row["calls"] for row in judging) < 3 * 2 * (60 + 100)

    # The line says where to look, although no row of that task came through.
    look = shlex.split(said.split("`")[3])
    assert look[:2] == ["prefmill", "show"]
    main_shows(look[1:])
    shown = json.loads(capsys.readouterr().out)
    assert {call["stage"] for call in shown["calls"]} == {"answers", "judgments"}
    assert any("rather not put a number" in call["text"] for call in shown["calls"])
    assert found(directory, look[-1]) == shown

    # Started again it stops at the same probe, and sends nothing.
    before = files(directory)
    assert command(arguments) == 2
    assert capsys.readouterr().err == said
    assert (files(directory), place.manifest()) == (before, manifest), "nothing was begun"
    assert ledger_calls(place) == calls(manifest)


def main_shows(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert not ended.value.code


def ledger_calls(place: RunDirectory) -> int:
    from prefmill.generators.ledger import Ledger

    with Ledger.open(place.ledger) as ledger:
        return sum(row.calls for row in ledger.totals())


@pytest.mark.parametrize("protocol", ["one_order", {"protocol": "adaptive_swap", "pilot": 30}])
def test_with_another_band_it_goes_on_and_pays_for_nothing_twice(tmp_path: Path, protocol: Any) -> None:  # noqa: ANN401
    """Four of five replies cannot be read: too many by default."""
    judge = {"judge": "judgelm", "retries": 0, "protocol": protocol, "teachers": teachers(STRONG)}
    common = {"judge": judge, "world": {**MUTE, "faults": {"unreadable": 0.8}}}
    directory = tmp_path / "run"
    with pytest.raises(OutOfBand, match=f"{STRONG}: "):
        run(read_recipe(write_recipe(tmp_path, 60, **common, probes=PROBES)), directory)
    kept = ledger_calls(RunDirectory(directory))
    wide = read_recipe(write_recipe(tmp_path, 60, **common, probes={**PROBES, "unreadable": 1}))
    manifest = run(wide, directory)
    assert manifest["finished"]
    assert "out_of_band" not in manifest
    assert manifest["this_time"]["sent"] == calls(manifest) - kept
    assert run(wide, directory)["this_time"]["sent"] == 0


def test_where_models_write_the_tasks_it_stops_again_too(tmp_path: Path) -> None:
    """What authors wrote is read from the ledger, like everything else."""
    author = {"provider": "simulated", "model": "sim-oak-70b", "sampling": {"temperature": 0.7, "seed": 1}}
    rubrics = {"seeds": str(RECIPES / "seed_rubrics.jsonl"), "wanted": 3}
    source = {"source": "authored", "rubrics": rubrics, "instructions_per_rubric": 10, "author": author}
    path = write_recipe(tmp_path, 1, tasks=source, world=MUTE, probes=PROBES)
    said, kept = set(), set()
    for _ in range(2):
        with pytest.raises(OutOfBand) as caught:
            run(read_recipe(path), tmp_path / "run")
        said.add(str(caught.value))
        kept.add(ledger_calls(RunDirectory(tmp_path / "run")))
    assert len(said) == len(kept) == 1
