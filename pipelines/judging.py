"""Stage `judgments` and the verdicts: every comparison's protocol, all comparisons at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..generators.calls import Caller
from ..generators.judges import Judge
from ..generators.protocols import Ask, Protocol, Run
from ..schemas.errors import EndpointError, Stopped
from ..schemas.rows import Answer, Comparison, Judgment, Task, Verdict
from .own_references import foreseen
from .pilot import Pilot
from .stages import Answered, Judged, Paired, Seed, loss_of, together
from .teachers import judgment_of


@dataclass(frozen=True)
class Judging:
    """Has teachers compare the answers of a task."""

    judge: Judge
    protocol: Protocol
    callers: Mapping[str, Caller]
    """Teacher's name -> its caller."""
    pilot: Pilot | None = None
    """Of a protocol that learns from one; without it, every comparison is asked as if it were of the pilot."""

    async def __call__(self, seed: Seed, answered: Answered, paired: Paired) -> Judged:
        """The task's judgments and verdicts."""
        pilot = self.pilot
        if pilot is None:
            return await self._judge(seed, answered, paired)
        pilot.arrive(seed.place, len(paired.comparisons))
        try:
            return await self._judge(seed, answered, paired)
        finally:
            pilot.leave()

    async def _judge(self, seed: Seed, answered: Answered, paired: Paired) -> Judged:
        if seed.task is None:
            return Judged()
        answers = {answer.id: answer for answer in answered.answers}
        counted: set[str] = set()
        meetings = [
            _Meeting(seed.task, comparison, [answers[i] for i in comparison.answer_ids], (seed.place, number), counted)
            for number, comparison in enumerate(paired.comparisons)
        ]
        runs = await together(*map(self._settled, meetings))
        judgments = tuple(judgment for asked, _ in runs for judgment in asked)
        losses = [
            loss_of(
                "judgments", "failed", judgment, (judgment.teacher, judgment.failure.kind, judgment.failure.message)
            )
            for judgment in judgments
            if judgment.failure is not None
        ]
        return Judged(judgments, (), tuple(verdict for _, verdict in runs), losses=tuple(losses))

    async def _settled(self, meeting: _Meeting) -> tuple[list[Judgment], Verdict]:
        """As `_settle`; where it cannot be, those that wait for the pilot are told at once: this row waits for them."""
        try:
            return await self._settle(meeting)
        except (EndpointError, Stopped) as why:
            if self.pilot is not None:
                self.pilot.give_up(why)
            raise

    async def _settle(self, meeting: _Meeting) -> tuple[list[Judgment], Verdict]:
        """Every judgment of a comparison, and its verdict."""
        families = {answer.family for answer in meeting.answers if answer.family}
        teachers = self.protocol.panel(
            {name: caller.provider.family for name, caller in self.callers.items()}, families
        )
        references = self.judge.asks_with_reference(foreseen(self.protocol, meeting.task))
        asked: list[Judgment] = []
        if (pilot := self.pilot) is None:
            run = self.protocol.run(meeting.comparison, teachers, references)
            return asked, await self._drive(run, meeting, asked)
        asked += await self._heard(meeting, pilot.protocol.opening(meeting.comparison, teachers, references))
        belongs = await pilot.belongs(*meeting.place)
        teaches = belongs and pilot.protocol.teaches(meeting.comparison)
        if belongs and not teaches:
            pilot.hear(*meeting.place, _deciding(asked, references))
        learned = None if teaches else await pilot.wait()
        run = pilot.protocol.continued(meeting.comparison, teachers, references, tuple(asked), learned)
        verdict = await self._drive(run, meeting, asked)
        if teaches:
            pilot.hear(*meeting.place, _deciding(asked, references))
        return asked, verdict

    async def _drive(self, run: Run, meeting: _Meeting, asked: list[Judgment]) -> Verdict:
        """Ask what a protocol wants and tell it what came, until it has a verdict; adds the judgments to `asked`."""
        try:
            questions = next(run)
            while True:
                heard = await self._heard(meeting, questions)
                asked += heard
                questions = run.send(heard)
        except StopIteration as ended:
            verdict: Verdict = ended.value
            return verdict

    async def _heard(self, meeting: _Meeting, questions: Sequence[Ask]) -> list[Judgment]:
        return await together(
            *(
                judgment_of(
                    self.judge,
                    self.callers,
                    meeting.task,
                    meeting.comparison,
                    meeting.answers,
                    question,
                    counted=meeting.counted,
                )
                for question in questions
            )
        )


def _deciding(judgments: Sequence[Judgment], references: Sequence[bool]) -> list[Judgment]:
    """Those of the reference mode that decides."""
    return [one for one in judgments if one.with_reference == references[0]]


@dataclass(frozen=True, slots=True)
class _Meeting:
    """A comparison with all that is asked about it."""

    task: Task
    comparison: Comparison
    answers: Sequence[Answer]
    place: tuple[int, int]
    """Place of its line in the source, and its number there."""
    counted: set[str]
    """Teachers whose own reference to the task is in the usage of one of its judgments; shared by all comparisons of
    the task, which are started in their order."""
