"""A server on a real socket that answers as Argilla does where the desk needs it, and fails as a test says.

Shapes of requests and replies: argilla-server 2.8.0, `api/handlers/v1/`. That they are those of the real one is shown
by `tests/argilla/test_argilla_desk.py`, which has the desk do the same with it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sesame"
USERS = {"u0": "owner", "u1": "ann", "u2": "bob"}
DOWN = 0
"""Instead of a status: close the connection without a reply."""
HANG = -1
"""Instead of a status: reply to nothing for a second, then as `DOWN`."""
_NOWHERE = (404, {"detail": {"code": "argilla.api.errors::NotFoundError", "params": {"detail": "not found"}}})
_LISTS = {
    "fields": "fields",
    "questions": "questions",
    "metadata-properties": "metadata",
    "vectors-settings": "vectors",
}


@dataclass
class LittleArgilla:
    """What is on the server, and what it does wrong."""

    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Name -> the data set, with its `fields`, `questions`, `metadata`, `vectors` and `records`."""
    bad: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Text in a record -> the status and reason with which a request that holds such a record is refused."""
    next_bulk: list[int] = field(default_factory=list)
    """Statuses of the next requests with records; then they are taken."""
    version: object = "2.8.0"
    role: str = "owner"
    limit: int | None = None
    """Most bytes in a request, as a proxy has it; None: any number."""
    heard: list[str] = field(default_factory=list)
    """`METHOD PATH` of every request."""
    sizes: list[int] = field(default_factory=list)
    """Records in each request with records, refused ones included."""
    url: str = ""

    def reply(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON."""
        path, _, query = path.removeprefix("/api/v1").removeprefix("/me").partition("?")
        given = json.loads(body) if body else {}
        told: tuple[int, Any] = _NOWHERE
        match [method, *path.strip("/").split("/")]:
            case ["GET", "version"]:
                told = 200, {"version": self.version}
            case ["GET", ""]:
                told = 200, {"id": "u0", "username": "owner", "role": self.role}
            case ["GET", "workspaces"]:
                told = 200, {"items": [{"id": "w", "name": "reviews"}]}
            case ["GET", "workspaces", _, "users"]:
                told = 200, {"items": [{"id": user, "username": name} for user, name in USERS.items()]}
            case ["GET", "datasets"]:
                told = 200, {"items": list(self.datasets.values())}
            case ["POST", "datasets"]:
                empty: dict[str, Any] = {name: [] for name in _LISTS.values()}
                made = {**given, **empty, "id": f"d{len(self.heard)}", "status": "draft", "records": {}}
                self.datasets[given["name"]] = made
                told = 201, made
            case ["GET", "datasets", _, "records"] if "offset=0" not in query:
                told = 200, {"items": []}
            case [_, "datasets", dataset, *rest]:
                for found in [one for one in self.datasets.values() if one["id"] == dataset]:
                    told = self._of(found, [method, *rest], given, len(body))
        return told

    def submit(self, dataset: str, record_id: str, choice: str, user: str) -> None:
        """As a user does it in the browser; `user`: an id of `USERS`."""
        record = self.datasets[dataset]["records"][record_id]
        record.setdefault("responses", []).append(
            {
                "id": f"{record_id} by {user}",
                "user_id": user,
                "status": "submitted",
                "values": {"choice": {"value": choice}},
                "inserted_at": "2026-05-01T10:00:00.000000",
                "updated_at": "2026-05-01T10:00:00.000000",
            }
        )

    def _of(self, dataset: dict[str, Any], asked: list[str], given: dict[str, Any], size: int) -> tuple[int, Any]:
        told: tuple[int, Any] = _NOWHERE
        match asked:
            case ["DELETE"]:
                told = 200, self.datasets.pop(dataset["name"])
            case ["PUT", "publish"]:
                dataset["status"] = "ready"
                told = 200, dataset
            case ["PUT", "records", "bulk"]:
                told = self._bulk(dataset, given["items"], size)
            case ["GET", "records"]:
                told = 200, {"items": list(dataset["records"].values())}
            case ["GET", kind] if kind in _LISTS:
                told = 200, {"items": dataset[_LISTS[kind]]}
            case ["POST", kind] if kind in _LISTS:
                dataset[_LISTS[kind]].append({**given, "id": f"{given['name']} of {dataset['id']}"})
                told = 201, dataset[_LISTS[kind]][-1]
        return told

    def _bulk(self, dataset: dict[str, Any], items: list[dict[str, Any]], size: int) -> tuple[int, Any]:
        self.sizes.append(len(items))
        if self.next_bulk and (status := self.next_bulk.pop(0)) != 200:
            return status, {"detail": "not now"}
        if self.limit is not None and size > self.limit:
            return 413, "<html>Too large</html>"
        for place, item in enumerate(items):
            for text, (status, reason) in self.bad.items():
                if text in json.dumps(item):
                    why = f"Record at position {place} is not valid because {reason}" if status == 422 else reason
                    return status, {"detail": why}
        for item in items:
            before = dataset["records"].get(item["external_id"], {})
            dataset["records"][item["external_id"]] = {**before, **item}
        return 200, {"items": items}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # A reply in one packet: in two, each waits for the other side.
    server: _Server

    def _answer(self) -> None:
        little = self.server.little
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        little.heard.append(f"{self.command} {self.path}")
        status: int
        told: Any
        if self.headers.get("X-Argilla-Api-Key") != KEY and not self.path.endswith("/version"):
            status, told = 401, {"detail": {"params": {"detail": "Could not validate credentials"}}}
        else:
            status, told = little.reply(self.command, self.path, body)
        if status == HANG:
            time.sleep(1)
        if status in (DOWN, HANG):
            self.close_connection = True
            return
        text = told.encode() if isinstance(told, str) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        if status == 429:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    little: LittleArgilla


@contextmanager
def serving(little: LittleArgilla) -> Iterator[LittleArgilla]:
    """The server, as long as the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.little = little
    little.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield little
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
