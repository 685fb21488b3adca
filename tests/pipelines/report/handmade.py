"""A run directory written by hand: few rows, so that every figure can be counted on paper, and every section filled."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from prefmill.curation.calibration import Calibration, Curve, HeldOut
from prefmill.curation.reliability import Bin, Reliability
from prefmill.generators.ledger import Attempt, Call, Ledger
from prefmill.pipelines.recipe import as_yaml
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Answer, Comparison, Judgment, Loss, Message, Task, Verdict, Winner

from ..probed_runs import write_recipe

SAID: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = (
    ((9, 4), (5, 9)),
    ((8, 6), (4, 7)),
    ((6, 6), (6, 6)),
    ((3, 9), (7, 6)),
)
"""For each task the scores as shown, in the comparison's order and in the other one."""
WINNERS: tuple[Winner, ...] = ("first", "first", "tie", "second")
MARGINS = (4.5, 2.5, 0.0, -3.5)


def handmade(
    folder: Path, *, models: tuple[str, str] = ("oak", "pine"), teacher: str = "strong", reason: str = "minimum_margin"
) -> Path:
    """A finished run of four tasks: two models, one teacher in both orders, the tie dropped for `reason`."""
    recipe = read_recipe(write_recipe(folder, 4, remove=["position"]), environment=False)
    place = RunDirectory(folder / "run")
    place.path.mkdir()
    (place.path / "recipe.yaml").write_text(as_yaml(recipe))
    tasks = [Task(source_id=f"q{n}", messages=(Message(role="user", content=f"Question {n}?"),)) for n in range(4)]
    answers = [
        tuple(Answer(task_id=task.id, model=name, text=f"By {n}.") for n, name in enumerate(models)) for task in tasks
    ]
    compared = [
        Comparison(task_id=task.id, answer_ids=tuple(one.id for one in some), models=models)
        for task, some in zip(tasks, answers, strict=True)
    ]
    judged = [
        [
            Judgment(
                comparison_id=one.id, task_id=one.task_id, teacher=teacher, judge="judgelm", shown=shown, scores=scores
            )
            for shown, scores in zip(((0, 1), (1, 0)), said, strict=True)
        ]
        for one, said in zip(compared, SAID, strict=True)
    ]
    verdicts = [
        Verdict(
            comparison_id=one.id, task_id=one.task_id, protocol="both_orders", winner=winner, margin=margin,
            judgment_ids=tuple(judgment.id for judgment in heard),
        )
        for one, heard, winner, margin in zip(compared, judged, WINNERS, MARGINS, strict=True)
    ]  # fmt: skip
    # Two parts, so that what is counted is added up.
    for number, some in enumerate((slice(0, 3), slice(3, 4))):
        place.write(Task, number, tasks[some])
        place.write(Answer, number, [one for pair in answers[some] for one in pair])
        place.write(Comparison, number, compared[some])
        place.write(Judgment, number, [one for heard in judged[some] for one in heard])
        place.write(Verdict, number, verdicts[some])
        place.write(Loss, number, [_dropped("verdicts", verdicts[2], reason)] if number == 0 else [])
    place.write_flags([{"row_id": tasks[0].id, "kind": "task", "by": reason, "detail": f"see {reason}"}])
    asyncio.run(_called(place, models, teacher))
    _calibrated(place)
    place.write_manifest(_manifest(models, teacher, reason))
    return place.path


def _dropped(stage: str, row: Verdict, reason: str) -> Loss:
    status: Literal["dropped"] = "dropped"
    return Loss(stage=stage, status=status, row_id=row.id, task_id=row.task_id, by=reason, reason=reason)


async def _called(place: RunDirectory, models: tuple[str, str], teacher: str) -> None:
    """Five calls a model, of 1 to 5 s each; the teacher's have no price, and one of them was given up."""
    with Ledger.open(place.ledger) as ledger:
        for stage, model, cost in (
            ("answers", models[0], 0.5),
            ("answers", models[1], 0.25),
            ("judgments", teacher, None),
        ):
            for n in range(1, 6):
                failed = cost is None and n == 5
                await ledger.record(
                    Call(
                        key=f"{stage} {model} {n}", stage=stage, model=model, task_id="t", sample=0, request="{}",
                        status="timeout" if failed else "ok", text="", finish_reason="stop", prompt_tokens=10 * n,
                        completion_tokens=n, cost_usd=cost, attempts=1 + failed, latency_s=n, created_s=100.0 + n,
                    )
                )  # fmt: skip
        ledger.note(Attempt(f"judgments {teacher} 5", 1, "timeout", "no reply", 104.0))
        await asyncio.sleep(0)


def _calibrated(place: RunDirectory) -> None:
    bins = (Bin(0.5, 0.7, 120, 0.62, 0.6), Bin(0.7, 0.99, 130, 0.9, 0.93))
    place.save_calibration(
        Calibration(
            labels=250,
            curve=Curve(method="platt", features=("margin",), intercept=0.0, slopes=(1.0,)),
            fitted=(0.6, 0.9),
            held_out=HeldOut(p=(0.6, 0.9), right=(True, False)),
            reliability=Reliability(rows=250, ece=0.02, ece_of_chance=0.03, brier=0.15, bins=bins),
        )
    )


def measured(value: float, reach: float = 0.1, **more: object) -> dict[str, Any]:
    """A figure with its interval."""
    return {
        "value": value,
        "low": value - reach,
        "high": value + reach,
        "n": 4,
        "tasks": 4,
        "method": "by hand",
        **more,
    }


def _manifest(models: tuple[str, str], teacher: str, reason: str) -> dict[str, Any]:
    def stage(entered: int, dropped: dict[str, int] | None = None) -> dict[str, Any]:
        return {"in": entered, "kept": entered - sum((dropped or {}).values()), "dropped": dropped or {}, "failed": {}}

    why = {"undefined": f"too few for {reason}"}
    shares = ("consistency", "prefer_first", "prefer_second", "delta_bias", "refusals_preferred")
    bias = {
        "offset": {"value": 0.8, "low": 0.6, "high": 1.0, "pairs": 4},
        "length": why, "format": why, "label": why, "own_family": why, "truncated_preferred": why,
        **{key: measured(0.5) for key in shares}, "pairs": 4, "probes": 0,
    }  # fmt: skip
    strengths = [
        {"model": name, "rank": n + 1, "ranks": [1, 2], "strength": {"value": 0.5 - n, "low": 0.1 - n, "high": 0.9 - n},
         "above_next": None if n else 0.9}
        for n, name in enumerate(models)
    ]  # fmt: skip
    ranking = {"models": strengths, "nuisances": {}, "pairs": 4, "tasks": 4, "ties": 1}
    beside = {"agreement": measured(0.8), "kappa": measured(0.6), "agreement_without_ties": why}
    return {
        "name": "by-hand", "prefmill": "0.1.0", "simulated": False, "seed": 5, "python": "3.11.7", "versions": {},
        "started": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T00:01:00+00:00", "finished": True,
        "stages": {
            "tasks": stage(4), "answers": stage(8), "comparisons": stage(4), "judgments": stage(8), "grades": stage(0),
            "verdicts": stage(4, {reason: 1}),
        },
        "calls": [], "cost_usd": 3.75,
        "bias": {"teachers": {teacher: bias, f"{teacher} 2": why}, "kappa": {f"{teacher} / other": measured(0.4)}},
        "ranking": {"raw": ranking, "debiased": why},
        "filters": {reason: {"rows": 4, "chosen": {"of": [1, 2]}}},
        "agreement": {
            "pairs": 4, "reviewed": 4, "left_out": {"no_majority": 1}, "verdicts": beside,
            "teachers": {teacher: beside}, "people": {"agreement": measured(0.9), "alpha": why},
        },
        "calibration": {"labels": 250, "method": "platt", "ece": 0.02, "ece_of_chance": 0.03, "brier": 0.15},
        "review": {
            "strata": {"audit": {"pairs": 4, "wanted": 4, "handed": 4, "done": 3}}, "teachers": measured(0.8),
            "audit": {"population": 4, "drawn": 4, "read": 3}, "more": 12, "target": 0.05,
        },
        "engines": [
            {"models": [teacher], "loads": 1, "wakes": 0, "crashes": 0, "load_s": 12.5, "prompt_tokens": 400,
             "cached_tokens": 300, "completion_tokens": 40}
        ],
    }  # fmt: skip
