"""Writes tasks with models: rubrics, instructions for each of them, a reference answer for each instruction.

All that can go on at the same time does: a rubric's instructions are asked for when it is accepted, whatever becomes of
the next one. What is asked, what is kept and in which order it comes depends on the replies alone, never on which came
first: drafts are compared in their order, and no draft is asked for that would not be needed whatever the open ones
come to. So a run that is started again finds every call in the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

from ...schemas.errors import PutOff, Stopped
from ...schemas.row import Failure, digest
from ...schemas.rows import Loss, Message, Reference, Task
from ...schemas.rubric import Rubric
from ..calls import Caller
from . import instructions, paraphrase, references, rubrics
from .asking import AUTHORED, asked
from .dedupe import Known
from .plan import AT_ONCE, Plan

T = TypeVar("T")


class Author:
    """Writes the tasks of one run. Use it once, on one event loop."""

    def __init__(
        self,
        plan: Plan,
        seeds: Sequence[Rubric],
        author: Caller,
        reference: Caller,
        *,
        seed: int,
        licence: str | None = None,
    ) -> None:
        """`author` writes rubrics and instructions, `reference` the reference answers; `seed` draws demonstrations."""
        self._plan, self._seeds, self._seed, self._licence = plan, seeds, seed, licence
        self._author, self._reference = author, reference
        self._scores = [level.score for level in seeds[0].levels]
        self._known = Known(plan.rubrics.most_alike)
        for number, rubric in enumerate(seeds, start=1):
            self._known.add(f"seed {number}", rubric)
        self._started = self._decided = self._accepted = self._given = 0
        self._ahead = author.provider.open_at_once + reference.provider.open_at_once
        self._slots: dict[int, asyncio.Task[list[Loss | asyncio.Task[Task | Loss]]]] = {}
        self._turns: dict[int, asyncio.Event] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._in_line: set[asyncio.Task[Any]] = set()
        self._leaving = False
        """Whether drafts wait for a model that is not loaded in this pass."""

    async def tasks(self) -> AsyncGenerator[Task | Loss, None]:
        """Tasks and losses, by the number of the draft and then of the instruction.

        A draft that is lost is a Loss of stage `rubrics`; of stage `tasks`, Tasks and Losses together are
        `plan.tasks`. Raises `EndpointError` and `Stopped` as the callers do; `PutOff` once everything is asked of the
        models that are loaded.
        """
        self._turns[0] = asyncio.Event()
        self._turns[0].set()
        missing: PutOff | None = None
        try:
            self._start_drafts()
            while (slot := self._slots.pop(self._given, None)) is not None:
                for piece in await self._ended(slot):
                    try:
                        made = piece if isinstance(piece, Loss) else await self._ended(piece)
                    except PutOff as why:
                        missing = why
                    if missing is None:  # What follows a task that is missing has no place in the run yet.
                        yield made
                self._given += 1
                self._start_drafts()
        except PutOff as why:
            missing, self._leaving = why, True  # No draft after this one can be decided.
        finally:
            # Of a run that is stopping, what is in flight is paid for: it comes in, and no further call is sent.
            for task in self._in_line if self._stopping or self._leaving else self._running:
                task.cancel()
            while self._running:
                ended = list(self._running)
                await asyncio.gather(*ended, return_exceptions=True)
                self._running.difference_update(ended)
        if missing is not None:
            raise missing
        for number in range(self._accepted * self._plan.instructions_per_rubric, self._plan.tasks):
            few = f"{self._accepted} rubrics of {self._plan.rubrics_needed} after {self._started} drafts"
            yield self._lost_task(_name(*self._place(number)), "no_rubric", few, self._author)

    def _start_drafts(self) -> None:
        """Start the drafts that will be needed even if every open one is accepted."""
        needed = self._decided + self._plan.rubrics_needed - self._accepted
        until = min(needed, self._given + self._ahead, self._plan.rubrics.most_drafts)
        while self._started < until:
            number, self._started = self._started, self._started + 1
            self._turns[number + 1] = asyncio.Event()
            self._slots[number] = self._start(self._draft(number))

    async def _draft(self, number: int) -> list[Loss | asyncio.Task[Task | Loss]]:
        """What becomes of one draft: a loss, or a rubric whose tasks are being written."""
        draft = await self._brainstormed(number)
        reworded: Rubric | Failure = draft
        if self._plan.rubrics.paraphrase and isinstance(draft, Rubric):
            reworded = await self._ask(
                self._author,
                paraphrase.ask(draft),
                partial(paraphrase.read, rubric=draft),
                f"draft-{number + 1}/paraphrase",
            )
        await self._turn(number)
        loss = self._rejected(number, draft, reworded)
        place = self._accepted
        self._accepted += loss is None
        self._decided += 1
        self._turns[number + 1].set()
        self._start_drafts()
        if loss is not None:
            return [loss]
        assert isinstance(reworded, Rubric)
        return await self._written(place, reworded)

    async def _turn(self, number: int) -> None:
        """Until the drafts before this one are decided. Raises `Stopped` and `PutOff` where that may never be."""
        if self._stopping:
            raise Stopped("the run is stopping")
        if self._leaving:
            raise PutOff("an earlier draft waits for a model that is not loaded in this pass")
        own = asyncio.current_task()
        assert own is not None
        self._in_line.add(own)
        await self._turns[number].wait()
        del self._turns[number]
        self._in_line.discard(own)

    @property
    def _stopping(self) -> bool:
        return self._author.halt.requested.is_set()

    async def _brainstormed(self, number: int) -> Rubric | Failure:
        order = sorted(range(len(self._seeds)), key=lambda seed: digest("demonstration", self._seed, number, seed))
        shown = [self._seeds[seed] for seed in order[: self._plan.rubrics.demonstrations]]
        read = partial(rubrics.read, scores=self._scores)
        return await self._ask(self._author, rubrics.ask(shown, number + 1), read, f"draft-{number + 1}")

    def _rejected(self, number: int, draft: Rubric | Failure, reworded: Rubric | Failure) -> Loss | None:
        """Why a draft gives no rubric; None where it gives one, which is known from then on."""
        if isinstance(draft, Failure):
            return self._lost_draft(number, draft)
        if isinstance(reworded, Failure):
            return self._lost_draft(number, reworded)
        # Both are looked at: a paraphrase may hide what is repeated, and it may come close to another rubric.
        for rubric in dict.fromkeys((draft, reworded)):
            if (found := self._known.repeats(rubric)) is not None:
                return Loss(
                    stage="rubrics",
                    status="dropped",
                    row_id=f"draft-{number + 1}",
                    by=self._author.provider.label,
                    reason="duplicate" if found.exact else "near_duplicate",
                    detail=f"{found.likeness:.2f} of its words are those of {found.name}: {reworded.criteria}",
                )
        for rubric in dict.fromkeys((draft, reworded)):
            self._known.add(f"draft-{number + 1}", rubric)
        return None

    async def _written(self, place: int, rubric: Rubric) -> list[Loss | asyncio.Task[Task | Loss]]:
        """The tasks of the rubric at `place`: their instructions, with references under way, or losses."""
        wanted = self._plan.instructions_per_rubric
        texts: list[str] = []
        failure: Failure | None = None
        while failure is None and len(texts) < wanted:
            count = min(AT_ONCE, wanted - len(texts))
            found = await self._ask(
                self._author,
                instructions.ask(rubric, count, texts),
                partial(instructions.read, count=count, earlier=tuple(texts)),
                f"rubric-{place + 1}/instructions-{len(texts) + 1}",
            )
            if isinstance(found, Failure):
                failure = found
            else:
                texts += found
        pieces: list[Loss | asyncio.Task[Task | Loss]] = []
        for number in range(place * wanted, min((place + 1) * wanted, self._plan.tasks)):
            name, index = _name(*self._place(number)), self._place(number)[1]
            if index < len(texts):
                pieces.append(self._start(self._task(name, rubric, texts[index])))
            else:
                assert failure is not None
                pieces.append(self._lost_task(name, failure.kind, failure.message, self._author))
        return pieces

    async def _task(self, name: str, rubric: Rubric, instruction: str) -> Task | Loss:
        """One task, once its reference answer is there."""
        messages = references.ask(rubric, instruction, self._plan.reference_words)
        text = await self._ask(self._reference, messages, references.read, f"{name}/reference")
        if isinstance(text, Failure):
            return self._lost_task(name, text.kind, text.message, self._reference)
        return Task(
            source_id=name,
            messages=(Message(role="user", content=instruction),),
            licence=self._licence,
            reference=Reference(text=text, origin="model", model=self._reference.provider.label),
            rubric=rubric,
            source=AUTHORED,
        )

    def _place(self, number: int) -> tuple[int, int]:
        return divmod(number, self._plan.instructions_per_rubric)

    async def _ask(
        self, caller: Caller, messages: tuple[Message, ...], read: Callable[[str], T], name: str
    ) -> T | Failure:
        return await asked(caller, messages, read, name, self._plan.retries)

    def _lost_draft(self, number: int, failure: Failure) -> Loss:
        return Loss(
            stage="rubrics",
            status="failed",
            row_id=f"draft-{number + 1}",
            by=self._author.provider.label,
            reason=failure.kind,
            detail=failure.message,
        )

    def _lost_task(self, name: str, reason: str, detail: str, caller: Caller) -> Loss:
        return Loss(stage="tasks", status="failed", row_id=name, by=caller.provider.label, reason=reason, detail=detail)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work in the background, until `_ended` takes its result or the run ends."""
        task = asyncio.create_task(work)
        self._running.add(task)
        return task

    async def _ended(self, task: asyncio.Task[T]) -> T:
        try:
            return await task
        finally:
            if task.done():
                self._running.discard(task)


def _name(rubric: int, instruction: int) -> str:
    """What a task is called, after its 0-based places."""
    return f"rubric-{rubric + 1}/instruction-{instruction + 1}"
