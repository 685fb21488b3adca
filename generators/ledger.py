"""The ledger: every model call is a row in `ledger.sqlite` before its result is used.

A call is known by the hash of what was asked (model, messages, sampling, number of the draw), so a run that is
started again finds what it has already paid for, whatever else changed. Rows that pile up within one turn of the event
loop share one transaction, a twentieth of a millisecond: a thread of its own would wait longer than that for the
interpreter. WAL with `synchronous=NORMAL` keeps every committed row through `kill -9`
(https://www.sqlite.org/wal.html); the last milliseconds before a power cut may be paid for again. What waits for the
disk, moving the log into the database, is done in a thread; rows that come meanwhile are committed after it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Self

from ..schemas.errors import RunDirectoryError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, stage TEXT NOT NULL, model TEXT NOT NULL, task_id TEXT NOT NULL, sample INTEGER NOT NULL,
    request TEXT NOT NULL, status TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost_usd REAL,
    attempts INTEGER NOT NULL, latency_s REAL NOT NULL, created_s REAL NOT NULL, probabilities BLOB
);
CREATE TABLE IF NOT EXISTS attempts (
    key TEXT NOT NULL, attempt INTEGER NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL, created_s REAL NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One finished call: an answered one, or one that was given up."""

    key: str
    """32 hex digits: what was asked."""
    stage: str
    model: str
    """The name the recipe gives the model."""
    task_id: str
    sample: int
    request: str
    """The request body as JSON, without any key."""
    status: str
    """`ok`, or the kind of failure (`row.FailureKind`) after the last attempt."""
    text: str
    """The reply; for a failure, what was said."""
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """At the price in force when it was made; None where none is known."""
    attempts: int
    """How often it was sent."""
    latency_s: float
    """Seconds the last attempt took."""
    created_s: float
    """Unix time of the reply."""
    probabilities: bytes | None = None
    """Of the reply's tokens, as `probabilities.packed` makes them, where they were asked for and given."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that failed and was, or may be, followed by another."""

    key: str
    attempt: int
    status: str
    message: str
    created_s: float


@dataclass(frozen=True, slots=True)
class Totals:
    """What the ledger holds for one stage and model."""

    stage: str
    model: str
    calls: int
    failed: int
    attempts: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None


_COLUMNS = ", ".join(field.name for field in fields(Call))
_SELECT_CALL = f"SELECT {_COLUMNS} FROM calls WHERE key = ?"
_INSERT_CALL = f"INSERT OR REPLACE INTO calls ({_COLUMNS}) VALUES ({', '.join('?' * len(fields(Call)))})"
# `dataclasses.astuple` copies every value; this is on the way of every call.
_call_values = attrgetter(*(field.name for field in fields(Call)))
_attempt_values = attrgetter(*(field.name for field in fields(Attempt)))
_INSERT_ATTEMPT = "INSERT INTO attempts VALUES (?, ?, ?, ?, ?)"


LOG_ROWS = 1000
"""Rows in the write-ahead log after which they are moved into the database."""


class Ledger:
    """The open ledger of a run, for one thread. `record` returns when the row is committed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[tuple[Call | Attempt, asyncio.Future[None] | None]] = []
        self._flushes_on: asyncio.AbstractEventLoop | None = None
        self._logged = 0
        self._moving: asyncio.Task[None] | None = None
        try:
            self._database = self._connect()
            self._known = Sieve(key for (key,) in self._database.execute("SELECT key FROM calls"))
        except sqlite3.Error as error:
            raise RunDirectoryError(
                f"{path}: {error}. Is it a run's ledger, and is there space on the disk?"
            ) from error

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """The ledger at `path`, made if need be, closed with everything written."""
        ledger = cls(path)
        try:
            yield ledger
        finally:
            ledger._commit_pending()
            ledger._database.close()

    def get(self, key: str) -> Call | None:
        """The finished call with this key, if it was ever made."""
        if key not in self._known:
            return None
        row = self._database.execute(_SELECT_CALL, (key,)).fetchone()
        return Call(*row) if row else None

    async def record(self, call: Call) -> None:
        """Write a finished call; returns once it is committed. Raises `RunDirectoryError` where it cannot be."""
        written = asyncio.get_running_loop().create_future()
        self._put(call, written)
        await written

    def note(self, attempt: Attempt) -> None:
        """Write a failed attempt, in this turn of the event loop."""
        self._put(attempt, None)

    def _put(self, row: Call | Attempt, written: asyncio.Future[None] | None) -> None:
        loop = asyncio.get_running_loop()
        if self._flushes_on is not loop:
            # A loop that was closed with rows pending will not write them any more; this one does.
            self._flushes_on = loop
            loop.call_soon(self._flush)
        self._pending.append((row, written))

    def _flush(self) -> None:
        """Commit what has piled up, and tell who waits; while the log is being moved, that does it afterwards."""
        self._flushes_on = None
        if self._moving is None:
            self._commit_pending()
            if self._logged >= LOG_ROWS:
                self._moving = asyncio.ensure_future(self._move())

    def _commit_pending(self) -> None:
        pending, self._pending = self._pending, []
        if not pending:
            return
        problem = _commit(self._database, [row for row, _ in pending])
        if problem is None:
            self._logged += len(pending)
            for row, _ in pending:
                if isinstance(row, Call):
                    self._known.add(row.key)
        _settle([written for _, written in pending if written is not None], problem, self._path)

    async def _move(self) -> None:
        """Move the log into the database. Nothing is committed meanwhile, so that the log begins anew after it."""
        try:
            await asyncio.to_thread(_checkpoint, self._path)
        finally:
            self._logged, self._moving = 0, None
            self._commit_pending()

    def forget_failures(self) -> int:
        """Delete given-up calls, so that they are asked again; returns how many there were."""
        return self._database.execute("DELETE FROM calls WHERE status != 'ok'").rowcount

    def totals(self) -> list[Totals]:
        """Calls, tokens and cost for each stage and model."""
        rows = self._database.execute(
            "SELECT stage, model, COUNT(*), SUM(status != 'ok'), SUM(attempts), SUM(prompt_tokens),"
            " SUM(completion_tokens), SUM(cost_usd) FROM calls GROUP BY stage, model ORDER BY stage, model"
        )
        return [Totals(*row) for row in rows]

    def has_calls(self) -> bool:
        """Whether any call was ever finished."""
        return bool(self._database.execute("SELECT EXISTS (SELECT 1 FROM calls)").fetchone()[0])

    def unpriced(self) -> list[tuple[str, int, int]]:
        """Model, prompt tokens and reply tokens of the calls for which no price was known when they were made."""
        rows = self._database.execute(
            "SELECT model, SUM(prompt_tokens), SUM(completion_tokens) FROM calls WHERE cost_usd IS NULL GROUP BY model"
        )
        return [(model, prompt, reply) for model, prompt, reply in rows]

    def of_task(self, task_id: str) -> list[Call]:
        """Every call made for one task, oldest first."""
        rows = self._database.execute(f"SELECT {_COLUMNS} FROM calls WHERE task_id = ? ORDER BY created_s", (task_id,))
        return [Call(*row) for row in rows]

    def _connect(self) -> sqlite3.Connection:
        # Opened on the caller's thread and used on the event loop's, never on both at a time.
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=30, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.executescript(_SCHEMA)
            _complete(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _complete(connection: sqlite3.Connection) -> None:
    """Add the column that older ledgers lack."""
    present = {row[1] for row in connection.execute("PRAGMA table_info(calls)")}
    if "probabilities" not in present:
        connection.execute("ALTER TABLE calls ADD COLUMN probabilities BLOB")


class Sieve:
    """Tells most keys that were never added from those that were, in 4 MB: a look into the database costs 20 us.

    A Bloom filter with one hash, which the key itself is: of keys never added, 3 % pass among a million.
    """

    _BITS = 25

    def __init__(self, keys: Iterable[str]) -> None:
        self._bits = bytearray(1 << self._BITS - 3)
        for key in keys:
            self.add(key)

    def add(self, key: str) -> None:
        """Let a key pass from now on."""
        place = self._place(key)
        self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, key: str) -> bool:
        place = self._place(key)
        return bool(self._bits[place >> 3] & 1 << (place & 7))

    def _place(self, key: str) -> int:
        return zlib.crc32(key.encode()) & (1 << self._BITS) - 1


def _checkpoint(path: Path) -> None:
    """Move the log into the database, on a connection of this thread's own."""
    # A disk that is full says so at the next commit, which is where it can be told to a caller.
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


Problem = sqlite3.Error | ValueError | OverflowError
"""What a commit can fail with: the disk, or a value that no database holds (half a character, a number too large)."""


def _commit(connection: sqlite3.Connection, rows: list[Call | Attempt]) -> Problem | None:
    """Write rows in one transaction; on failure nothing of them is written and the error is returned."""
    try:
        connection.execute("BEGIN")
        connection.executemany(_INSERT_CALL, [_call_values(row) for row in rows if isinstance(row, Call)])
        connection.executemany(_INSERT_ATTEMPT, [_attempt_values(row) for row in rows if isinstance(row, Attempt)])
        connection.execute("COMMIT")
    except (sqlite3.Error, ValueError, OverflowError) as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return error
    return None


def _settle(futures: list[asyncio.Future[None]], problem: Problem | None, path: Path) -> None:
    for future in futures:
        if future.done():
            continue
        if problem is None:
            future.set_result(None)
        else:
            future.set_exception(
                RunDirectoryError(
                    f"{path}: {problem}. Nothing is lost: make space on the disk, then start the same run again."
                )
            )


def now() -> float:
    """Unix time in seconds."""
    return time.time()
