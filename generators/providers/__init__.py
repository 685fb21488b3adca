"""Providers: who answers. One file each; a provider's fields are its recipe entry, `open` gives a live connection.

A connection makes one attempt per call and raises `CallFailed`. Retries, limits and the ledger are the same for all
providers and live in `generators/calls.py`.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import Field

from ...schemas.frozen import Frozen
from ...schemas.plugins import Plugin
from ...schemas.rows import Message, Task
from ...schemas.sampling import Sampling

if TYPE_CHECKING:
    from ..hosting.pool import Pool


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model, without anything that depends on when or where it is sent."""

    messages: tuple[Message, ...]
    sampling: Sampling
    """As it will be sent: seeds and temperatures of repeated samples are already in it."""
    sample: int
    """Distinguishes several draws of the same question."""
    task: Task
    body: bytes = b""
    """The request body, where the caller has made it already (`generators/asking.py`)."""
    probabilities: bool = False
    """Whether the reply's token probabilities are wanted."""
    stage: str | None = None
    """What the ledger files the call under; None: the stage of its caller."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What an endpoint says it will still take before it refuses."""

    left: float
    """Share of the limit that is left, 0 to 1; of requests or tokens, whichever is scarcer."""
    reset_s: float
    """Seconds until the limit is whole again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one answered call."""

    text: str
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    price_factor: float = 1.0
    """Share of the model's price that this reply costs; a batch is cheaper than a call."""
    quota: Quota | None = None
    """What the endpoint says is left; None where it does not say."""
    probabilities: bytes | None = None
    """Of its tokens, as `generators/probabilities.py` packs them; None where the endpoint gave none."""


class Connection(Protocol):
    """A live endpoint."""

    async def complete(self, request: Request) -> Reply:
        """One attempt. Raises `CallFailed`; `fatal=True` where every further call would fail the same way."""
        ...

    async def check(self) -> None:
        """Ask the endpoint, without paying, whether it is up, takes the key and knows the model.

        Raises `EndpointError`, one line.
        """
        ...

    async def load(self) -> Load | None:
        """How busy the server is; None where it does not tell."""
        ...


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a server is."""

    running: float
    """Requests it works on."""
    waiting: float
    """Requests in its queue."""
    cache: float
    """Share of the KV cache in use, 0 to 1."""


class Price(Frozen):
    """Price of a model, in US dollars for a million tokens."""

    input: float = Field(ge=0)
    """USD per 1,000,000 prompt tokens."""
    output: float = Field(ge=0)
    """USD per 1,000,000 reply tokens."""

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Cost of one call in USD."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


class Provider(Plugin):
    """Base of all providers: the fields every one of them has."""

    kind: ClassVar[str] = "provider"
    operational: ClassVar[frozenset[str]] = frozenset({"max_in_flight", "timeout", "attempts", "hedge", "price"})
    local: ClassVar[bool] = False
    """Whether it reads what already exists: nothing is sent, so nothing goes through the ledger."""

    model: str = Field(min_length=1)
    """The model's name as the endpoint knows it."""
    name: str | None = None
    """What rows, reports and exports call it; default: `model`. Two entries must not share a name."""
    family: str | None = None
    """Model family, e.g. `llama`; a teacher and an answering model of one family are reported."""
    revision: str | None = None
    """Revision of the model (a commit, a date), for the card of what is published; nothing is sent of it."""
    sampling: Sampling = Sampling()
    """Sampling parameters; what is left out is not sent."""
    samples: int = Field(1, ge=1)
    """How often it answers each task, each time as a sample of its own. Teachers are asked once."""
    max_in_flight: int = Field(32, ge=1)
    """Calls to this model open at one time."""
    timeout: float = Field(600, gt=0)
    """Seconds to wait for one reply."""
    attempts: int = Field(5, ge=1)
    """How often a call is sent when it ends in a timeout, a reset or a 5xx, in all; five times as often where the
    endpoint is full (429)."""
    hedge: bool = True
    """Send a call that hangs a second time and take the first reply (`generators/hedging.py`); both may be billed."""
    price: Price | None = None
    """Price of the model; without one, costs are shown as unknown."""

    @property
    def label(self) -> str:
        """The name rows carry."""
        return self.name or self.model

    @property
    def hedges(self) -> bool:
        """Whether a call that hangs is sent a second time."""
        return self.hedge and not self.local

    @property
    def follows(self) -> bool:
        """Whether the server's load is looked at while the run goes on."""
        return False

    @property
    def open_at_once(self) -> int:
        """Calls that may be under way at one time."""
        return self.max_in_flight

    @abstractmethod
    def open(self, site: Site) -> AbstractAsyncContextManager[Connection]:
        """A live connection for the time of a run."""

    def priced(self) -> Price | None:
        """The price in force: the recipe's, or one that the provider itself knows."""
        return self.price

    def environment(self) -> Mapping[str, str]:
        """Recipe keys that name an environment variable -> the variable's name."""
        return {}


@dataclass(frozen=True, slots=True)
class World:
    """Where the simulated world of this run listens."""

    base_url: str


@dataclass(frozen=True, slots=True)
class Site:
    """What a run has for its connections beside their recipe entries."""

    world: World | None = None
    """The simulated world, where one runs."""
    folder: Path | None = None
    """Where connections of one stage may keep what must outlast the process; made when it is needed."""
    retry_failed: bool = False
    """Whether failures that an earlier process was told are to be asked again."""
    stopping: asyncio.Event | None = None
    """Set when nothing further is to be sent."""
    engines: Pool | None = None
    """What loads the models that prefmill runs itself; None where nothing may be loaded."""
