"""Writes records into the side file, and counts what is in it.

All methods block; each is one transaction, and may be called from any thread. Ids are the texts of UUIDs.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .documents import Answers, Document, Scalar, Suggested, Vector
from .filters import stored
from .matching import Place
from .tables import DEFAULT_TOKENIZER, open_tables


class NoIndex(LookupError):
    """A dataset, or a record of it, is not in the side file: it has to be made again (`reindex`)."""


class IndexExists(RuntimeError):
    """A dataset is published a second time."""


@dataclass(frozen=True)
class Index:
    """A dataset in the side file."""

    number: int
    fields: tuple[str, ...]
    tokenizer: str

    @property
    def table(self) -> str:
        """Its FTS5 table."""
        return f"text_{self.number}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns; FTS5 wants one even where there is nothing to search."""
        return tuple(f"f{position}" for position in range(max(1, len(self.fields))))

    def place(self, field: str | None) -> Place:
        """One field, or all. Raises ValueError where the dataset has no such text field."""
        columns = self.columns
        if field is not None:
            if field not in self.fields:
                raise ValueError(f"field {field!r} holds no text to search. Known: {', '.join(self.fields) or 'none'}")
            columns = (columns[self.fields.index(field)],)
        return Place(self.table, columns, parts=self.tokenizer == "trigram")


class Store:
    """The side file."""

    def __init__(self, path: Path | str, tokenizer: str = DEFAULT_TOKENIZER) -> None:
        self._connection = open_tables(path, tokenizer)
        self._tokenizer = tokenizer
        self._lock = threading.RLock()

    def close(self) -> None:
        """No other method may be called after this."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection, alone; what was written is undone where the block raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, alone, for queries."""
        with self._lock:
            yield self._connection

    def index(self, dataset: str) -> Index:
        """Raises `NoIndex`."""
        with self.reading() as connection:
            row = connection.execute("SELECT number, fields FROM datasets WHERE id = ?", (dataset,)).fetchone()
        if row is None:
            raise NoIndex(f"dataset {dataset} is not in the search index: it has to be reindexed")
        return Index(row[0], tuple(json.loads(row[1])), self._tokenizer)

    def datasets(self) -> set[str]:
        """The ids of all datasets in the file."""
        with self.reading() as connection:
            return {dataset for (dataset,) in connection.execute("SELECT id FROM datasets")}

    def create(self, dataset: str, fields: Sequence[str]) -> None:
        """Raises `IndexExists`."""
        with self.transaction() as connection:
            if connection.execute("SELECT 1 FROM datasets WHERE id = ?", (dataset,)).fetchone():
                raise IndexExists(f"dataset {dataset} is in the search index already")
            query = "INSERT INTO datasets (id, fields) VALUES (?, ?) RETURNING number"
            ((number,),) = connection.execute(query, (dataset, json.dumps(list(fields)))).fetchall()
            made = Index(number, tuple(fields), self._tokenizer)
            options = f"{', '.join(made.columns)}, tokenize = '{made.tokenizer}'"
            connection.execute(f"CREATE VIRTUAL TABLE {made.table} USING fts5({options})")

    def drop(self, dataset: str) -> None:
        """Forget a dataset and its records. One that is not there is no error."""
        with self.transaction() as connection:
            query = "DELETE FROM datasets WHERE id = ? RETURNING number"
            for (number,) in connection.execute(query, (dataset,)).fetchall():
                connection.execute(f"DROP TABLE text_{number}")

    def write(self, dataset: str, documents: Iterable[Document]) -> None:
        """Put records in, replacing all that was known of them. Raises `NoIndex`."""
        index = self.index(dataset)
        with self.transaction() as connection:
            for document in documents:
                _write(connection, index, document)

    def delete(self, dataset: str, records: Iterable[str]) -> None:
        """Take records out. One that is not there is no error."""
        index = self.index(dataset)
        with self.transaction() as connection:
            for record in records:
                query = "DELETE FROM docs WHERE id = ? AND dataset = ? RETURNING rowid"
                for (doc,) in connection.execute(query, (record, index.number)).fetchall():
                    connection.execute(f"DELETE FROM {index.table} WHERE rowid = ?", (doc,))

    def set_status(self, record: str, status: str, updated_at: str) -> None:
        """Raises `NoIndex` where the record is not there."""
        with self.transaction() as connection:
            doc, _ = _found(connection, record)
            connection.execute("UPDATE docs SET status = ?, updated_at = ? WHERE rowid = ?", (status, updated_at, doc))

    def set_response(self, record: str, response: Answers) -> None:
        """Put one annotator's response in. Raises `NoIndex` where the record is not there."""
        with self.transaction() as connection:
            doc, _ = _found(connection, record)
            _write_response(connection, doc, response)

    def delete_response(self, response: str) -> None:
        """One that is not there is no error."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM responses WHERE id = ?", (response,))

    def set_suggestion(self, record: str, suggestion: Suggested) -> None:
        """Put the suggestion for one question in. Raises `NoIndex` where the record is not there."""
        with self.transaction() as connection:
            doc, dataset = _found(connection, record)
            _write_suggestion(connection, dataset, doc, suggestion)

    def delete_suggestion(self, record: str, question: str) -> None:
        """Raises `NoIndex` where the record is not there; a suggestion that is not there is no error."""
        with self.transaction() as connection:
            doc, _ = _found(connection, record)
            _delete_suggestion(connection, doc, question)

    def set_vectors(self, record: str, vectors: Iterable[Vector]) -> None:
        """Put vectors in, beside those of other kinds. Raises `NoIndex` where the record is not there."""
        with self.transaction() as connection:
            doc, _ = _found(connection, record)
            _write_vectors(connection, doc, vectors)


def _found(connection: sqlite3.Connection, record: str) -> tuple[int, int]:
    row: tuple[int, int] | None = connection.execute(
        "SELECT rowid, dataset FROM docs WHERE id = ?", (record,)
    ).fetchone()
    if row is None:
        raise NoIndex(f"record {record} is not in the search index: its dataset has to be reindexed")
    return row


def _write(connection: sqlite3.Connection, index: Index, document: Document) -> None:
    row = connection.execute("SELECT rowid FROM docs WHERE id = ?", (document.id,)).fetchone()
    columns = (document.external_id, document.status, document.inserted_at, document.updated_at)
    if row is None:
        query = """INSERT INTO docs (external_id, status, inserted_at, updated_at, id, dataset)
                   VALUES (?, ?, ?, ?, ?, ?) RETURNING rowid"""
        ((doc,),) = connection.execute(query, (*columns, document.id, index.number)).fetchall()
    else:
        # The row stays: its number is the order in which records came.
        (doc,) = row
        query = "UPDATE docs SET external_id = ?, status = ?, inserted_at = ?, updated_at = ? WHERE rowid = ?"
        connection.execute(query, (*columns, doc))
        for table in ("facts", "responses", "suggestions", "vectors"):
            connection.execute(f"DELETE FROM {table} WHERE doc = ?", (doc,))
        connection.execute(f"DELETE FROM {index.table} WHERE rowid = ?", (doc,))
    texts = [_storable(document.texts.get(field, "")) for field in index.fields] or [""]
    places = ", ".join("?" * (1 + len(texts)))
    names = ", ".join(index.columns)
    connection.execute(f"INSERT INTO {index.table} (rowid, {names}) VALUES ({places})", (doc, *texts))
    _write_facts(connection, index.number, doc, {f"metadata.{name}": of for name, of in document.metadata.items()})
    for suggestion in document.suggestions:
        _write_suggestion(connection, index.number, doc, suggestion)
    for response in document.responses:
        _write_response(connection, doc, response)
    _write_vectors(connection, doc, document.vectors)


def _write_facts(connection: sqlite3.Connection, dataset: int, doc: int, facts: Mapping[str, Sequence[Scalar]]) -> None:
    rows = [(doc, dataset, path, stored(value)) for path, values in facts.items() for value in values]
    connection.executemany("INSERT INTO facts (doc, dataset, path, value) VALUES (?, ?, ?, ?)", rows)


def _write_suggestion(connection: sqlite3.Connection, dataset: int, doc: int, suggestion: Suggested) -> None:
    _delete_suggestion(connection, doc, suggestion.question)
    row = (doc, suggestion.question, suggestion.updated_at)
    connection.execute("INSERT INTO suggestions (doc, question, updated_at) VALUES (?, ?, ?)", row)
    facts = {f"suggestion.{suggestion.question}.{name}": of for name, of in suggestion.properties.items()}
    _write_facts(connection, dataset, doc, facts)


def _delete_suggestion(connection: sqlite3.Connection, doc: int, question: str) -> None:
    connection.execute("DELETE FROM suggestions WHERE doc = ? AND question = ?", (doc, question))
    paths = [(doc, f"suggestion.{question}.{name}") for name in ("value", "score", "agent", "type")]
    connection.executemany("DELETE FROM facts WHERE doc = ? AND path = ?", paths)


def _write_response(connection: sqlite3.Connection, doc: int, response: Answers) -> None:
    connection.execute("DELETE FROM responses WHERE id = ?", (response.id,))
    row = (response.id, doc, response.user, response.status, response.updated_at)
    connection.execute("INSERT INTO responses (id, doc, user, status, updated_at) VALUES (?, ?, ?, ?, ?)", row)
    rows = [(response.id, question, stored(value)) for question, values in response.values.items() for value in values]
    connection.executemany("INSERT INTO answers (response, question, value) VALUES (?, ?, ?)", rows)


def _write_vectors(connection: sqlite3.Connection, doc: int, vectors: Iterable[Vector]) -> None:
    rows = [(vector.settings, doc, vector.updated_at, vector.value) for vector in vectors]
    query = "INSERT OR REPLACE INTO vectors (settings, doc, updated_at, value) VALUES (?, ?, ?, ?)"
    connection.executemany(query, rows)


def _storable(text: str) -> str:
    """Lone surrogates, which JSON allows, cannot be stored."""
    return text.encode("utf-8", "replace").decode()
