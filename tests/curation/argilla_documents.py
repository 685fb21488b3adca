"""Records for tests of the embedded search engine, and a side file that holds them."""

from __future__ import annotations

import array
import weakref
from collections.abc import Mapping, Sequence

from prefmill.curation.argilla_server.documents import Answers, Document, Scalar, Suggested, Vector
from prefmill.curation.argilla_server.store import Store

DATASET = "d"


def document(
    number: int,
    texts: Mapping[str, str] | None = None,
    metadata: Mapping[str, Sequence[Scalar]] | None = None,
    *,
    responses: Sequence[Answers] = (),
    suggestions: Sequence[Suggested] = (),
    vector: Sequence[float] | None = None,
    status: str = "pending",
) -> Document:
    """Record `r<number>`, made in the minute of its number."""
    time = f"2026-01-01T00:{number % 60:02}:00.000000"
    vectors = [Vector("v", time, array.array("f", vector).tobytes())] if vector is not None else []
    return Document(
        f"r{number}", None, status, time, time, texts or {}, metadata or {}, responses, suggestions, vectors
    )


def answered(number: int, user: str, status: str, **values: Sequence[Scalar]) -> Answers:
    """A user's response to record `r<number>`."""
    return Answers(f"{number}-{user}", user, status, "2026-01-02T00:00:00.000000", values)


def filled(documents: Sequence[Document], fields: Sequence[str] = ("title", "body")) -> Store:
    """A side file in memory; it is closed when nobody holds it any more."""
    store = Store(":memory:")
    weakref.finalize(store, store._connection.close)
    store.create(DATASET, fields)
    store.write(DATASET, documents)
    return store
