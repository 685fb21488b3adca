"""Counts over a dataset: progress, what a metadata property is like, and what shows that the side file is stale.

Source: argilla-server 2.8.0, `search_engine/commons.py`, `get_dataset_progress`, `get_dataset_user_progress` (here: the
user's own responses alone) and `compute_metrics_for`.
"""

from __future__ import annotations

from .store import Store

KINDS = {
    "record": "SELECT count(*), max(d.updated_at) FROM docs d WHERE d.dataset = ?",
    "response": (
        "SELECT count(*), max(r.updated_at) FROM responses r JOIN docs d ON d.rowid = r.doc WHERE d.dataset = ?"
    ),
    "suggestion": (
        "SELECT count(*), max(s.updated_at) FROM suggestions s JOIN docs d ON d.rowid = s.doc WHERE d.dataset = ?"
    ),
    "vector": "SELECT count(*), max(v.updated_at) FROM vectors v JOIN docs d ON d.rowid = v.doc WHERE d.dataset = ?",
}
"""What Argilla's database and the side file both count."""


def by_status(store: Store, dataset: str) -> dict[str, int]:
    """Record status -> how many."""
    query = "SELECT status, count(*) FROM docs WHERE dataset = ? GROUP BY status ORDER BY status"
    number = store.index(dataset).number
    with store.reading() as connection:
        return dict(connection.execute(query, (number,)).fetchall())


def by_response_status(store: Store, dataset: str, user: str) -> dict[str, int]:
    """Status of a user's responses -> how many."""
    query = """SELECT r.status, count(*) FROM responses r JOIN docs d ON d.rowid = r.doc
               WHERE d.dataset = ? AND r.user = ? GROUP BY r.status ORDER BY r.status"""
    number = store.index(dataset).number
    with store.reading() as connection:
        return dict(connection.execute(query, (number, user)).fetchall())


def terms(store: Store, dataset: str, path: str) -> list[tuple[str, int]]:
    """Each value of a fact and how many records have it, the most frequent first."""
    query = """SELECT CAST(value AS TEXT), count(*) AS many FROM facts WHERE dataset = ? AND path = ?
               AND value IS NOT NULL GROUP BY 1 ORDER BY many DESC, 1"""
    number = store.index(dataset).number
    with store.reading() as connection:
        return connection.execute(query, (number, path)).fetchall()


def extremes(store: Store, dataset: str, path: str) -> tuple[float | None, float | None]:
    """The least and the greatest number of a fact; None where there is none."""
    query = "SELECT min(value), max(value) FROM facts WHERE dataset = ? AND path = ? AND typeof(value) != 'text'"
    number = store.index(dataset).number
    with store.reading() as connection:
        row: tuple[float | None, float | None] = connection.execute(query, (number, path)).fetchone()
    return row


def state(store: Store, dataset: str) -> dict[str, tuple[int, str | None]]:
    """For records, responses, suggestions and vectors: how many, and when the latest was changed."""
    number = store.index(dataset).number
    with store.reading() as connection:
        return {kind: connection.execute(query, (number,)).fetchone() for kind, query in KINDS.items()}
