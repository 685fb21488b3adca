"""The side file: its tables, and how it is opened.

The file is derived from Argilla's own database and can be deleted: the launcher makes it again. Beside these tables
each dataset has one FTS5 table `text_N`, with a column for each of its text fields.
"""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

TOKENIZERS = {"unicode61": 1, "trigram": 2}
"""How FTS5 cuts texts (sqlite.org/fts5.html, "Tokenizers") -> version of the tables.

A file of another version is emptied when it is opened.
"""
DEFAULT_TOKENIZER = "unicode61"
OLDEST_SQLITE = (3, 35, 0)
"""`MATERIALIZED` and upserts with RETURNING: sqlite.org/releaselog/3_35_0.html."""

_TABLES = """
CREATE TABLE datasets (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, fields TEXT NOT NULL);
CREATE TABLE docs (
    rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, dataset INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
    external_id TEXT, status TEXT NOT NULL, inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE INDEX docs_of_a_dataset ON docs (dataset, status);
CREATE TABLE facts (
    doc INTEGER NOT NULL REFERENCES docs ON DELETE CASCADE, dataset INTEGER NOT NULL, path TEXT NOT NULL, value
);
CREATE INDEX facts_by_value ON facts (dataset, path, value, doc);
CREATE INDEX facts_of_a_doc ON facts (doc, path, value);
CREATE TABLE responses (
    id TEXT PRIMARY KEY, doc INTEGER NOT NULL REFERENCES docs ON DELETE CASCADE,
    user TEXT NOT NULL, status TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE INDEX responses_to_a_doc ON responses (doc, user, status);
CREATE TABLE answers (
    response TEXT NOT NULL REFERENCES responses ON DELETE CASCADE ON UPDATE CASCADE, question TEXT NOT NULL, value
);
CREATE INDEX answers_of_a_response ON answers (response, question, value);
CREATE TABLE suggestions (
    doc INTEGER NOT NULL REFERENCES docs ON DELETE CASCADE, question TEXT NOT NULL, updated_at TEXT NOT NULL,
    PRIMARY KEY (doc, question)
) WITHOUT ROWID;
CREATE TABLE vectors (
    settings TEXT NOT NULL, doc INTEGER NOT NULL REFERENCES docs ON DELETE CASCADE,
    updated_at TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (settings, doc)
);
CREATE INDEX vectors_of_a_doc ON vectors (doc);
"""


def open_tables(path: Path | str, tokenizer: str) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; the tables are there.

    Raises RuntimeError where this SQLite is too old or was built without FTS5, and ValueError for a tokenizer that is
    none of `TOKENIZERS`.
    """
    if tokenizer not in TOKENIZERS:
        raise ValueError(f"no tokenizer {tokenizer!r}. Known: {', '.join(TOKENIZERS)}")
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise RuntimeError(f"SQLite {sqlite3.sqlite_version} is too old: {wanted} or newer is needed")
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
    if not connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone():
        raise RuntimeError(f"SQLite {sqlite3.sqlite_version} of this Python was built without FTS5")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.create_function("shuffled", 2, _shuffled, deterministic=True)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != TOKENIZERS[tokenizer]:
        _empty(connection)
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {TOKENIZERS[tokenizer]}; COMMIT;")
    return connection


def _empty(connection: sqlite3.Connection) -> None:
    # FTS5 tables first: they take their own tables along, and SQLite refuses to drop those one by one.
    virtual = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL %'"
    plain = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    connection.execute("PRAGMA foreign_keys = OFF")
    for query in (virtual, plain):
        for (name,) in connection.execute(query).fetchall():
            connection.execute(f'DROP TABLE "{name}"')
    connection.execute("PRAGMA foreign_keys = ON")


def _shuffled(record: str, user: str) -> float:
    """A number in [0, 1) that looks random, the same for a record and a user in every run.

    It is asked for with every record that is found: a cryptographic hash would be the longest part of many a search.
    """
    # The product gives each user an order of their own; a CRC that starts from the user's would give them related ones.
    return (zlib.crc32(record.encode()) * (zlib.crc32(user.encode()) | 1) & 0xFFFFFFFF) / 2**32
