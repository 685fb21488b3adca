"""One way to call a model, the same for every provider: ledger, limit, attempts, and the reply as a value.

Two kinds of repetition, kept apart. The same *attempt* is sent again after a timeout, a reset, a 429 or a 5xx; it is
one call. A reply that is empty, or that a judge cannot read, is asked for again as a *fresh sample*: a call of its
own, with its own row in the ledger, so that a changed reader can still use the replies that were paid for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from ..schemas.errors import CallFailed, EndpointError, PutOff, Stopped
from ..schemas.row import Failure, Usage
from ..schemas.sampling import Sampling
from .asking import call_key, request_body
from .budget import Budget
from .halt import Halt
from .hedging import Hedging
from .ledger import Attempt, Call, Ledger, now
from .limits import Slots, wait_before
from .load import LOOK_EVERY_S, follow
from .providers import Connection, Provider, Reply, Request

PASSING = frozenset({"timeout", "connection", "rate_limited", "server_error", "protocol"})
"""Kinds of failure that another attempt may mend."""
PATIENCE = 4
"""A call refused with HTTP 429 is sent again so many times `attempts` before refusals count as attempts: waiting for a
full endpoint is no fault of the call."""
FRESH_TEMPERATURE = 0.7
"""Least temperature of a fresh sample: at 0 the same bad reply would come back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to: a reply, or a failure; and what it cost."""

    reply: Reply | None
    failure: Failure | None
    usage: Usage


@dataclass
class Tally:
    """What one model did in this process, for the progress display."""

    asked: int = 0
    """Calls wanted so far, those found in the ledger included."""
    sent: int = 0
    """Calls sent and answered or given up in this process."""
    found: int = 0
    """Calls found in the ledger, or asked by another row at the same time."""
    failed: int = 0
    """Calls given up, found ones included."""
    open: int = 0
    """Calls in flight."""
    put_off: int = 0
    """Calls wanted of a model that is not loaded in this pass."""
    hedged: int = 0
    """Calls sent a second time because the first hung."""
    cost_usd: float = 0.0
    """Of the calls sent in this process, where a price is known."""


@dataclass
class Caller:
    """Calls to one model of the recipe, in one stage."""

    stage: str
    provider: Provider
    connection: Connection
    ledger: Ledger
    ready: Callable[[], Awaitable[None]]
    """Awaited before the first call is sent: checks all endpoints of the run once."""
    halt: Halt
    """When requested, no further call is sent."""
    tally: Tally = field(default_factory=Tally)
    budget: Budget = field(default_factory=Budget)
    """What the run may spend; shared by all callers of the run."""
    away: bool = False
    """Its model is not loaded in this pass: what the ledger does not have is put off."""
    broken: EndpointError | None = None
    """Set when the endpoint has failed for good: nothing further is sent to it, and no row fails because of it."""

    def __post_init__(self) -> None:
        self._slots = Slots(self.provider.open_at_once)
        self._hedging = Hedging() if self.provider.hedges else None
        self._price = self.provider.priced()
        self._patience = self.provider.attempts * PATIENCE
        self._same: dict[str, list[asyncio.Future[Call]]] = {}

    async def follow(self, every_s: float = LOOK_EVERY_S) -> None:
        """Hold as many calls in flight as the server can work on, while it tells its load; until cancelled."""
        await follow(self._slots, self.connection.load, every_s)

    async def call(self, request: Request) -> Outcome:
        """The reply to a request: from the ledger, or sent now and written there first.

        Raises `EndpointError` where every further call would fail the same way, `PutOff` where the model is not
        loaded in this pass, `Stopped` when the run is stopping.
        """
        self.tally.asked += 1
        if self.provider.local:
            return await self._look_up(request)
        body = request_body(self.provider, request)
        key = call_key(self.provider, body, request.sample)
        call = self.ledger.get(key)
        if call is not None:
            self.tally.found += 1
        else:
            call = await self._once(_Asked(key, body.decode(), replace(request, body=body)))
        self.tally.failed += call.status != "ok"
        return _outcome(call)

    async def _look_up(self, request: Request) -> Outcome:
        """An answer that already exists: nothing is sent, so nothing is written."""
        self.tally.found += 1
        try:
            outcome = _heard(await self.connection.complete(request), Usage())
        except CallFailed as failed:
            failure = Failure.model_validate({"kind": failed.kind, "message": failed.message})
            outcome = Outcome(None, failure, Usage())
        self.tally.failed += outcome.failure is not None
        return outcome

    async def _once(self, asked: _Asked) -> Call:
        """Send the call, or wait for it where two tasks ask the very same at the same time."""
        if (others := self._same.get(asked.key)) is not None:
            told: asyncio.Future[Call] = asyncio.get_running_loop().create_future()
            others.append(told)
            call = await told
            self.tally.found += 1
            return call
        others = self._same[asked.key] = []
        try:
            call = await self._send(asked)
        except BaseException as error:
            problem = Stopped("the run is stopping") if isinstance(error, asyncio.CancelledError) else error
            for told in others:
                if not told.done():
                    told.set_exception(problem)
            raise
        else:
            for told in others:
                if not told.done():
                    told.set_result(call)
            return call
        finally:
            del self._same[asked.key]

    async def _send(self, asked: _Asked) -> Call:
        """Send until it is answered or given up; the last attempt's result is written and returned."""
        await self._prepared()
        attempt = refused = 0
        while True:
            attempt += 1
            async with self._slots:
                ended = await self._attempt(asked, attempt, attempt - refused, refused < self._patience)
            if isinstance(ended, Call):
                return ended
            if ended.kind == "rate_limited" and refused < self._patience:
                refused += 1
                await self._pause(self._slots.patience(ended.retry_after))
            else:
                await self._pause(wait_before(max(2, attempt - refused + 1), ended.retry_after))

    async def _prepared(self) -> None:
        """All endpoints of the run were found to be up, and this one has not failed for good since."""
        try:
            await self.ready()
        except EndpointError as error:
            self.halt.request(error)
            raise
        if self.away:
            self.tally.put_off += 1
            raise PutOff(f"{self.provider.label}: not loaded in this pass")
        if self.broken is not None:
            raise self.broken

    async def _attempt(self, asked: _Asked, attempt: int, counted: int, patient: bool) -> Call | CallFailed:
        """One attempt inside a slot. A result that stands is written before the slot is given back.

        `counted` is the attempt's number without those that only met a full endpoint; `patient`: one more of these
        would not count either.
        """
        if self.halt.requested.is_set():
            raise Stopped("the run is stopping")
        if self.broken is not None:
            raise self.broken
        self.budget.check(self.halt, attempt)
        self.tally.open += 1
        started = now()
        try:
            reply = await self._complete(asked, attempt)
            self._learn(reply, now() - started)
            return await self._record(asked, "ok", reply, attempt, started)
        except CallFailed as failed:
            if failed.kind == "rate_limited":
                self._slots.refused(failed.retry_after)
            left = counted < self.provider.attempts or (patient and failed.kind == "rate_limited")
            another = failed.kind in PASSING and not failed.final and left
            # A refused connection may be a server that restarts; other fatal answers will not change.
            if failed.fatal and not (another and failed.kind == "connection"):
                self.broken = EndpointError(failed.message)
                raise self.broken from failed
            self.ledger.note(Attempt(asked.key, attempt, failed.kind, failed.message, now()))
            if another:
                return failed
            return await self._record(asked, failed.kind, Reply(failed.message, None, 0, 0), attempt, started)
        finally:
            self.tally.open -= 1

    async def _complete(self, asked: _Asked, attempt: int) -> Reply:
        """The reply to one attempt, sent a second time where it hangs."""
        if self._hedging is None:
            return await self.connection.complete(asked.request)

        def hedged() -> None:
            self.tally.hedged += 1
            self.ledger.note(Attempt(asked.key, attempt, "hedged", "hangs; sent a second time", now()))

        return await self._hedging.first(partial(self.connection.complete, asked.request), hedged)

    def _learn(self, reply: Reply, latency_s: float) -> None:
        """What a reply says about the endpoint: how fast it is, and how much of its quota is left."""
        self._slots.answered(latency_s)
        if self._hedging is not None:
            self._hedging.saw(latency_s)
        if reply.quota is not None and reply.quota.left <= 0:
            self._slots.shut(reply.quota.reset_s)

    async def _pause(self, seconds: float) -> None:
        """Wait before another attempt; a stop ends the wait."""
        try:
            await asyncio.wait_for(self.halt.requested.wait(), seconds)
        except TimeoutError:
            return
        raise Stopped("the run is stopping")

    async def _record(self, asked: _Asked, status: str, reply: Reply, attempts: int, started: float) -> Call:
        """Write the finished call, still inside its slot: what is in flight is what a crash can cost."""
        full = self._price.of(reply.prompt_tokens, reply.completion_tokens) if self._price else None
        cost = full * reply.price_factor if full is not None else None
        ended = now()
        call = Call(
            key=asked.key,
            stage=asked.request.stage or self.stage,
            model=self.provider.label,
            task_id=asked.request.task.id,
            sample=asked.request.sample,
            request=asked.body,
            status=status,
            text=reply.text,
            finish_reason=reply.finish_reason,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            cost_usd=cost,
            attempts=attempts,
            latency_s=round(ended - started, 6),
            created_s=ended,
            probabilities=reply.probabilities if asked.request.probabilities else None,
        )
        await self.ledger.record(call)
        self.tally.sent += 1
        self.tally.cost_usd += cost or 0.0
        self.budget.pay(cost)
        return call


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request with its ledger key and its body."""

    key: str
    body: str
    request: Request


def _outcome(call: Call) -> Outcome:
    """A finished call as a value."""
    usage = Usage(
        prompt_tokens=call.prompt_tokens, completion_tokens=call.completion_tokens, calls=1, cost_usd=call.cost_usd
    )
    if call.status != "ok":
        # Validated, not cast: the ledger is a file.
        return Outcome(None, Failure.model_validate({"kind": call.status, "message": call.text}), usage)
    tokens = call.prompt_tokens, call.completion_tokens
    return _heard(Reply(call.text, call.finish_reason, *tokens, probabilities=call.probabilities), usage)


def _heard(reply: Reply, usage: Usage) -> Outcome:
    """A reply as a value. The ledger keeps one without text as it came; that it is empty is a failure."""
    if reply.text.strip():
        return Outcome(reply, None, usage)
    return Outcome(None, Failure(kind="empty", message=f"no text (finish reason {reply.finish_reason})"), usage)


def drawn(sampling: Sampling, sample: int, again: int) -> Sampling:
    """Sampling parameters of draw number `sample`; `again` counts how often it was asked before.

    A seed moves on with the draw. A fresh sample of a bad reply is drawn at `FRESH_TEMPERATURE` at least, where the
    recipe sets a temperature at all (some models refuse the parameter).
    """
    changed: dict[str, float | int] = {}
    if sampling.seed is not None and sample:
        changed["seed"] = sampling.seed + sample
    if again and sampling.temperature is not None and sampling.temperature < FRESH_TEMPERATURE:
        changed["temperature"] = FRESH_TEMPERATURE
    return sampling.model_copy(update=changed) if changed else sampling
