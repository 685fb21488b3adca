"""Tables at the terminal: how they look, and the two that a person reads before a run: its cost, and its health."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from prefmill.schemas.visible import visible
from prefmill.visible import own

if TYPE_CHECKING:
    from prefmill.pipelines.checks import Check
    from prefmill.pipelines.estimate import Estimate, Line
    from prefmill.pipelines.extrapolate import Figure

PIPED_WIDTH = 160


def console() -> Console:
    """A console that wraps at the terminal's width, and never breaks lines of piped output."""
    made = Console(highlight=False, file=own(sys.stdout))
    if not made.is_terminal:
        made.width = PIPED_WIDTH
    return made


def table(*columns: str, title: str | None = None) -> Table:
    """A table whose columns named with a leading `>` stand right. Texts in it are texts, whatever they hold."""
    made = _Table(
        box=box.SIMPLE_HEAD, title=None if title is None else _plain(title), title_justify="left", pad_edge=False
    )
    for column in columns:
        made.add_column(
            _plain(column.lstrip(">")), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    return made


class _Table(Table):
    """A table whose cells hold nothing that rich takes for markup, or a terminal for an order."""

    def add_row(self, *cells: Any, **options: Any) -> None:  # noqa: ANN401 - as rich declares them
        super().add_row(*(_plain(cell) if isinstance(cell, str) else cell for cell in cells), **options)


def _plain(text: str) -> Text:
    return Text(visible(text))


def money(usd: float | None) -> str:
    """An amount in dollars; small ones with four decimals."""
    if usd is None:
        return "unknown"
    return f"${usd:,.2f}" if usd >= 1 or usd == 0 else f"${usd:.4f}"


def show_estimate(estimate: Estimate) -> None:
    """Calls, tokens and cost of a whole run, each with its range below it."""
    drawn = table("stage", "model", ">calls", ">tokens in", ">tokens out", ">cost", ">in batches")
    for line in (*estimate.lines, estimate.total):
        drawn.add_row(*_cells(line))
    console().print(drawn)
    out = sys.stdout.write
    if estimate.sampled == 0:
        out(f"a guess for {estimate.tasks:,} tasks, from the lengths of their texts; no model was asked.\n")
        out("`--sample 20` runs 20 of them and reckons from what they use.\n")
    else:
        out(f"from {estimate.sampled:,} of {estimate.tasks:,} tasks; ranges hold about 9 times in 10.\n")
        out(
            f"{estimate.sent:,} calls sent for it; {estimate.kept_calls:,} calls of this run are in its ledger"
            f" ({money(estimate.kept_usd)}) and will not be paid for again.\n"
        )
        if estimate.given_up:
            out(f"{estimate.given_up:,} calls of the sample were given up: see why before you run it all.\n")
        if estimate.seconds is not None:
            out(f"roughly {_duration(estimate.seconds)} at this speed.\n")
    for one in estimate.engines:
        what = f"{one.gpus} GPU{'s' if one.gpus > 1 else ''}, or the CPU where there is none"
        work = f"{_duration(one.low_s)} to {_duration(one.high_s)}"
        out(f"{', '.join(one.models)}, loaded here on {what}: {_duration(one.load_s)} to load, then {work} of work.\n")
    if estimate.engines:
        low, high = (
            sum(one.gpus * (one.load_s + s) for one, s in zip(estimate.engines, some, strict=True)) / 3600
            for some in ([e.low_s for e in estimate.engines], [e.high_s for e in estimate.engines])
        )
        out(f"in all {low:.2f} to {high:.2f} GPU hours.\n")
    if estimate.unpriced:
        out(
            f"no price is known of {', '.join(estimate.unpriced)}: not in the total."
            " Give `price: {input: …, output: …}` in the recipe.\n"
        )


def _cells(line: Line) -> list[str]:
    counts = [_shown(figure, _count) for figure in (line.calls, line.prompt_tokens, line.completion_tokens)]
    costs = [_shown(figure, money) if figure else "unknown" for figure in (line.online_usd, line.batch_usd)]
    return [line.stage, line.model, *counts, *costs]


def _shown(figure: Figure, as_text: Callable[[float], str]) -> str:
    expected = as_text(figure.expected)
    if figure.low is None or figure.high is None or figure.low == figure.high:
        return expected
    return f"{expected}\n{as_text(figure.low)} to {as_text(figure.high)}"


def _count(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            scaled = value / (1e3 if unit == "k" else size)
            return f"{scaled:.3g}{unit}" if scaled < 1000 else f"{scaled:,.0f}{unit}"
    return f"{value:,.0f}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


STYLES = {"ok": "green", "red": "bold red", "skipped": "dim"}


def show_checks(checks: Sequence[Check]) -> None:
    """What was looked at; under a red row, what to do about it."""
    drawn = table("", "what", "found", "fix")
    for check in checks:
        drawn.add_row(Text(check.state, STYLES[check.state]), check.what, check.found, check.fix)
    console().print(drawn)
