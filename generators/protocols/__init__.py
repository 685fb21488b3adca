"""Protocols: which judgments to ask for, and what they add up to. Sans-I/O: a protocol is a generator.

It yields the questions it wants asked now, is sent their judgments in the same order, may ask further, and returns
the Verdict. Whether these are calls, replays or test data is not its business.

A `Piloted` protocol learns from the first comparisons of a run, in source order, how its teachers judge, and asks about
the later ones only what can still matter.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field

from ...schemas.plugins import Plugin
from ...schemas.rows import Comparison, Judgment, Verdict
from ..learned import FEWEST, Learned, learned_from

OwnReference = Literal["where_missing", "always"]
"""When a teacher is shown its own answer as the reference: for tasks that have none, or for all of them."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question for a teacher."""

    teacher: str
    shown: tuple[int, ...]
    """Indexes into the comparison's answers, in the order to show them."""
    with_reference: bool
    probabilities: bool = False
    """Whether its scores are to be weighed by their probabilities (`Judgment.expected`)."""
    own_reference: OwnReference | None = None
    """When the reference shown is the teacher's own answer to the task, which it is asked for first."""


Run = Generator[Sequence[Ask], Sequence[Judgment], Verdict]
"""Yields questions, is sent their judgments, returns the verdict."""


class Protocol(Plugin):
    """Base of all protocols."""

    kind: ClassVar[str] = "protocol"
    pairs_only: ClassVar[bool] = True
    """Whether it can only settle comparisons of two answers."""
    fewest_teachers: ClassVar[int] = 1
    """How many teachers it needs."""

    tie_margin: float = Field(0, ge=0)
    """Greatest |margin| of a pair that is a tie, on the judge's own scale, after every correction; of a single order as
    well as of the average."""

    @property
    def own_reference(self) -> OwnReference | None:
        """When teachers answer a task themselves, once, before they judge; None: never. Such a task has a reference in
        every respect: it decides what `references` in `run` holds."""
        return None

    @property
    def ties_where_inconsistent(self) -> bool:
        """Whether a pair is a tie where the orders disagree, whatever its margin."""
        return False

    @abstractmethod
    def run(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> Run:
        """The conversation about one comparison.

        `references`: for each question about a pair, whether the reference is shown; every one is asked, and the
        first decides the verdict.
        """

    @abstractmethod
    def calls(self, teachers: int, references: int) -> int:
        """How many judgments one comparison asks for at most, for `prefmill check` and the waterfall.

        What is asked once a task is not in it (`own_reference`).
        """

    def expected(self, teacher: int, teachers: int, references: int) -> float:
        """How many judgments one comparison asks of teacher number `teacher` (0-based) on average, pilots apart.

        A rough figure for `prefmill check`; what it is in a run depends on the teachers.
        """
        return self.calls(1, references)

    def panel(self, teachers: Mapping[str, str | None], families: Collection[str]) -> tuple[str, ...]:
        """Which teachers are asked about answers by models of these families; `teachers`: name -> own family."""
        return tuple(teachers)


class Piloted(Protocol):
    """A protocol that learns from the first comparisons of the run what the others need not be asked.

    The conversation has two parts. The opening is asked at once. What follows is asked when everything is heard about
    the pilot; comparisons of the pilot that teach more than their opening do not wait, and are told None.
    """

    pilot: int = Field(200, ge=FEWEST)
    """Comparisons that teach, the first of the run in source order; each is asked in both orders."""

    @abstractmethod
    def opening(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> list[Ask]:
        """What is asked about every comparison, whatever the pilot says; arguments as in `run`."""

    @abstractmethod
    def continued(
        self,
        comparison: Comparison,
        teachers: Sequence[str],
        references: Sequence[bool],
        heard: Sequence[Judgment],
        learned: Learned | None,
    ) -> Run:
        """The conversation after the opening, whose judgments are `heard`; None: this comparison is of the pilot."""

    def within(self, comparisons: Callable[[], int]) -> Self:
        """The protocol for a run of so many comparisons; counting them takes a walk through the source."""
        return self

    def teaches(self, comparison: Comparison) -> bool:
        """Whether the pilot asks more about this comparison of it than the opening; else it goes on like those that
        come after the pilot."""
        return True

    def in_pilot(self, teacher: int, teachers: int) -> float:
        """Which part of `calls` teacher number `teacher` (0-based) is asked in the pilot, roughly."""
        return 1.0

    def learn(self, heard: Sequence[Sequence[Judgment]], teachers: Sequence[str]) -> Learned:
        """What the pilot teaches; `heard`: the judgments of each of its comparisons in the deciding reference mode."""
        return learned_from(heard, teachers)

    def run(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> Run:
        """The conversation about a comparison of the pilot."""
        heard = yield self.opening(comparison, teachers, references)
        return (yield from self.continued(comparison, teachers, references, heard, None))

    def calls(self, teachers: int, references: int) -> int:
        return 2 * teachers * references
