"""The `world:` block of a recipe: which simulated world it is, how fast it replies and how often it fails."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ...schemas.frozen import Frozen


class Faults(Frozen):
    """Shares of requests that go wrong, each 0..1 and together at most 1.

    Drawn from the world's seed, the request's body and how often that body has arrived: an immediate repeat of a
    failed request usually succeeds, and the same run meets the same faults.
    """

    rate_limited: float = Field(0, ge=0, le=1)
    """HTTP 429 with `Retry-After: 0.05`."""
    server_error: float = Field(0, ge=0, le=1)
    """HTTP 500."""
    hang: float = Field(0, ge=0, le=1)
    """No reply until the client gives up, at most `hang_seconds`; then HTTP 504."""
    truncated: float = Field(0, ge=0, le=1)
    """The reply is cut off and its finish reason is `length`."""
    empty: float = Field(0, ge=0, le=1)
    """HTTP 200 with empty content."""
    refusal: float = Field(0, ge=0, le=1)
    """HTTP 200 with a refusal for content."""
    unreadable: float = Field(0, ge=0, le=1)
    """HTTP 200 with prose that holds no grades; teachers only."""

    @model_validator(mode="after")
    def _at_most_all(self) -> Self:
        if (total := sum(share for _, share in self)) > 1:
            raise ValueError(f"the shares of all faults add up to {total:g}; at most 1 is possible")
        return self


class WorldBatches(Frozen):
    """How the Batch API of the world behaves."""

    seconds: float = Field(0, ge=0)
    """Seconds a batch takes."""
    failed: float = Field(0, ge=0, le=1)
    """Share of a batch's requests that end with HTTP 500."""
    expired: float = Field(0, ge=0, le=1)
    """Share of a batch's requests whose turn does not come."""
    enqueued_tokens: int | None = Field(None, ge=1)
    """Tokens that unfinished batches may hold together; a batch beyond that is refused."""


class WorldSettings(Frozen):
    """Everything that decides what a simulated world replies, and when."""

    seed: int = 0
    """Which world: difficulties, answer qualities, teachers' errors, noise and faults all follow from it."""
    latency: float = Field(0.0, ge=0)
    """Median seconds a reply takes; 0 replies at once. HTTP 429 is always immediate."""
    latency_sigma: float = Field(0.5, ge=0)
    """Spread of the log-normal latency (standard deviation of its logarithm); 0 makes it constant."""
    faults: Faults = Faults()
    """How often requests fail, and how."""
    batches: WorldBatches = WorldBatches()
    """The Batch API."""
    logprobs: bool = True
    """Whether requests that ask for token probabilities get them; otherwise the wish is ignored, as by some servers."""
    hang_seconds: float = Field(60.0, gt=0)
    """Upper bound of a `hang` fault, in seconds."""
    api_key: str | None = None
    """Where set, requests with another `Authorization: Bearer` key get HTTP 401."""
