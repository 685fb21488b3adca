"""What `prefmill curate` reads and shows: which rows and filters were asked for, and what the filters did."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prefmill.schemas.errors import UserError
from prefmill.tables import console, table

if TYPE_CHECKING:
    from prefmill.pipelines.curate import Curation


def curate(
    inputs: Path, outputs: Path, filters: Sequence[str], recipe: Path | None = None, *, format: str | None, tasks: bool
) -> Curation:
    """Filter the rows of `inputs` into `outputs`; a recipe's filters come first. Raises `UserError`."""
    from prefmill.generators.records.format_files import format_named
    from prefmill.pipelines.curate import FormatRows, Rows, TaskRows
    from prefmill.pipelines.curate import curate as curate_rows
    from prefmill.pipelines.curate.asked import filters_asked
    from prefmill.pipelines.recipe_reading import read_recipe

    if tasks == (format is not None):
        raise UserError("say what the rows are: --format FORMAT, or --tasks. See `prefmill list format`.")
    read = read_recipe(recipe, environment=False) if recipe is not None else None
    asked = (*(read.filters if read else ()), *filters_asked(filters))
    rows: Rows
    if format is None:
        rows = TaskRows.at(inputs, read.tasks if read else None)
    else:
        rows = FormatRows(format_named(format, "--format"), inputs)
    return curate_rows(rows, asked, inputs, outputs)


def show_curation(done: Curation) -> None:
    """A row for each filter, then what was read and written."""
    drawn = table("filter", "acts on", ">in", ">kept", ">dropped", ">flagged", ">nothing to look at")
    for one in done.filters:
        counts = (one.entered, one.kept, one.dropped, one.flagged, one.unasked)
        drawn.add_row(one.name, one.acts_on, *(f"{count:,}" for count in counts))
    console().print(drawn)
    out, count = sys.stdout.write, done.count
    kind = "tasks" if done.rows == "tasks" else f"examples of {done.rows}"
    lost = {"dropped": count.dropped.total(), **{f"failed ({why})": rows for why, rows in count.failed.items()}}
    told = ", ".join(f"{rows:,} {what}" for what, rows in {"kept": count.kept, **lost}.items())
    out(f"{count.entered:,} {kind}: {told}\n")
    if again := count.dropped["duplicate"]:
        out(f"{again:,} of those dropped are tasks that stood there before\n")
    for path, rows in done.written.items():
        out(f"wrote {path} ({rows:,} records)\n")
    for path in done.not_read:
        out(f"not written: {path} is not read by the format, and repeats rows of the others in another number\n")
    for place in done.notes.values():
        out(f"wrote {place}\n")
