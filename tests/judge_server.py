"""A judge that says what a test tells it: a real server, in a thread, that knows the pair by the texts it is shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "me/my judge"
"""Its name, with characters that a folder's name may not have."""

Script = Mapping[int, tuple[str, str]]
"""Number of the question -> reply in the order of the file, and reply in the other one."""

EXAMPLE: Script = {
    1: ("9 3\nSo.", "3 9\nSo."),
    2: ("8 5\nSo.", "8 5\nSo."),
    3: ("4 7\nSo.", "7 4\nSo."),
    4: ("6 5\nSo.", "5 5\nSo."),
    5: ("5 5\nSo.", "4 6\nSo."),
    6: ("Both are fine.", "5 5\nSo."),
    7: ("7 7\nSo.", "I would say the second."),
}
"""Seven pairs: of 1 and 3 both orders agree, of 2 and 4 they lean to the first, of 5 to the second; 6 and 7 have one
reply that cannot be read."""
GOLD = {1: "first", 2: "first", 3: "second", 4: "second", 5: "tie", 6: "tie", 7: "first"}
"""The labels that `EXPECTED` is reckoned with."""
EXPECTED = {
    # First order, pairs 1 2 3 4 5 7: first first second first tie tie against first first second second tie first.
    "agreement": (4 / 6, 6),
    "agreement_without_ties": (3 / 4, 4),
    # By chance (3*3 + 2*1 + 1*2) / 36 = 13/36.
    "kappa": ((4 / 6 - 13 / 36) / (1 - 13 / 36), 6),
    # Given: first 3 times (2 right), second once (right), tie twice (1 right).
    "precision": ((2 / 3 + 1 + 1 / 2) / 3, 6),
    # There are: first 3 (2 found), second 2 (1 found), tie 1 (found).
    "recall": ((2 / 3 + 1 / 2 + 1) / 3, 6),
    "f1": ((4 / 6 + 2 / 3 + 2 / 3) / 3, 6),
    # Pairs 1 to 5 in the other order: first second second tie first.
    "agreement_other_order": (2 / 5, 5),
    # Means of both orders: 9:3, 6.5:6.5, 4:7, 5.5:5, 5.5:4.5.
    "agreement_averaged": (2 / 5, 5),
    "consistency": (2 / 5, 5),
    "prefer_first": (2 / 5, 5),
    "prefer_second": (1 / 5, 5),
    "delta_bias": (1 / 5, 5),
    "unreadable": (2 / 14, 14),
}
"""Number -> its value for EXAMPLE against GOLD, and the rows that it rests on."""


def vote(number: int, winner: str, judge: str = "arena_user_1") -> str:
    """A line of the format `arena` about question `number`, which the server knows again; `winner` as in a Label."""

    def said(text: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": f"question {number}?"}, {"role": "assistant", "content": text}]

    row = {
        "question_id": f"q{number}",
        "model_a": "oak",
        "model_b": "elm",
        "winner": {"first": "model_a", "second": "model_b"}.get(winner, winner),
        "judge": judge,
        "conversation_a": said(f"alpha on {number}"),
        "conversation_b": said(f"beta on {number}"),
        "turn": 1,
    }
    return json.dumps(row) + "\n"


class _Judge(BaseHTTPRequestHandler):
    script: Script
    heard: list[str]

    def do_GET(self) -> None:
        self._say({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = asked["messages"][-1]["content"]
        self.heard.append(text)
        number = int(text.partition("question ")[2].partition("?")[0])
        reply = self.script[number][text.index("alpha on") > text.index("beta on")]
        message = {"role": "assistant", "content": reply}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        self._say({"object": "chat.completion", "choices": [choice], "usage": {}})

    def _say(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def judging(script: Script = EXAMPLE) -> Iterator[tuple[str, list[str]]]:
    """The base URL of a judge that replies by `script`, and what it was asked so far."""
    heard: list[str] = []
    handler = type("_Scripted", (_Judge,), {"script": script, "heard": heard})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
