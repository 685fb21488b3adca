"""Brings Argilla's database up to date and serves: the API, the web pages, the search engine, and the jobs.

Source: argilla-server 2.8.0, `cli/start.py` and `cli/database/migrate.py`, whose work this does in one process.
"""

from __future__ import annotations

import asyncio
import logging.config
import signal
import sqlite3

import argilla_server
import uvicorn
from argilla_server.cli.database.migrate import migrate_db
from argilla_server.search_engine import SearchEngine

from . import private_api
from .asked_events import build_asked_events_only
from .engine import NAME, EmbeddedSearchEngine
from .freshness import rebuild_stale
from .home import Home
from .jobs import Jobs
from .memberships import ask_for_memberships_once
from .parsed_settings import build_adapters_once
from .store import Store

LOG_BYTES, LOG_FILES = 5_000_000, 3


def prepare(home: Home) -> None:
    """Check what is installed, and migrate. Raises ImportError where it is not argilla-server 2.8.0."""
    private_api.check()
    migrate_db("head")
    # Kept in the file: readers do not wait for a writer.
    with sqlite3.connect(home.database) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def serve(home: Home, host: str, port: int) -> int:
    """Until SIGTERM or Ctrl-C; gives the exit status. `prepare` comes first."""
    _log_to(home)
    store = EmbeddedSearchEngine.opened = Store(home.index, home.tokenizer())
    SearchEngine.register(NAME)(EmbeddedSearchEngine)
    build_adapters_once()
    build_asked_events_only()
    ask_for_memberships_once()
    asyncio.run(rebuild_stale(store))
    Jobs().start()
    server = uvicorn.Server(
        uvicorn.Config(argilla_server.app, host=host, port=port, log_config=None, timeout_graceful_shutdown=5)
    )
    # uvicorn raises the signal that ended it once more, for handlers like this one: what holds the home cleans up.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    try:
        server.run()
    finally:
        store.close()
    return 0 if server.started else 3


def _leave(number: int, _: object) -> None:
    raise SystemExit(0)


def _log_to(home: Home) -> None:
    # After the import and the migration, which each set the logging of the whole process.
    file = {
        "class": "logging.handlers.RotatingFileHandler",
        "filename": str(home.log),
        "maxBytes": LOG_BYTES,
        "backupCount": LOG_FILES,
        "encoding": "utf-8",
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
            "handlers": {"all": {**file, "formatter": "line"}},
            "root": {"level": "INFO", "handlers": ["all"]},
            "loggers": {"httpx": {"level": "WARNING"}, "alembic": {"level": "WARNING"}},
        }
    )
