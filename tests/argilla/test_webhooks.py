"""Webhooks are called for the events that they ask for; what the server spares itself is none of these."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from .running import WORKSPACE, Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Listener(ThreadingHTTPServer):
    """Hears events."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hearing)
        self.heard: list[dict[str, Any]] = []

    def wait_for(self, expected: Counter[str]) -> None:
        """Until so many events of each kind have come; an unexpected one is an error."""
        latest = time.monotonic() + 20
        while (heard := Counter(str(event["type"]) for event in list(self.heard))) != expected:
            assert heard <= expected and time.monotonic() < latest, heard
            time.sleep(0.05)


class Hearing(BaseHTTPRequestHandler):
    """One event."""

    server: Listener

    def do_POST(self) -> None:
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(name="listener")
def _listener() -> Iterator[Listener]:
    with Listener() as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        yield listener
        listener.shutdown()
        thread.join()


def test_what_is_asked_for_is_told_and_nothing_else(running: Running, listener: Listener) -> None:
    owner, ann, bob = (running.rest(name) for name in ("owner", "ann", "bob"))
    dataset = owner.publish(WORKSPACE, "heard")
    items = [{"fields": {"text": f"Text {number}."}, "metadata": {"number": number}} for number in range(3)]
    owner.log(dataset, items)  # Nobody asks yet.
    events = ["record.created", "record.completed", "response.created"]
    body = {"url": f"http://127.0.0.1:{listener.server_port}/", "events": events, "description": "test"}
    webhook = owner("POST", "/webhooks", body)["id"]
    records = owner.log(dataset, items)
    answer = {"status": "submitted", "values": {"rating": {"value": 4}}}
    response = ann("POST", f"/records/{records[0]}/responses", answer)["id"]
    ann("PUT", f"/responses/{response}", {**answer, "values": {"rating": {"value": 2}}})
    bob("POST", f"/records/{records[0]}/responses", answer)
    expected = Counter({"record.created": 3, "response.created": 2, "record.completed": 1})
    listener.wait_for(expected)
    told = [event["data"]["record"]["dataset"]["name"] for event in listener.heard if "record" in event["data"]]
    assert told == ["heard"] * 2
    owner("PATCH", f"/webhooks/{webhook}", {"enabled": False})
    owner.log(dataset, items)
    ann("POST", f"/records/{records[1]}/responses", answer)
    time.sleep(1)
    listener.wait_for(expected)
    owner("DELETE", f"/webhooks/{webhook}")
