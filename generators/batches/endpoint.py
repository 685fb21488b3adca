"""The files and batches of one endpoint, through the `openai` package; every failure is a `CallFailed`.

https://platform.openai.com/docs/api-reference/batch. The package's own retries are off: making a batch twice would be
paid twice, so whoever asks decides what may be asked again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...schemas.errors import CallFailed
from .record import BatchRecord
from .results import LONGEST_MESSAGE

if TYPE_CHECKING:
    from openai import APIError, APIStatusError, AsyncOpenAI

    from ..providers._access import Access
    from ..providers.openai import OpenAI

METADATA = "prefmill"
"""Key of a batch's metadata under which its `uuid` stands."""
CLOCKS_S = 86_400
"""Seconds by which the endpoint's clock may be behind ours when batches are searched by age."""
ENDED = frozenset({"completed", "expired", "cancelled", "failed"})


class _Part(BaseModel):
    """A part of what an endpoint says; the rest is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Heard(_Part):
    """An object that an endpoint shows: it has an id."""

    id: str = Field(min_length=1)


class _Counts(_Part):
    total: int = 0
    completed: int = 0
    failed: int = 0


class _Problem(_Part):
    code: str | None = None
    message: str | None = None


class _Problems(_Part):
    data: tuple[_Problem, ...] | None = None


class Progress(_Heard):
    """A batch as the endpoint shows it."""

    status: str
    created_at: float = 0
    metadata: dict[str, str] | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    request_counts: _Counts | None = None
    errors: _Problems | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status in ENDED

    @property
    def counts(self) -> _Counts:
        """How many of its requests are done."""
        return self.request_counts or _Counts()

    @property
    def problems(self) -> tuple[_Problem, ...]:
        """Why the endpoint did not take it, where it did not."""
        return (self.errors.data or ()) if self.errors else ()

    @property
    def said(self) -> str:
        """The same in words."""
        words = dict.fromkeys(problem.message or problem.code or "" for problem in self.problems)
        return "; ".join(words)[:LONGEST_MESSAGE] or "it does not say why"


@asynccontextmanager
async def reach(provider: OpenAI) -> AsyncIterator[BatchEndpoint]:
    """The Batch API of a provider's endpoint."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    access = provider.access()
    async with AsyncOpenAI(
        # The package insists on one; servers without authentication ignore it.
        api_key=access.key or "none",
        base_url=provider.base_url,
        max_retries=0,
        timeout=provider.timeout,
        http_client=DefaultAioHttpClient(),
    ) as client:
        yield BatchEndpoint(provider, access, client)


class BatchEndpoint:
    """The calls of the protocol. Each raises `CallFailed`; `fatal` where no further call would do better."""

    def __init__(self, provider: OpenAI, access: Access, client: AsyncOpenAI) -> None:
        self._provider, self._client = provider, client
        self._key, self._masked = access.key, access.masked

    async def upload(self, name: str, content: bytes) -> str:
        """Upload an input file; returns its id."""
        with self._failures():
            file = await self._client.files.create(file=(name, content, "application/jsonl"), purpose="batch")
            return _Heard.model_validate(file.to_dict(warnings=False)).id

    async def create(self, record: BatchRecord) -> Progress:
        """Make a batch of the record's file, with the record's name in its metadata."""
        with self._failures():
            return self._heard(
                await self._client.batches.create(
                    input_file_id=record.file_id or "",
                    endpoint="/v1/chat/completions",
                    completion_window=self._provider.batch.completion_window,
                    metadata={METADATA: record.uuid},
                )
            )

    async def look(self, batch_id: str) -> Progress:
        """How a batch stands."""
        with self._failures():
            return self._heard(await self._client.batches.retrieve(batch_id))

    async def cancel(self, batch_id: str) -> Progress:
        """Ask the endpoint to stop a batch; what is done by then stays done."""
        with self._failures():
            return self._heard(await self._client.batches.cancel(batch_id))

    async def find(self, record: BatchRecord) -> Progress | None:
        """The batch that carries the record's name, or None where there is none."""
        with self._failures():
            # Newest first: the record is older than its batch, so the search can end there.
            async for batch in self._client.batches.list(limit=100):
                progress = self._heard(batch)
                if (progress.metadata or {}).get(METADATA) == record.uuid:
                    return progress
                if progress.created_at < record.created_s - CLOCKS_S:
                    return None
        return None

    async def download(self, file_id: str) -> bytes:
        """A file's content, ending with a line's end where there is any."""
        with self._failures():
            content = (await self._client.files.content(file_id)).content
        # It is kept on disk, and some servers repeat the key in what they say.
        content = content.replace(self._key.encode(), b"***") if self._key else content
        return content if not content or content.endswith(b"\n") else content + b"\n"

    def _heard(self, batch: Any) -> Progress:  # noqa: ANN401 - the package does not check what it was sent
        try:
            return Progress.model_validate_json(self._masked(batch.to_json(warnings=False)))
        except ValidationError as error:
            shown = self._masked(str(batch))[:LONGEST_MESSAGE]
            raise CallFailed("protocol", f"the endpoint sent no batch: {shown}") from error

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turns the package's errors into `CallFailed`."""
        from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

        try:
            yield
        except APITimeoutError as error:
            raise CallFailed("timeout", f"no reply within {self._provider.timeout:g} s") from error
        except APIConnectionError as error:
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            raise CallFailed("connection", self._clean(cause)) from error
        except APIStatusError as error:
            raise self._refused(error) from error
        except (APIError, ValueError, AttributeError) as error:
            raise CallFailed("protocol", self._clean(error)) from error

    def _refused(self, error: APIStatusError) -> CallFailed:
        status, text = error.status_code, f"HTTP {error.status_code}: {self._clean(error)}"
        if status in (401, 403, 404, 405) or error.code == "insufficient_quota":
            return CallFailed("rejected", text, fatal=True)
        if status == 429:
            return CallFailed("rate_limited", text)
        return CallFailed("server_error" if status >= 500 or status in (408, 409) else "rejected", text)

    def _clean(self, error: BaseException | APIError) -> str:
        """The error in one line, without the key."""
        body = getattr(error, "body", None)
        said = (body.get("message") or body) if isinstance(body, dict) else body
        text = self._masked(" ".join(str(said or error).split()))[:LONGEST_MESSAGE]
        return text.encode(errors="backslashreplace").decode() or type(error).__name__
