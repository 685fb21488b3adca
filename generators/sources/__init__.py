"""Sources: task seeds in. One file each; a bad line is a failed row with file and line, never a crash."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from ...schemas.plugins import Plugin
from ...schemas.rows import Loss, Task


class Fields(BaseModel):
    """Which column of the source holds what. Everything has a default, so a file with usual names needs no mapping."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: str = "id"
    """The source's own id of a row; optional."""
    instruction: str = "instruction"
    """What the user asks; used where there are no `messages`."""
    input: str = "input"
    """Material the instruction works on (Alpaca's second column), put after the instruction and a blank line."""
    messages: str = "messages"
    """A chat as a list of `{role, content}` (or `{from, value}`); what follows the last user turn is cut off."""
    system: str = "system"
    """System prompt."""
    reference: str = "reference"
    """Reference answer: text, or `{text, origin, model}`."""
    rubric: str = "rubric"
    """Rubric: text, or `{criteria, levels}`."""
    category: str = "category"
    licence: str = "licence"


class Source(Plugin):
    """Base of all sources."""

    kind: ClassVar[str] = "source"
    operational: ClassVar[frozenset[str]] = frozenset({"limit"})

    fields: Fields = Fields()
    """Names of the columns, where they differ from the defaults."""
    limit: int | None = Field(None, ge=1)
    """Read at most this many tasks from the start; None reads all."""
    licence: str | None = None
    """Licence of the source, for every task that has none of its own."""

    @abstractmethod
    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        """Pairs of 1-based line number and the record there, or, for a malformed line, one line saying what is wrong.

        Raises `SourceError` where the source as a whole cannot be read (missing file, unknown data set, no header).
        """

    @abstractmethod
    def where(self) -> str:
        """What to call this source in messages and rows: the file's path or the data set's name."""

    def tasks(self) -> Iterator[Task | Loss]:
        """Tasks in source order; malformed and duplicate lines as `Loss` rows of stage `tasks`."""
        from ._reading import read_tasks

        return read_tasks(self)

    def at(self, folder: Path) -> Source:
        """This source with paths in its recipe entry resolved against the recipe's folder."""
        return self
