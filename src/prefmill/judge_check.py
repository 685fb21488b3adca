"""What a person sees when a judge was checked: a block of numbers for each judge, reference mode and kind of label."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from prefmill.schemas.errors import CapReached, Stopped
from prefmill.tables import console, money, table

if TYPE_CHECKING:
    from prefmill.pipelines.judge_blocks import Block, Measured
    from prefmill.pipelines.judge_check import JudgeCheck

NAMES = {
    "agreement": "agreement",
    "agreement_without_ties": "agreement without ties",
    "kappa": "Cohen's kappa",
    "precision": "macro precision",
    "recall": "macro recall",
    "f1": "macro F1",
    "agreement_other_order": "agreement, other order",
    "agreement_averaged": "agreement, orders averaged",
    "consistency": "consistency",
    "prefer_first": "prefer first",
    "prefer_second": "prefer second",
    "delta_bias": "delta bias",
}
LABELS = {"people": "people's labels", "verdict": "the file's verdicts"}
MEANING = {"people": "agreement is correctness", "verdict": "agreement is fidelity to whoever gave them"}
LEFT_OUT = {
    "first_order_not_read": "without a verdict in the file's order, so in no number but `unreadable`",
    "other_order_not_read": "without a verdict in the other order, so in the first order's numbers only",
}


def show_judge_check(check: JudgeCheck) -> None:
    """The blocks, then what was left out and why, then where the report lies."""
    out = sys.stdout.write
    told = [f"{count:,} of {LABELS[by]} ({MEANING[by]})" for by, count in check.labels.items()]
    path, here = Path(check.pairs), Path.cwd()
    out(f"{path.relative_to(here) if path.is_relative_to(here) else path}: {'; '.join(told)}\n")
    for block in check.blocks:
        _show_block(block)
    for why, rows in check.left_out.items():
        out(f"not asked about: {why} {rows:,}\n")
    if check.simulated:
        out("simulated: answers or judgments come from the simulated world\n")
    cost = "" if check.cost_usd is None else f", {money(check.cost_usd)} in all"
    out(f"{check.sent:,} calls sent, {check.found:,} found in the ledger{cost}\n")
    out(f"wrote {check.directory / 'judge-check.json'}\n")


def to_go_on(stopped: Stopped) -> str:
    """Which command goes on with a stopped check."""
    if isinstance(stopped, CapReached) and stopped.higher is not None:
        return f"the same command with {stopped.option} {stopped.higher:.12g} goes on from there"
    return "the same command goes on from there"


def _show_block(block: Block) -> None:
    mode = "with the reference" if block.with_reference else "without a reference"
    # No title of the table, which would wrap at the table's width.
    sys.stdout.write(f"\n{block.judge}, {mode}, against {LABELS[block.labels]}: {block.pairs:,} pairs\n")
    drawn = table("", ">value", "95 % interval", ">pairs", ">tasks")
    for group in (block.measures, block.orders):
        for name, value in group.items():
            drawn.add_row(*_cells(NAMES[name], value))
        drawn.add_section()
    drawn.add_row(*_cells("unreadable (of replies)", block.unreadable))
    console().print(drawn)
    _show_counts("failed", block.failures)
    for why, pairs in block.left_out.items():
        sys.stdout.write(f"pairs {LEFT_OUT[why]}: {pairs:,}\n")


def _cells(name: str, value: Measured) -> tuple[str, ...]:
    if isinstance(value, Exception):
        return name, "undefined", str(value), "", ""
    return name, f"{value.value:.3f}", f"{value.low:.3f} to {value.high:.3f}", f"{value.n:,}", f"{value.tasks:,}"


def _show_counts(what: str, counted: Mapping[str, int]) -> None:
    if counted:
        sys.stdout.write(f"{what}: {', '.join(f'{name} {count:,}' for name, count in counted.items())}\n")
