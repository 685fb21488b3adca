"""Whether there is anything in a file that a filter could act on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...curation.filters import (
    AnswerFilter,
    AnswerSetFilter,
    ExampleSetFilter,
    Filter,
    GradeFilter,
    TaskFilter,
    TaskSetFilter,
    VerdictFilter,
)
from ...schemas.errors import RecipeError, UserError
from ...schemas.formats import Format
from ..overview import acts_on
from .rows import Rows


def check_fit(rows: Rows, filters: Sequence[Filter]) -> None:
    """Raise `UserError` for filters that act on what the rows never hold, or where there is no filter."""
    if not filters:
        raise UserError("no filter is named. Give --filter NAME, or a recipe with filters. See `prefmill list filter`.")
    if mistakes := list(_misfits(rows.format, filters)):
        raise RecipeError(mistakes)


def _misfits(format: Format | None, filters: Sequence[Filter]) -> Iterator[str]:
    for plugin in filters:
        missing = _missing(format, plugin)
        if missing:
            where = "a file of tasks" if format is None else f"a file in {format.plugin_name()}"
            yield f"{plugin.plugin_name()}: acts on {acts_on(type(plugin))}, and {where} holds no {missing}."


def _missing(format: Format | None, plugin: Filter) -> str | None:
    """What a filter looks at and rows never hold."""
    if format is None:
        if isinstance(plugin, AnswerFilter | AnswerSetFilter):
            return "answers"
        if isinstance(plugin, VerdictFilter | GradeFilter | ExampleSetFilter):
            return "labels"
        return None if isinstance(plugin, TaskFilter | TaskSetFilter) else "such rows"
    if isinstance(plugin, VerdictFilter) and format.takes == "grade":
        return "verdicts"
    graded = format.takes != "comparison" or "grades" in format.carries
    return "grades" if isinstance(plugin, GradeFilter) and not graded else None
