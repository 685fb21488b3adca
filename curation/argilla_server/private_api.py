"""What this package uses of argilla-server that is not its documented API, checked before anything is served.

argilla-server 2.8.0 is the last release and frozen, so nothing of this should ever change under an exact pin.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

VERSION = "2.8.0"
ABSTRACT = frozenset({
    "new_instance", "close", "ping", "info", "create_index", "delete_index", "configure_metadata_property",
    "index_records", "partial_record_update", "delete_records", "update_record_response", "delete_record_response",
    "update_record_suggestion", "delete_record_suggestion", "get_dataset_progress", "get_dataset_user_progress",
    "search", "compute_metrics_for", "similarity_search",
})  # fmt: skip
"""The abstract methods of `search_engine/base.py`, `SearchEngine`."""
NAMES = {
    "argilla_server.cli.database.migrate": ("migrate_db",),
    "argilla_server.cli.search_engine.reindex": ("Reindexer",),
    "argilla_server.contexts.accounts": ("create_user", "create_workspace", "get_user_by_username"),
    "argilla_server.contexts.webhooks": ("list_enabled_webhooks",),
    "argilla_server.database": ("AsyncSessionLocal",),
    "argilla_server.jobs.queues": ("REDIS_CONNECTION", "DEFAULT_QUEUE", "HIGH_QUEUE"),
    "argilla_server.models.database": ("Question", "MetadataProperty"),
    "argilla_server.webhooks.v1.records": ("build_record_event",),
    "argilla_server.webhooks.v1.responses": ("build_response_event",),
}


def check() -> None:
    """Raises ImportError with one line where argilla-server is not what this package was written for."""
    for difference in _differences():
        raise ImportError(f"argilla-server changed, pin {VERSION}: {difference}")


def _differences() -> list[str]:
    found = []
    version = importlib.import_module("argilla_server._version").__version__
    if version != VERSION:
        found.append(f"this is {version}")
    for name, members in NAMES.items():
        module = importlib.import_module(name)
        found += [f"{name} has no {member}" for member in members if not hasattr(module, member)]
    engine = importlib.import_module("argilla_server.search_engine").SearchEngine
    if engine.__abstractmethods__ != ABSTRACT:
        found.append(f"SearchEngine has other methods: {', '.join(sorted(engine.__abstractmethods__ ^ ABSTRACT))}")
    if not isinstance(getattr(engine, "registered_classes", None), dict):
        found.append("SearchEngine has no registered_classes")
    own = importlib.import_module(f"{__package__}.engine").EmbeddedSearchEngine
    for method in ABSTRACT - {"partial_record_update"}:
        wanted = len(inspect.signature(getattr(engine, method)).parameters)
        if wanted > len(inspect.signature(getattr(own, method)).parameters):
            found.append(f"SearchEngine.{method} has other parameters")
    pages = Path(importlib.import_module("argilla_server").__file__ or "").parent / "static" / "index.html"
    if not pages.is_file():
        found.append("it has no web pages (static/index.html)")
    return found
