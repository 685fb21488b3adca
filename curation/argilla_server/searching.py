"""Finds records in the side file: by text, filters and order, or by how near their vectors are.

Source: argilla-server 2.8.0, `search_engine/commons.py`, `search` and `similarity_search`; of the scores,
elastic.co/guide, "k-nearest neighbor search" ((1 + cosine) / 2). Text is ranked by FTS5's BM25 (k1 1.2, b 0.75).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .filters import All, Filter, filter_condition
from .matching import ALL, Condition, all_scored, joined, scoring_expression, text_condition
from .query import parse
from .sorting import Order, order_condition
from .store import Index, Store

EVERY_RECORD = All(())
_ROWS = 512


@dataclass(frozen=True)
class Search:
    """Which records, and in which order."""

    query: str | None = None
    field: str | None = None
    """The query is for this field alone."""
    filter: Filter = EVERY_RECORD
    sort: Sequence[Order] = ()
    """Without: the best match first, then as they came."""
    seed: str | None = None
    """A user, whose order without `sort` looks random and is always the same."""
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True)
class Found:
    """One page, and how many there are on all pages."""

    items: list[tuple[str, float | None]]
    """Record and score; no score where the records are sorted."""
    total: int


def search(store: Store, dataset: str, asked: Search) -> Found:
    """Raises `NoIndex`; ValueError for a query, filter or field that makes no sense."""
    index = store.index(dataset)
    where = _where(index, asked)
    scores, score, source = "", Condition("1.0"), "docs d"
    expression, ranked = _scoring(index, asked) if not asked.sort else (None, False)
    if expression is not None:
        scores = f"""WITH scores AS MATERIALIZED (SELECT rowid AS doc, -bm25({index.table}) AS score
                     FROM {index.table} WHERE {index.table} MATCH ?)"""
        score = Condition("coalesce((SELECT score FROM scores WHERE doc = d.rowid), 1.0)", (expression,))
    if ranked:
        # A record's key for each score takes half the time of a score for each record.
        score, source = Condition("s.score", score.parameters), "scores s CROSS JOIN docs d ON d.rowid = s.doc"
    if asked.seed is not None:
        score = Condition(f"{score.sql} * shuffled(d.id, ?)", (*score.parameters, asked.seed))
    if asked.sort:
        orders = [order_condition(order) for order in asked.sort]
        score = Condition("NULL")
    else:
        orders = [Condition("score DESC")]
    keys = ", ".join(order.sql for order in orders)
    # A page needs the ids alone; WITH stands first, so do its parameters.
    sql = f"""{scores} SELECT d.id, {score.sql} AS score FROM {source} WHERE d.dataset = ? AND {where.sql}
              ORDER BY {keys}, d.rowid LIMIT ? OFFSET ?"""
    ordering = [value for order in orders for value in order.parameters]
    parameters = (*score.parameters, index.number, *where.parameters, *ordering, asked.limit, asked.offset)
    count = f"SELECT count(*) FROM docs d WHERE d.dataset = ? AND {where.sql}"
    with store.reading() as connection:
        ((total,),) = connection.execute(count, (index.number, *where.parameters)).fetchall()
        return Found(connection.execute(sql, parameters).fetchall(), total)


def similar(
    store: Store, dataset: str, settings: str, vector: Sequence[float], asked: Search, *, without: str | None = None
) -> Found:
    """The `limit` records whose vectors point most nearly the same way, exactly, with scores in [0, 1].

    `without` leaves one record out. Records without a vector, or with one of zeros, are never similar. Of `asked` the
    query, the filter and the limit count. Raises as `search` does, and ValueError for a vector that has no direction.
    """
    index = store.index(dataset)
    wanted = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(wanted))
    if not np.isfinite(length) or length == 0:
        raise ValueError("a vector of zeros, or with a number that is not finite, points nowhere")
    where = _where(index, asked)
    sql = f"""SELECT d.id, v.value FROM vectors v JOIN docs d ON d.rowid = v.doc
              WHERE v.settings = ? AND d.dataset = ? AND d.id IS NOT ? AND {where.sql} ORDER BY v.doc"""
    with store.reading() as connection:
        rows = connection.execute(sql, (settings, index.number, without, *where.parameters)).fetchall()
    if not rows:
        return Found([], 0)
    wrong = next((len(value) // 4 for _, value in rows if len(value) != 4 * len(wanted)), None)
    if wrong is not None:
        raise ValueError(f"the vector has {len(wanted)} numbers, those of the records have {wrong}")
    scores = _scores(np.frombuffer(b"".join(value for _, value in rows), dtype="<f4").reshape(len(rows), -1), wanted)
    nearest = [place for place in np.argsort(-scores, kind="stable")[: asked.limit] if np.isfinite(scores[place])]
    items: list[tuple[str, float | None]] = [(rows[place][0], float(scores[place])) for place in nearest]
    return Found(items, len(items))


def _scores(vectors: NDArray[np.float32], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 + cosine) / 2 for each row; minus infinity where a row has no direction."""
    scores = np.full(len(vectors), -np.inf)
    # A few rows at a time, as float64: that a copy stays in the processor's cache is worth a factor of five.
    for start in range(0, len(vectors), _ROWS):
        some = vectors[start : start + _ROWS].astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", some, some)) * np.linalg.norm(wanted)
        directed = np.isfinite(lengths) & (lengths > 0)
        cosines = np.divide(some @ wanted, lengths, out=np.full(len(some), -np.inf), where=directed)
        scores[start : start + _ROWS] = np.where(directed, (1 + np.clip(cosines, -1, 1)) / 2, -np.inf)
    return scores


def _where(index: Index, asked: Search) -> Condition:
    conditions = [filter_condition(asked.filter, index.number)]
    if asked.query is not None:
        tree, place = parse(asked.query), index.place(asked.field)
        conditions.append(Condition("0") if tree is None else text_condition(tree, place))
    return joined(" AND ", [condition for condition in conditions if condition != ALL] or [ALL])


def _scoring(index: Index, asked: Search) -> tuple[str | None, bool]:
    """What is ranked by, and whether each record that is found is ranked by it."""
    tree, place = parse(asked.query) if asked.query is not None else None, index.place(asked.field)
    if tree is None:
        return None, False
    return scoring_expression(tree, place), all_scored(tree, place)
