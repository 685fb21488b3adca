"""Runs argilla-server's own search engine tests, `tests/unit/search_engine` of its sdist, on the embedded engine.

Used as `pytest -p conformance_plugin` inside the managed environment, where prefmill is not installed. Upstream's tests
make Elasticsearch engines and look at Elasticsearch with an OpenSearch client: both are replaced here before their
`conftest.py` imports them. A test that reads what only Elasticsearch has, a mapping or a stored document, is skipped.

`PREFMILL_ARGILLA` is the folder of the engine, `CONFORMANCE_RESULTS` the file that gets one line for each test.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import opensearchpy
import opensearchpy.helpers
import pytest
from argilla_server import search_engine
from argilla_server.jobs import queues
from fakeredis import FakeStrictRedis

_FOLDER = Path(os.environ["PREFMILL_ARGILLA"])
_SPEC = importlib.util.spec_from_file_location(
    "prefmill_argilla", _FOLDER / "__init__.py", submodule_search_locations=[str(_FOLDER)]
)
assert _SPEC is not None
sys.modules["prefmill_argilla"] = importlib.util.module_from_spec(_SPEC)
documents, engine, mapping, store_module = (
    importlib.import_module(f"prefmill_argilla.{name}") for name in ("documents", "engine", "mapping", "store")
)

random.seed(0)  # Upstream draws parameters when its tests are collected: so their names stay the same.
queues.REDIS_CONNECTION.connection_pool = FakeStrictRedis().connection_pool
STORE = store_module.Store(":memory:")
NOW = "2026-01-01T00:00:00.000000"


def _dataset(index: str) -> str:
    return index.removeprefix("rg.")


class Engine(engine.EmbeddedSearchEngine):  # type: ignore[misc, name-defined]
    """The embedded engine, made as upstream makes Elasticsearch's."""

    def __init__(self, **_: object) -> None:
        super().__init__(STORE)
        self.client = self

    async def _bulk_op_request(self, actions: Iterable[dict[str, Any]]) -> None:
        """Upstream puts vectors in this way."""
        for action in actions:
            ((path, value),) = action["doc"].items()
            blob = mapping.array.array("f", value).tobytes()
            vector = documents.Vector(path.removeprefix("vectors."), NOW, blob)
            STORE.set_vectors(str(action["_id"]), [vector])


class Indices:
    """What upstream asks of indices."""

    def create(self, index: str, body: object) -> None:
        STORE.create(_dataset(index), ["text"])

    def delete(self, index: str) -> None:
        STORE.drop(_dataset(index))

    def refresh(self, index: str) -> None:
        STORE.index(_dataset(index))

    def exists(self, index: str) -> bool:
        return _dataset(index) in STORE.datasets()

    def get(self, **_: object) -> NoReturn:
        pytest.skip("reads Elasticsearch's mappings")

    get_mapping = get


class Cat:
    """The client's `cat`."""

    def indices(self, **_: object) -> list[dict[str, str]]:
        return []


class Client:
    """What upstream asks of its OpenSearch client, read from and written to the side file."""

    def __init__(self, **_: object) -> None:
        self.indices = Indices()
        self.cat = Cat()

    def get(self, index: str, id: object) -> dict[str, Any]:
        query = """SELECT r.id, r.user, r.status, a.question, a.value FROM responses r JOIN docs d ON d.rowid = r.doc
                   LEFT JOIN answers a ON a.response = r.id WHERE d.id = ?"""
        found: dict[str, dict[str, Any]] = {}
        with STORE.reading() as connection:
            for response, user, status, question, value in connection.execute(query, (str(id),)):
                known = found.setdefault(response, {"id": response, "user_id": user, "status": status})
                known |= {question: value} if question is not None else {}
        return {"_source": {"responses": list(found.values())}}

    def update(self, index: str, id: object, body: dict[str, Any]) -> None:
        for given in body["doc"]["responses"]:
            values = {name: [value] for name, value in given.items() if name not in {"id", "user_id", "status"}}
            answers = documents.Answers(given["id"], given["user_id"], given["status"], NOW, values)
            STORE.set_response(str(id), answers)

    def search(self, index: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        wanted = ((body or {}).get("query") or {}).get("ids")
        if wanted is None:
            pytest.skip("reads Elasticsearch's documents")
        with STORE.reading() as connection:
            known = {identity for (identity,) in connection.execute("SELECT id FROM docs")}
        return {"hits": {"hits": [{"_source": {"id": of}} for of in wanted["values"] if of in known]}}


def _bulk(client: Client, actions: Iterable[dict[str, Any]]) -> None:
    for action in actions:
        document = documents.Document(str(action["_id"]), None, "pending", NOW, NOW, action["fields"])
        STORE.write(_dataset(action["_index"]), [document])


search_engine.ElasticSearchEngine = search_engine.OpenSearchEngine = Engine
opensearchpy.OpenSearch = Client
opensearchpy.helpers.bulk = _bulk


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One line for what became of a test."""
    if report.when == "call" or report.outcome != "passed":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        name = report.nodeid.partition("search_engine/")[2]
        with Path(os.environ["CONFORMANCE_RESULTS"]).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([name, report.outcome, reason.removeprefix("Skipped: ")]) + "\n")
