"""What sways the teachers, and how the answering models rank, at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from prefmill.tables import console
from prefmill.tables import table as _table

if TYPE_CHECKING:
    from prefmill.pipelines.bias_tables import Table

WIDTH = 100
"""Characters that a table takes at most; teachers that do not fit come in further tables."""


def show_bias(bias: Mapping[str, Any]) -> None:
    """A manifest's `bias`: every teacher's figures, why some are missing, and the teachers' kappas."""
    from prefmill.pipelines.bias_tables import bias_tables

    _show(bias_tables(bias, WIDTH))


def show_ranking(ranking: Mapping[str, Any]) -> None:
    """A manifest's `ranking`: the answering models by strength, as judged and without what was removed."""
    from prefmill.pipelines.bias_tables import ranking_tables

    _show(ranking_tables(ranking))


def _show(tables: Iterable[Table]) -> None:
    for one in tables:
        drawn = _table(*one.columns, title=one.title)
        for row in one.rows:
            drawn.add_row(*row)
        if one.rows:
            console().print(drawn)
        for line in (one.explained, *one.notes):
            sys.stdout.write(f"{line}\n" if line else "")
