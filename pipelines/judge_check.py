"""Checking a judge: it is asked about pairs whose label is known, in both orders, and what it says is measured.

An ordinary run does the asking, so a check can be stopped and started again, keeps to caps, and asks nothing twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..generators.budget import Caps
from ..generators.sources.reviewed import Reviewed
from ..schemas.errors import UserError
from ..schemas.labels import Label, label_of
from ..schemas.row import digest
from ..schemas.rows import Example, Judgment, Loss
from .judge_blocks import Block, Gold, blocks
from .recipe import Recipe
from .run import UNCAPPED, run
from .rundir import RunDirectory, write_text
from .watching import Watch

REPORT = "judge-check.json"
"""The report's file in the run directory."""


@dataclass(frozen=True, slots=True)
class JudgeCheck:
    """What came of a check."""

    pairs: str
    """The file or folder with the pairs, as a message names it."""
    format: str
    prompt: str
    """Name of the judge plug-in: what was asked, and how replies were read."""
    tie: float
    """Scores that differ by no more are a tie."""
    simulated: bool
    """Whether any part of it comes from the simulated world, as far as the file says."""
    labels: Mapping[str, int]
    """Whose label it is (`people`, `verdict`) -> pairs."""
    left_out: Mapping[str, int]
    """Why -> rows of the set that were not asked about."""
    blocks: tuple[Block, ...]
    sent: int
    """Calls sent this time."""
    found: int
    """Calls whose reply lay in the ledger."""
    cost_usd: float | None
    """Of all calls of the run directory; None where no price is known."""
    directory: Path

    def as_plain(self) -> dict[str, Any]:
        """The check as JSON values."""
        return {
            "pairs": self.pairs,
            "format": self.format,
            "judge": self.prompt,
            "tie": self.tie,
            "simulated": self.simulated,
            "labels": dict(self.labels),
            "left_out": dict(self.left_out),
            "blocks": [block.as_plain() for block in self.blocks],
            "calls": {"sent": self.sent, "found": self.found, "cost_usd": self.cost_usd},
            "directory": str(self.directory),
        }


def judge_check(
    recipe: Recipe,
    directory: Path,
    *,
    tie: float = 0.0,
    watch: Watch | None = None,
    retry_failed: bool = False,
    caps: Caps = UNCAPPED,
) -> JudgeCheck:
    """Asks what is not in the run directory yet, measures, and writes `judge-check.json` there.

    `recipe`: of `judge_check_recipe`. Raises as `run` does, and `UserError` where no pair has a label or no verdict
    could be read.
    """
    source = recipe.tasks
    assert isinstance(source, Reviewed)
    gold, simulated = _labels(source)
    manifest = run(recipe, directory, watch=watch, retry_failed=retry_failed, caps=caps)
    place = RunDirectory(directory)
    now = manifest["this_time"]
    check = JudgeCheck(
        pairs=source.where(),
        format=source.format,
        prompt=recipe.judge.judge.plugin_name(),
        tie=tie,
        simulated=simulated or recipe.simulated(),
        labels=dict(sorted(Counter(one.label.by for one in gold.values()).items())),
        left_out=_left_out(manifest),
        blocks=tuple(blocks(_judgments(place), gold, tie=tie)),
        sent=now["sent"],
        found=now["found"],
        cost_usd=manifest["cost_usd"],
        directory=directory,
    )
    write_text(place.path / REPORT, json.dumps(check.as_plain(), indent=2, ensure_ascii=False) + "\n")
    if not any(block.measured for block in check.blocks):
        failures = sum((Counter(block.failures) for block in check.blocks), Counter[str]())
        raise UserError(
            f"{directory}: no verdict could be read of {len(gold):,} pairs ({_counts(failures)})."
            f" The replies stand in its {place.ledger.name}; `prefmill show {directory} ROW` shows one."
        )
    return check


def _labels(source: Reviewed) -> tuple[dict[str, Gold], bool]:
    """Comparison -> its label, and whether any pair says that it is simulated. Raises `UserError` for no label."""
    found: dict[str, Gold] = {}
    lost: Counter[str] = Counter()
    simulated = False
    for row in source.seeds():
        if isinstance(row, Loss):
            lost[row.reason] += 1
        elif isinstance(row, Example) and row.comparison is not None and isinstance(label := label_of(row), Label):
            # Sources give an id to every row: the same question can come as several tasks.
            found[row.comparison.id] = Gold(label, digest(*row.task.messages))
            simulated = simulated or row.simulated
    if not found:
        raise UserError(f"{source.where()}: no pair with a label in {lost.total():,} rows ({_counts(lost)}).")
    return found, simulated


def _judgments(place: RunDirectory) -> Iterator[Judgment]:
    """All judgments of a run without their texts, which would fill the memory."""
    for number in range(place.parts()):
        for judgment in place.rows(Judgment, number):
            yield judgment.model_copy(update={"raw": None, "rationale": "", "aspects": ()})


def _left_out(manifest: Mapping[str, Any]) -> dict[str, int]:
    lost: Counter[str] = Counter()
    for stage in ("tasks", "comparisons"):
        for status in ("dropped", "failed"):
            lost.update(manifest["stages"].get(stage, {}).get(status, {}))
    return dict(lost.most_common())


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counted.most_common())
