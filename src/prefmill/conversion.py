"""What a person sees when a conversion is done: rows in and out, and a line for everything that is lost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from prefmill.tables import console, table

if TYPE_CHECKING:
    from prefmill.pipelines.conversion import Conversion


def show_conversion(done: Conversion) -> None:
    """The counts, one a row; what is lost comes last, largest first."""
    drawn = table("", ">rows", "what")
    for path, rows in done.read.items():
        drawn.add_row("read", f"{rows:,}", path if rows else f"{path} (not needed, or empty)")
    drawn.add_row("in", f"{done.count.entered:,}", "records" if done.recoded else f"examples of {done.source}")
    drawn.add_row("out", f"{done.count.kept:,}", "records" if done.recoded else f"examples in {done.target}")
    for kind, counted in done.losses.items():
        for name, rows in counted.most_common():
            drawn.add_row(kind, f"{rows:,}", name)
    for name, rows in done.absent.most_common():
        drawn.add_row("without", f"{rows:,}", name)
    console().print(drawn)
    for path, rows in done.written.items():
        sys.stdout.write(f"wrote {path} ({rows:,} records)\n")
    if done.failed is not None:
        sys.stdout.write(f"wrote {done.failed}: what could not be read, and why\n")
