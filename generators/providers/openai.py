"""Any OpenAI-compatible endpoint, a vLLM server among them.

Single calls go over aiohttp (`_chat.py`), batches through the `openai` package
(`generators/batches/`). Neither repeats anything
by itself: `generators/calls.py` does that for all providers, so that every attempt is counted.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar

from pydantic import field_validator

from ..batches.settings import Batching
from ..prices import listed
from . import Connection, Price, Site
from ._access import Access

OPENAI_URL = "https://api.openai.com/v1"


class OpenAI(Batching):
    """An OpenAI-compatible chat-completions endpoint."""

    operational: ClassVar[frozenset[str]] = Batching.operational | {"base_url", "api_key_env", "follow_load"}

    base_url: str = OPENAI_URL
    """Address up to and including `/v1`."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; None for servers without authentication."""

    follow_load: bool = True
    """Look at vLLM's `/metrics` once a second, where the server has them, and hold as many calls in flight as it can
    work on, at most `max_in_flight` (`generators/load.py`). False keeps `max_in_flight` fixed."""

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        if not re.match(r"https?://[^/@\s]+(/[^@\s]*)?$", value):
            raise ValueError("an address like http://localhost:8000/v1, without user or password in it")
        return value.rstrip("/")

    def priced(self) -> Price | None:
        """The recipe's price, or the one that the table lists for this address (`generators/prices.py`)."""
        return self.price or listed(self.base_url, self.model)

    def environment(self) -> Mapping[str, str]:
        """The variable that holds the key, where one is named."""
        return {"api_key_env": self.api_key_env} if self.api_key_env else {}

    @asynccontextmanager
    async def open(self, site: Site) -> AsyncIterator[Connection]:
        """A pooled connection, closed at the end of the run."""
        # Imported here: reading a recipe should not wait for an HTTP client.
        from ..batches.connection import batching
        from ._chat import chatting

        async with chatting(self, self.access()) as online, batching(self, online, site) as connection:
            yield connection

    @property
    def follows(self) -> bool:
        """Whether the server's load is looked at: not at OpenAI's own address, which has no such thing."""
        return self.follow_load and self.mode == "online" and self.base_url != OPENAI_URL

    def access(self) -> Access:
        """Where it is, and the key as the environment has it now."""
        key = os.environ.get(self.api_key_env) if self.api_key_env else None
        return Access(self.base_url, key or None, self.api_key_env)
