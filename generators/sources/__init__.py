"""Sources: task seeds in. One file each; a bad line is a failed row with file and line, never a crash.

A source says what stands on each line (`records`); how a record becomes a Task is the same for all of them
(`_record.py`), as are duplicates, limits and the count of lines (`_reading.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ...schemas.frozen import Frozen
from ...schemas.plugins import Plugin
from ...schemas.rows import Example, Loss, Task
from ..providers import Provider

if TYPE_CHECKING:
    from ..calls import Caller


class Fields(Frozen):
    """Which column of the source holds what. Everything has a default, so a file with usual names needs no mapping."""

    id: str = "id"
    """The source's own id of a row; optional."""
    instruction: str = "instruction"
    """What the user asks; used where a row has no `messages`."""
    input: str = "input"
    """Material the instruction works on (Alpaca's second column), put after the instruction and a blank line."""
    messages: str = "messages"
    """A chat as a list of `{role, content}` or ShareGPT's `{from, value}`, or such a list as JSON text.

    What follows the last user turn is cut off. An assistant turn cut off that way is not taken for a reference answer:
    who wrote it is unknown.
    """
    system: str = "system"
    """System prompt, for rows whose `messages` hold none."""
    reference: str = "reference"
    """Reference answer: text, or `{text, origin, model}`."""
    rubric: str = "rubric"
    """Rubric: text, or `{criteria, levels}` (also as JSON text).

    `levels` is `{"1": "what a 1 means", ...}`, a list of such texts counted from 1, or a list of
    `{score, description}`.
    """
    category: str = "category"
    """Any label; a number is read as text."""
    licence: str = "licence"
    """Licence of the row."""


class Source(Plugin):
    """Base of all sources."""

    kind: ClassVar[str] = "source"
    operational: ClassVar[frozenset[str]] = frozenset({"limit"})

    answered: ClassVar[bool] = False
    """Whether its tasks come with their answers."""

    fields: Fields = Fields()
    """Names of the columns, where they differ from the defaults."""
    limit: int | None = Field(None, ge=1)
    """Read at most this many rows from the start, good or bad, so that kept + dropped + failed <= limit; None: all."""
    licence: str | None = None
    """Licence of the source, for every task that has none of its own."""

    @abstractmethod
    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        """Pairs of 1-based line number and the record there, or, for a malformed line, one line saying what is wrong.

        Raises `SourceError` where the source as a whole cannot be read (missing file, unknown data set, no header, no
        column of a name that `fields` asks for: see `_columns.py`).
        """

    def places(self) -> Iterator[object]:
        """Something for each row, good or bad, as cheaply as can be: for counting how many there are."""
        return islice(self._rows(), self.limit)

    def _rows(self) -> Iterator[object]:
        return self.records()

    @abstractmethod
    def where(self) -> str:
        """What to call this source in messages: the file's path or the data set's name."""

    @property
    def label(self) -> str:
        """What rows call this source: file name, or data set name and split; no folders, which are this machine's."""
        return self.where()

    def tasks(self) -> Iterator[Task | Loss]:
        """Tasks in source order; malformed and duplicate lines as `Loss` rows of stage `tasks`.

        Raises `SourceError`, while iterating, where the source as a whole cannot be read or holds no rows.
        """
        from ._reading import read_tasks

        return read_tasks(self)

    def seeds(self) -> Iterator[Task | Example | Loss]:
        """What a run starts from: tasks, or tasks that come with answers and people's judgments of them."""
        return self.tasks()

    def sketch(self) -> Iterator[Task | Loss]:
        """The tasks, or stand-ins of like size where they are not written yet: for counting calls beforehand."""
        return self.tasks()

    def authoring_calls(self) -> Mapping[str, int]:
        """Label of each of `authors` -> calls it is asked for, at least."""
        return {}

    def authors(self) -> tuple[Provider, ...]:
        """The models that write the tasks, for a source that has them written (`authored.py`)."""
        return ()

    def authored(self, callers: Mapping[str, Caller], seed: int) -> AsyncGenerator[Task | Loss, None]:
        """Tasks as the models of `authors` write them; `callers`: the model's name -> its caller.

        Raises `NotImplementedError` for a source that reads its tasks.
        """
        raise NotImplementedError

    def check(self) -> None:
        """A look that costs nothing: raises `SourceError` where the source is plainly not there. Reads no rows."""
