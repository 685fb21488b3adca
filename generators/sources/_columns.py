"""Whether a source has the columns its recipe entry names: told at once, not by a hundred thousand malformed rows."""

from __future__ import annotations

from collections.abc import Collection

from ...schemas.errors import SourceError, known
from . import Fields, Source


def check_columns(source: Source, found: Collection[str]) -> None:
    """Raises `SourceError` where a column that `fields` renames, or any column with a question in it, is not `found`.

    Columns at their default names may be absent: that is how a file without references has no references.
    """
    for field, default in Fields().model_dump().items():
        column = getattr(source.fields, field)
        if column != default and column not in found:
            raise SourceError(f"{source.where()}: fields.{field}: no column {column!r}. {known(column, found)}")
    instruction, messages = source.fields.instruction, source.fields.messages
    if instruction not in found and messages not in found:
        raise SourceError(
            f"{source.where()}: no column {instruction!r} or {messages!r}. {known(instruction, found)} "
            "Say which one holds the question: fields: {instruction: COLUMN}."
        )


def wanted(source: Source, found: Collection[str]) -> list[str]:
    """Those of the columns `found` that `fields` reads, in their own order; a wide table is not read in full."""
    names = set(source.fields.model_dump().values())
    return [column for column in found if column in names]
