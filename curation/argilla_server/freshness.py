"""Whether the side file still says what Argilla's database says, and making it again where it does not.

A server that was killed may have written to the database alone. For each dataset records, responses, suggestions and
vectors are counted, and the latest change of each is compared.

Source: argilla-server 2.8.0, `cli/search_engine/reindex.py`, `Reindexer`; `models/database.py`.
"""

from __future__ import annotations

import logging
from pathlib import Path
from uuid import UUID

from argilla_server.cli.search_engine.reindex import Reindexer
from argilla_server.database import AsyncSessionLocal
from argilla_server.enums import DatasetStatus
from argilla_server.models import Dataset, Record, Response, Suggestion, Vector
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from .counting import state
from .documents import moment
from .engine import EmbeddedSearchEngine
from .store import Store

_LOG = logging.getLogger(__name__)
_MODELS = {"record": Record, "response": Response, "suggestion": Suggestion, "vector": Vector}


async def rebuild_stale(store: Store) -> list[str]:
    """The names of the published datasets that were made again. Those that are gone are forgotten."""
    rebuilt = []
    async with AsyncSessionLocal() as database:
        published = select(Dataset.id, Dataset.name).where(Dataset.status == DatasetStatus.ready)
        datasets = (await database.execute(published)).all()
        for gone in store.datasets() - {str(identity) for identity, _ in datasets}:
            store.drop(gone)
        for identity, name in datasets:
            known = state(store, str(identity)) if str(identity) in store.datasets() else None
            if known != await _truth(database, identity):
                await _rebuild(database, store, identity)
                rebuilt.append(name)
    if rebuilt:
        _LOG.warning("search index made again for: %s", ", ".join(rebuilt))
    return rebuilt


async def rebuild_all(index: Path, tokenizer: str) -> list[str]:
    """Make a new side file; gives the names of the datasets in it."""
    for suffix in ("", "-wal", "-shm"):
        index.with_name(index.name + suffix).unlink(missing_ok=True)
    store = Store(index, tokenizer)
    try:
        return await rebuild_stale(store)
    finally:
        store.close()


async def _truth(database: AsyncSession, dataset: UUID) -> dict[str, tuple[int, str | None]]:
    known = {}
    for kind, model in _MODELS.items():
        counted = select(func.count(model.id), func.max(model.updated_at))
        counted = counted if model is Record else counted.join(Record, Record.id == model.record_id)
        count, latest = (await database.execute(counted.where(Record.dataset_id == dataset))).one()
        known[kind] = (count, moment(latest) if latest is not None else None)
    return known


async def _rebuild(database: AsyncSession, store: Store, identity: UUID) -> None:
    engine = EmbeddedSearchEngine(store)
    dataset = await Reindexer.reindex_dataset(database, engine, identity)
    async for _ in Reindexer.reindex_dataset_records(database, engine, dataset):
        pass
