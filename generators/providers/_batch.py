"""Batch mode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from . import Connection, Site

if TYPE_CHECKING:
    from .openai import OpenAI


@asynccontextmanager
async def batching(provider: OpenAI, online: Connection, site: Site) -> AsyncIterator[Connection]:
    yield online
