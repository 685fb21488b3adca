"""The recipe keys of batch mode. Limits: https://platform.openai.com/docs/guides/batch (sections on rate limits).

All of them say how calls are made, not what is asked: they may change under an existing run directory.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ...schemas.frozen import Frozen
from ..providers import Provider


class BatchSettings(Frozen):
    """How batches are formed and followed: the `batch:` block of a provider in batch mode."""

    linger: float = Field(5, gt=0)
    """Seconds without a new request after which a batch that is not full is submitted."""
    poll_every: float = Field(30, gt=0)
    """Seconds between the first two looks at a batch; the time grows to the tenfold while it runs."""
    completion_window: Literal["24h"] = "24h"
    """How long the endpoint may take; what it has not done by then has expired. OpenAI offers one."""
    max_requests: int = Field(50_000, ge=1)
    """Requests in one batch at most; OpenAI takes 50,000."""
    max_bytes: int = Field(200_000_000, ge=1)
    """Size of one batch's input file at most; OpenAI takes 200 MB."""
    max_enqueued_tokens: int | None = Field(None, ge=1)
    """Tokens in unfinished batches at most, as the account allows for the model; further batches wait until earlier
    ones have ended. Estimated: a quarter of the request's bytes, and its reply limit. None: no limit is kept."""
    max_open: int = Field(50_000, ge=1)
    """Calls that wait for batches at one time; each takes about 40 kB of memory."""
    fallback: Literal["online", "fail"] = "online"
    """What becomes of a request that its batch did not answer (expired, cancelled, refused, an error): sent as a
    single call, at full price, or left as a failure, which `--retry-failed` puts into another batch."""
    price_factor: float = Field(0.5, ge=0)
    """Share of the price that a reply from a batch costs."""


class Batching(Provider):
    """Base of the providers whose endpoints may offer the Batch API."""

    operational: ClassVar[frozenset[str]] = Provider.operational | {"mode", "batch"}

    mode: Literal["online", "batch"] = "online"
    """`batch`: through the endpoint's Batch API, within 24 hours and at half the price."""
    batch: BatchSettings = BatchSettings()
    """Batch mode: how batches are formed and followed."""

    @property
    def open_at_once(self) -> int:
        """Calls that may be under way at one time: `max_in_flight`, or in batch mode all that may wait for batches."""
        return self.batch.max_open if self.mode == "batch" else self.max_in_flight

    @property
    def hedges(self) -> bool:
        """A batch is waited for, however long it takes."""
        return super().hedges and self.mode == "online"


def online(provider: Provider) -> Provider:
    """The provider with single calls, for those who cannot wait for a batch."""
    return provider.model_copy(update={"mode": "online"}) if isinstance(provider, Batching) else provider
