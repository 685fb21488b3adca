"""Spares the server the events that no webhook asks for.

argilla-server 2.8.0, `webhooks/v1/records.py` and `webhooks/v1/responses.py`, loads a dataset with all its settings and
writes the event out for each record and each response, and only then (`jobs/webhook_jobs.py`) looks for webhooks.
Without any, logging records takes a third of that time, and a response two thirds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from argilla_server.contexts.webhooks import list_enabled_webhooks
from argilla_server.webhooks.v1 import records, responses

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

_ASKED = "events that webhooks ask for"


class Unheard:
    """In the place of an event that nobody asks for."""

    async def notify(self, _: AsyncSession) -> list[object]:
        """Makes no job."""
        return []


def build_asked_events_only() -> None:
    """Events that a webhook asks for are made as before."""
    records.build_record_event = _if_asked(records.build_record_event)
    responses.build_response_event = _if_asked(responses.build_response_event)


def _if_asked(build: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def built(database: AsyncSession, event: str, row: object) -> Any:  # noqa: ANN401 - upstream's event
        return await build(database, event, row) if await _asked(database, event) else Unheard()

    return built


async def _asked(database: AsyncSession, event: str) -> bool:
    """Looked up once for a session, which lasts for a request."""
    if _ASKED not in database.info:
        webhooks = await list_enabled_webhooks(database)
        database.info[_ASKED] = {name for webhook in webhooks for name in webhook.events}
    return event in database.info[_ASKED]
