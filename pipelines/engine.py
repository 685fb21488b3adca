"""The engine: a recipe's stages as a distilabel pipeline, run without distilabel's batch barrier.

This is the one file that subclasses distilabel's pipeline and steps (1.5.3, frozen upstream). The DAG, its steps with
their declared columns, and its validation are distilabel's. What differs is who runs it: stock `Pipeline.run` hands a
step one batch at a time and waits for the slowest row of it; `Mill.stream` runs every step on one event loop, opens
rows as the step can take them, and hands each row on as soon as it is done. Only public API is used (`Pipeline`,
`Step`, `GeneratorStep`, `pipeline.dag`), and every step does the same work when distilabel calls its `process` with a
batch.

Annotations here are evaluated (no `from __future__ import annotations`): distilabel looks for the parameter of type
`StepInput` by its annotation.
"""

import asyncio
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from itertools import pairwise
from typing import Any

from pydantic import PrivateAttr

with warnings.catch_warnings():
    # distilabel 1.5.3 declares fields in a way that newer pydantic warns about, once for each of its classes.
    warnings.simplefilter("ignore")
    from distilabel.pipeline import Pipeline
    from distilabel.steps import GeneratorStep, Step, StepInput

from ..generators.halt import Halt
from ..schemas.errors import EndpointError, PrefmillError, PutOff, RunDirectoryError, Stopped
from .stages import Seed

Columns = dict[str, Any]
"""A distilabel row: column name -> what a stage made (the dataclasses of `stages`)."""
Work = Callable[..., Awaitable[object]]
WAITING_ROWS = 256
"""Rows that may wait between two steps; a faster step pauses when its successor is that far behind."""
AT_ONCE = 0
_END = object()


class Seeds(GeneratorStep):
    """The lines of the source, in source order."""

    _lines: Callable[[], Iterator[Seed] | AsyncGenerator[Seed, None]] = PrivateAttr()

    @property
    def outputs(self) -> list[str]:
        """One column: `seed`."""
        return ["seed"]

    def process(self, offset: int = 0) -> Iterator[tuple[list[Columns], bool]]:
        """Batches of rows from line `offset` on, each with whether it is the last."""
        batch: list[Columns] = []
        lines = self._lines()
        for seed in lines if isinstance(lines, Iterator) else asyncio.run(_all(lines)):
            if seed.place < offset:
                continue
            if len(batch) == self.batch_size:
                yield batch, False
                batch = []
            batch.append({"seed": seed})
        yield batch, True

    def flow(self) -> AsyncGenerator[Columns, None]:
        """Rows as they come: from lines that are written as the run goes on, on its event loop, or read in a thread."""
        lines = self._lines()
        return self._read() if isinstance(lines, Iterator) else self._written(lines)

    async def _written(self, lines: AsyncGenerator[Seed, None]) -> AsyncGenerator[Columns, None]:
        async with aclosing(lines):
            async for seed in lines:
                yield {"seed": seed}

    async def _read(self) -> AsyncGenerator[Columns, None]:
        batches = self.process()
        # In a thread, so that a slow disk does not hold up calls that are in flight.
        while (found := await asyncio.to_thread(next, batches, None)) is not None:
            for columns in found[0]:
                yield columns


async def _all(lines: AsyncGenerator[Seed, None]) -> list[Seed]:
    return [seed async for seed in lines]


class RowStep(Step):
    """A stage of the run: works on one row at a time, many rows at once, and adds one column."""

    takes: list[str]
    """Columns the work reads, in the order of its arguments."""
    gives: str
    """Column the work's result goes into."""
    open_rows: int
    """Rows that may be open in this step at one time; 1 runs them one after the other, in the order they come.

    `AT_ONCE`: the work waits for nothing and takes next to no time, so a row does it right after the step before.
    """
    _work: Work = PrivateAttr()
    _ended: Callable[[], None] | None = PrivateAttr(None)
    """Called when no further row will come, while rows may still be open."""

    @property
    def inputs(self) -> list[str]:
        """The columns the work reads."""
        return self.takes

    @property
    def outputs(self) -> list[str]:
        """The column the work fills."""
        return [self.gives]

    async def row(self, columns: Columns) -> Columns:
        """One row with the work's result added."""
        return await self.adds()(columns)

    def adds(self) -> Callable[[Columns], Awaitable[Columns]]:
        """`row` as a function of its own: looking up this model's attributes is slow, and it is done for every row."""
        work, takes, gives = self._work, self.takes, self.gives

        async def row(columns: Columns) -> Columns:
            return {**columns, gives: await work(*[columns[name] for name in takes])}

        return row

    def process(self, inputs: StepInput) -> Iterator[list[Columns]]:
        """A batch at a time, as stock distilabel calls it."""

        async def whole() -> list[Columns]:
            return await asyncio.gather(*(self.row(columns) for columns in inputs))

        yield asyncio.run(whole())


def seeds(lines: Callable[[], Iterator[Seed] | AsyncGenerator[Seed, None]]) -> Seeds:
    """The source as the DAG's first step. Call it inside `with Mill(...)`."""
    step = Seeds(name="tasks", batch_size=64)
    step._lines = lines
    return step


def stage(  # noqa: PLR0917 - a step's name, work and columns, and how it is run
    name: str,
    work: Work,
    takes: list[str],
    gives: str,
    open_rows: int = 1,
    ended: Callable[[], None] | None = None,
) -> RowStep:
    """A stage of the run as a step of the DAG. Call it inside `with Mill(...)`.

    `ended` is called when no further row will come; rows may still be open then. A step that has it is not `AT_ONCE`.
    """
    step = RowStep(name=name, takes=takes, gives=gives, open_rows=open_rows)
    step._work, step._ended = work, ended
    return step


def chain(*steps: Seeds | RowStep) -> None:
    """Connect steps one after the other."""
    for before, after in pairwise(steps):
        before.connect(after)


class Mill(Pipeline):
    """A distilabel pipeline that is run row by row."""

    async def stream(self, halt: Halt) -> None:
        """Run the DAG to its end, or until `halt` is requested and what is in flight has had its grace.

        The last step's work is what keeps the rows; nothing is returned. An error that concerns the whole run
        requests the halt; the caller finds it in `halt.reason`. Any other error is a bug and is raised.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # As above, for what it reads of its steps.
            self.dag.validate()
        order = [self.dag.get_step(name)["step"] for level in self.dag.iter_based_on_trophic_levels() for name in level]
        first, lines = order[0], _lines(order[1:])
        queues = [asyncio.Queue[Any](WAITING_ROWS) for _ in lines]
        followers: list[asyncio.Queue[Any] | None] = [*queues[1:], None]
        running = [asyncio.create_task(_feed(first, queues[0], halt))]
        running += [
            asyncio.create_task(_Line(steps, halt).run(source, target))
            for steps, source, target in zip(lines, queues, followers, strict=True)
        ]
        whole = asyncio.gather(*running)
        stopped = asyncio.create_task(halt.over())
        waiting: set[asyncio.Future[Any]] = {whole, stopped}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if whole.done():
                whole.result()
        finally:
            for task in (*running, stopped):
                task.cancel()
            await asyncio.gather(*running, stopped, whole, return_exceptions=True)


async def _feed(step: Seeds, target: asyncio.Queue[Any], halt: Halt) -> None:
    """Hand the rows of the source on, until it ends or the run stops."""
    try:
        async with aclosing(step.flow()) as rows:
            async for columns in rows:
                await target.put(columns)
                if halt.requested.is_set():
                    break
    except PutOff:
        pass  # Models write the tasks, and theirs are not loaded in this pass.
    except PrefmillError as error:
        halt.request(error)
    await target.put(_END)


def _lines(steps: list[RowStep]) -> list[list[RowStep]]:
    """The steps with those that follow at once: a row goes through each list without waiting in between."""
    lines: list[list[RowStep]] = []
    for step in steps:
        if step.open_rows == AT_ONCE and lines:
            lines[-1].append(step)
        else:
            lines.append([step])
    return lines


class _Line:
    """A step at work, with those that follow at once: takes rows from its queue, keeps up to `open_rows` open, hands
    each on when it is done."""

    def __init__(self, steps: list[RowStep], halt: Halt) -> None:
        self._adds, self._halt = [step.adds() for step in steps], halt
        self._open_rows, self._ended = max(1, steps[0].open_rows), steps[0]._ended
        self._free = asyncio.Semaphore(self._open_rows)
        self._open: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[Any] | None = None
        self._broken: BaseException | None = None

    async def run(self, source: asyncio.Queue[Any], target: asyncio.Queue[Any] | None) -> None:
        """Until the end of the source has come through and every open row is done, or a row has raised a bug."""
        self._running = asyncio.current_task()
        try:
            while (columns := await source.get()) is not _END:
                if self._open_rows == 1:
                    await self._row(columns, target)
                    continue
                await self._free.acquire()
                task = asyncio.create_task(self._row(columns, target))
                self._open.add(task)
                task.add_done_callback(self._done)
            if self._ended is not None:
                self._ended()
            await asyncio.gather(*self._open)
            self._raise_if_broken()
        except asyncio.CancelledError:
            self._raise_if_broken()
            raise
        finally:
            self._running = None
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
        if target is not None:
            await target.put(_END)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        self._free.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = self._broken or error
            if self._running is not None:
                # The next row from before, or the slowest one here, may be a long time coming.
                self._running.cancel()

    def _raise_if_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    async def _row(self, columns: Columns, target: asyncio.Queue[Any] | None) -> None:
        """One row through the step. A row that the stop cut short goes no further: the ledger has its calls."""
        try:
            for add in self._adds:
                columns = await add(columns)
        except (Stopped, EndpointError):
            return
        except RunDirectoryError as error:
            self._halt.request(error)
            return
        if target is not None:
            await target.put(columns)
