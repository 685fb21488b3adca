"""Argilla's search engine on the side file.

Source: argilla-server 2.8.0, `search_engine/base.py`, `SearchEngine`: its abstract methods, one for one, and
`configure_index_vectors`. `search` also takes `user_id`, which `api/handlers/v1/datasets/records.py` passes.

Rows of Argilla's database are read on the event loop they belong to; the side file is read and written on a thread, so
that a long search holds no other request up.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from argilla_server.enums import MetadataPropertyType, SimilarityOrder
from argilla_server.models import (
    Dataset,
    MetadataProperty,
    Record,
    Response,
    Suggestion,
    User,
    VectorSettings,
)
from argilla_server.search_engine import (
    Filter,
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    MetadataMetrics,
    Order,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TermsMetrics,
    TextQuery,
)

from . import counting
from .documents import moment
from .mapping import document, indexed_fields, response, suggestion
from .scopes import own_filter, own_order
from .searching import EVERY_RECORD, Found, Search, search, similar
from .store import Store

NAME = "prefmill"
"""In `ARGILLA_SEARCH_ENGINE`."""


class EmbeddedSearchEngine(SearchEngine):
    """One side file for the whole process; the server makes an instance for every request."""

    opened: ClassVar[Store | None] = None

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    async def new_instance(cls) -> EmbeddedSearchEngine:
        """Raises RuntimeError before the launcher has set `opened`."""
        if cls.opened is None:
            raise RuntimeError("the search engine has no side file yet")
        return cls(cls.opened)

    async def close(self) -> None:
        """The side file stays open: it is shared."""

    async def ping(self) -> bool:
        """Whether the side file can be read."""
        await asyncio.to_thread(self.store.datasets)
        return True

    async def info(self) -> dict[str, Any]:
        """For `/api/v1/status`."""
        return {"name": NAME, "version": {"number": sqlite3.sqlite_version, "distribution": "SQLite FTS5"}}

    async def create_index(self, dataset: Dataset) -> None:
        """Raises `store.IndexExists`."""
        await asyncio.to_thread(self.store.create, str(dataset.id), indexed_fields(dataset))

    async def delete_index(self, dataset: Dataset) -> None:
        """A dataset without an index is no error."""
        await asyncio.to_thread(self.store.drop, str(dataset.id))

    async def configure_metadata_property(self, dataset: Dataset, metadata_property: MetadataProperty) -> None:
        """Nothing to do: all metadata is indexed."""

    async def configure_index_vectors(self, vector_settings: VectorSettings) -> None:
        """Nothing to do: vectors are kept by the id of their settings."""

    async def index_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """Put records in, replacing all that was known of them."""
        properties = await dataset.awaitable_attrs.metadata_properties
        documents = [document(record, properties) for record in records]
        await asyncio.to_thread(self.store.write, str(dataset.id), documents)

    async def partial_record_update(self, record: Record, *, status: str) -> None:
        """The server updates nothing but the status."""
        await asyncio.to_thread(self.store.set_status, str(record.id), str(status), moment(record.updated_at))

    async def delete_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """Records that are not there are no error."""
        await asyncio.to_thread(self.store.delete, str(dataset.id), [str(record.id) for record in records])

    async def update_record_response(self, response_: Response) -> None:
        """Put a response in."""
        await asyncio.to_thread(self.store.set_response, str(response_.record_id), response(response_))

    async def delete_record_response(self, response_: Response) -> None:
        """Take a response out."""
        await asyncio.to_thread(self.store.delete_response, str(response_.id))

    async def update_record_suggestion(self, suggestion_: Suggestion) -> None:
        """Put a suggestion in; those for other questions stay."""
        await asyncio.to_thread(self.store.set_suggestion, str(suggestion_.record_id), suggestion(suggestion_))

    async def delete_record_suggestion(self, suggestion_: Suggestion) -> None:
        """Take a suggestion out."""
        question = suggestion_.question.name
        await asyncio.to_thread(self.store.delete_suggestion, str(suggestion_.record_id), question)

    async def get_dataset_progress(self, dataset: Dataset) -> dict[str, int]:
        """`total`, and record status -> how many; nothing for a draft."""
        if dataset.is_draft:
            return {}
        return _with_total(await asyncio.to_thread(counting.by_status, self.store, str(dataset.id)))

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        """`total`, and status of the user's responses -> how many; nothing for a draft."""
        if dataset.is_draft:
            return {}
        counted = asyncio.to_thread(counting.by_response_status, self.store, str(dataset.id), str(user.id))
        return _with_total(await counted)

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        """How often each term occurs, or the least and the greatest number."""
        dataset, path = str(metadata_property.dataset_id), f"metadata.{metadata_property.name}"
        if metadata_property.type == MetadataPropertyType.terms:
            counts = await asyncio.to_thread(counting.terms, self.store, dataset, path)
            values = [TermsMetrics.TermCount(term=term, count=count) for term, count in counts]
            return TermsMetrics(total=sum(count for _, count in counts), values=values)
        low, high = await asyncio.to_thread(counting.extremes, self.store, dataset, path)
        whole = metadata_property.type == MetadataPropertyType.integer
        return (IntegerMetadataMetrics if whole else FloatMetadataMetrics)(min=low, max=high)

    async def search(  # noqa: PLR0917  the signature is Argilla's
        self,
        dataset: Dataset,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        sort: list[Order] | None = None,
        offset: int = 0,
        limit: int = 100,
        user_id: UUID | str | None = None,
    ) -> SearchResponses:
        """One page. With `user_id` and no `sort` the order looks random, and is the same each time for a user."""
        seed = str(user_id) if user_id is not None else None
        orders = [own_order(order) for order in sort or ()]
        asked = replace(_asked(query, filter, limit), sort=orders, offset=offset, seed=seed)
        return _responses(await asyncio.to_thread(search, self.store, str(dataset.id), asked))

    async def similarity_search(  # noqa: PLR0917  the signature is Argilla's
        self,
        dataset: Dataset,
        vector_settings: VectorSettings,
        value: list[float] | None = None,
        record: Record | None = None,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        max_results: int = 100,
        order: SimilarityOrder = SimilarityOrder.most_similar,
        threshold: float | None = None,
    ) -> SearchResponses:
        """The nearest records, exactly; not the record itself. `total` is how many are returned."""
        if bool(value) == bool(record):
            raise ValueError("Must provide either vector value or record to compute the similarity search")
        vector = value or (record.vector_value_by_vector_settings(vector_settings) if record is not None else None)
        if not vector:
            raise ValueError("Cannot find a vector value to apply with provided info")
        if order == SimilarityOrder.least_similar:
            vector = [-number for number in vector]
        settings, without = str(vector_settings.id), str(record.id) if record is not None else None
        asked = _asked(query, filter, max_results)
        found = await asyncio.to_thread(similar, self.store, str(dataset.id), settings, vector, asked, without=without)
        near = [(of, score) for of, score in found.items if threshold is None or (score or 0) >= threshold]
        return _responses(Found(near, found.total))


def _asked(query: TextQuery | str | None, given: Filter | None, limit: int) -> Search:
    text, field = (query.q, query.field) if isinstance(query, TextQuery) else (query, None)
    own = own_filter(given) if given is not None else EVERY_RECORD
    return Search(text, field, own, limit=limit)


def _responses(found: Found) -> SearchResponses:
    items = [SearchResponseItem(record_id=UUID(record), score=score) for record, score in found.items]
    return SearchResponses(items=items, total=found.total)


def _with_total(counts: dict[str, int]) -> dict[str, int]:
    return {"total": sum(counts.values()), **counts}
