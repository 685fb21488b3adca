"""The end of the line: rows come in as they finish, and are written in source order, part by part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..generators.learned import Learned
from ..schemas.probe import Probe
from ..schemas.row import Row
from ..schemas.rows import Answer, Comparison, Grade, Judgment, Loss, Review, Task, Verdict
from ..schemas.rubric import Rubric
from .rundir import FOLDERS, RunDirectory
from .stages import Answered, Curated, Judged, Paired, Seed
from .waterfall import PROBES, RUBRICS, Unaccounted, Waterfall

TASKS_A_PART = 2000
"""Source lines whose rows lie in one parquet part."""

Made = tuple[Seed, Answered, Paired, Judged, Curated]
"""All that the stages made of one source line."""


@dataclass
class _Part:
    rows: dict[type[Row], list[Row]] = field(default_factory=lambda: {kind: [] for kind in FOLDERS})
    lines: int = 0

    def add(self, kind: type[Row], rows: Sequence[Row]) -> None:
        """Take rows of one kind."""
        self.rows[kind] += rows


class Collector:
    """Puts rows back into source order, counts them, and writes them.

    Rows that finished early wait in memory for the slowest row before them; what is written is always the whole
    beginning of the source, so a part never depends on which call was fast.
    """

    def __init__(
        self,
        directory: RunDirectory,
        tasks_a_part: int = TASKS_A_PART,
        *,
        authored: bool = False,
        probed: bool = False,
        spoiled: Callable[[], bool] = lambda: False,
    ) -> None:
        """`authored`: the tasks are written by models, and their rubrics are counted, too; `probed`: so are probes.

        `spoiled`: whether lines were put off, so that another pass has to write the parts.
        """
        self._directory = directory
        self._tasks_a_part = tasks_a_part
        self._spoiled = spoiled
        self._waiting: dict[int, Made] = {}
        self._next = 0
        self._number = 0
        self._part = _Part()
        self.waterfall = Waterfall.of_run(authored=authored, probed=probed)
        self._rubrics: set[Rubric] | None = set() if authored else None
        self.done = 0
        """Source lines that came through, written or waiting."""
        self.learned: Learned | None = None
        """What the run's pilot taught, where it had one and got to its end."""

    async def __call__(self, *made: object) -> None:
        """Take what was made of one source line (`Made`)."""
        seed, answered, paired, judged, curated = made
        assert isinstance(seed, Seed)
        assert isinstance(answered, Answered)
        assert isinstance(paired, Paired)
        assert isinstance(judged, Judged)
        assert isinstance(curated, Curated)
        self.done += 1
        if self._spoiled():
            self._waiting.clear()  # They would wait for a line that does not come.
            return
        self._waiting[seed.place] = (seed, answered, paired, judged, curated)
        while (following := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            await self._add(*following)

    async def finish(self, read: int | None) -> None:
        """Write what is left: of a run that went through, nothing but the last part.

        `read` is how many source lines were read; None for a stopped run, whose lines need not all be here. Raises
        `Unaccounted` where a line of a whole run did not come through.
        """
        if read is not None and (self.done, self._next) != (read, read):
            raise Unaccounted(f"{read} source lines were read, and {self.done} came through. Please report this.")
        for place in sorted(self._waiting):
            await self._add(*self._waiting.pop(place))
        await self._flush()

    async def _flush(self) -> None:
        part, self._part = self._part, _Part()
        if part.lines:
            number, self._number = self._number, self._number + 1
            await asyncio.to_thread(_write, self._directory, number, part)

    async def _add(self, seed: Seed, answered: Answered, paired: Paired, judged: Judged, curated: Curated) -> None:
        self._count(seed, answered, paired, judged, curated)
        losses = (*seed.losses, *answered.losses, *paired.losses, *judged.losses, *curated.losses)
        part = self._part
        part.lines += 1
        part.add(Task, [seed.task] if seed.task else [])
        part.add(Answer, answered.answers)
        part.add(Comparison, paired.comparisons)
        part.add(Judgment, judged.judgments)
        part.add(Grade, judged.grades)
        part.add(Probe, judged.probes)
        part.add(Verdict, judged.verdicts)
        part.add(Review, seed.reviews)
        part.add(Loss, losses)
        for loss in losses:
            self.waterfall[loss.stage].lose(loss)
        if part.lines == self._tasks_a_part:
            await self._flush()

    def _count(self, seed: Seed, answered: Answered, paired: Paired, judged: Judged, curated: Curated) -> None:
        fall = self.waterfall
        if any(loss.stage == RUBRICS for loss in seed.losses):
            fall[RUBRICS].entered += 1
            return
        self._count_rubric(seed.task)
        fall["tasks"].entered += 1
        fall["tasks"].kept += seed.task is not None
        fall["answers"].entered += len(answered.answers)
        fall["answers"].kept += len(answered.usable)
        fall["comparisons"].entered += paired.wanted
        fall["comparisons"].kept += len(paired.comparisons)
        fall["judgments"].entered += len(judged.judgments)
        fall["judgments"].kept += sum(judgment.failure is None for judgment in judged.judgments)
        for probe in judged.probes:
            fall[PROBES].entered += len(probe.judgments)
            fall[PROBES].kept += sum(judgment.failure is None for judgment in probe.judgments)
        fall["grades"].entered += len(judged.grades)
        fall["grades"].kept += len(curated.graded)
        fall["verdicts"].entered += len(paired.comparisons)
        fall["verdicts"].kept += len(curated.kept)

    def _count_rubric(self, task: Task | None) -> None:
        """A rubric is kept where a task has it: authors hand on tasks, not rubrics."""
        if self._rubrics is not None and task is not None and task.rubric and task.rubric not in self._rubrics:
            self._rubrics.add(task.rubric)
            self.waterfall[RUBRICS].entered += 1
            self.waterfall[RUBRICS].kept += 1


def _write(directory: RunDirectory, number: int, part: _Part) -> None:
    for kind, rows in part.rows.items():
        directory.write(kind, number, rows)
