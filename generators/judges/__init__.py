"""Judges: what to ask a teacher and how to read the reply. Sans-I/O; the prompt stands beside its parser."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from ...schemas.plugins import Plugin
from ...schemas.rows import Answer, Message, Task


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found in a reply."""

    scores: tuple[float, ...]
    """One an answer, in the order shown."""
    rationale: str


class Judge(Plugin):
    """Base of all judges that compare answers."""

    kind: ClassVar[str] = "judge"

    reference: Literal["when_present", "never", "both"] = "when_present"
    """Show the task's reference answer to the teacher: where there is one, never, or ask twice, without and with it."""
    retries: int = Field(2, ge=0)
    """How often a reply that cannot be read is asked for again, each time as a fresh sample."""

    @abstractmethod
    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """The messages for the teacher; `answers` in the order in which they are to be shown."""

    @abstractmethod
    def read(self, reply: str, answers: int) -> Reading:
        """Scores and rationale of a reply about so many answers. Raises `Unreadable`; never guesses a score."""

    def asks_with_reference(self, task: Task) -> tuple[bool, ...]:
        """For each question about a pair of this task: whether the reference is shown. The first one decides."""
        if task.reference is None or self.reference == "never":
            return (False,)
        return (True, False) if self.reference == "both" else (True,)
