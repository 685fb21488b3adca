"""A program that behaves like `vllm serve` as far as prefmill can tell, faults included; it knows no model.

`fake_vllm.py [OPTIONS] STATE serve MODEL …`: what stands before `serve` says how it behaves. In the folder STATE it
keeps what tests look at: `starts.jsonl`, the command line and environment of each start; `heard.jsonl`, every request
in the order of arrival; `sleeps`, the model's name each time it fell asleep; `pids`, its processes. A reply repeats the
question with the name of the model; to the question `hang` there is none. The form of endpoints, metrics and log lines
is that of vLLM 0.32.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.request import Request, urlopen

JUDGES = "request your feedback on the performance of two AI assistants"
CHILD = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
NO_MEMORY = "torch.OutOfMemoryError: CUDA out of memory."
FAILURE = """\
(EngineCore pid=7) ERROR 11-22 09:40:00 [core.py:1234] EngineCore failed to start.
(EngineCore pid=7) ERROR 11-22 09:40:00 [core.py:1234] Traceback (most recent call last):
(EngineCore pid=7) ERROR 11-22 09:40:00 [core.py:1234]   File "core.py", line 1, in run_engine_core
(EngineCore pid=7) ERROR 11-22 09:40:00 [core.py:1234] {said}
(APIServer pid=1) Traceback (most recent call last):
(APIServer pid=1)   File "utils.py", line 1, in wait_for_engine_startup
(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {{}}
"""


class Model:
    """What the served model has done, and how it is."""

    def __init__(self, options: argparse.Namespace, names: list[str], crashes: bool) -> None:
        self.options, self.names, self.crashes = options, names, crashes
        self.lock = threading.Lock()
        self.awake = threading.Event()
        self.awake.set()
        self.dead = False
        self.room = threading.Semaphore(options.room)
        self.heard = self.prompt_tokens = self.cached_tokens = self.completion_tokens = 0

    def hears(self, body: dict[str, Any]) -> None:
        """Take note of a request; the one that is too many kills the process, or only its engine."""
        with self.lock:
            with (self.options.state / "heard.jsonl").open("a") as heard:
                heard.write(json.dumps(body) + "\n")
            self.heard += 1
            if self.crashes and self.heard > self.options.crash_after:
                if not self.options.lingers:
                    os.kill(os.getpid(), signal.SIGKILL)
                self.dead = True
                self.crashes = False
                threading.Timer(self.options.lingers, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()

    def says(self, body: dict[str, Any]) -> dict[str, Any]:
        """The completion; the whole prompt is found in the cache from the second request on."""
        question = body["messages"][-1]["content"]
        prompt, reply = len(question.split()), self.reply(body["model"], question)
        with self.lock:
            self.cached_tokens += prompt if self.prompt_tokens else 0
            self.prompt_tokens += prompt
            self.completion_tokens += len(reply.split())
        message = {"role": "assistant", "content": reply}
        usage = {"prompt_tokens": prompt, "completion_tokens": len(reply.split())}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}

    def reply(self, name: str, question: str) -> str:
        """The question with the name of the model; to one of JudgeLM's, two scores that follow from it."""
        if JUDGES not in question:
            return f"{name} on {question}"
        drawn = zlib.crc32(f"{name} {question}".encode())
        return f"{1 + drawn % 10} {1 + drawn // 10 % 10}\nSo says {name}."

    def metrics(self) -> str:
        """In Prometheus' text format."""
        of = 'engine="0",model_name="m"'
        return (
            f"vllm:num_requests_running{{{of}}} 0.0\n"
            f"vllm:prefix_cache_queries_total{{{of}}} {self.prompt_tokens}.0\n"
            f"vllm:prefix_cache_hits_total{{{of}}} {self.cached_tokens}.0\n"
            f"vllm:prompt_tokens_total{{{of}}} {self.prompt_tokens}.0\n"
            f"vllm:generation_tokens_total{{{of}}} {self.completion_tokens}.0\n"
        )


class Door(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    model: Model

    def do_GET(self) -> None:
        match self.path:
            case "/health":
                self._send(503 if self.model.dead else 200, b"")
            case "/metrics":
                self._send(200, self.model.metrics().encode())
            case "/v1/models":
                self._json(200, {"data": [{"id": name} for name in self.model.names]})
            case _:
                self._json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match self.path.partition("?")[0]:
            case "/sleep" if os.environ.get("VLLM_SERVER_DEV_MODE") == "1":
                with (self.model.options.state / "sleeps").open("a") as sleeps:
                    sleeps.write(f"{self.model.names[0]}\n")
                self.model.awake.clear()
                self._json(200, {"status": "sleeping"})
            case "/wake_up" if self.model.options.alone and _beside(self.model.options.state / "pids"):
                sys.stderr.write(NO_MEMORY + "\n")
                self._json(500, {"error": {"message": "Call to wake_up method failed", "code": 500}})
            case "/wake_up" if os.environ.get("VLLM_SERVER_DEV_MODE") == "1":
                self.model.awake.set()
                self._json(200, {"status": "awake"})
            case "/v1/chat/completions":
                self._complete(json.loads(raw))
            case _:
                self._json(404, {"detail": "Not Found"})

    def _complete(self, body: dict[str, Any]) -> None:
        if body["model"] not in self.model.names:
            said = f"The model `{body['model']}` does not exist."
            return self._json(404, {"error": {"message": said, "type": "NotFoundError", "code": 404}})
        self.model.awake.wait()
        self.model.hears(body)
        with self.model.room:
            time.sleep(self.model.options.seconds)
        if body["messages"][-1]["content"] == "hang":
            time.sleep(3600)
        if self.model.dead:
            return self._json(500, {"error": {"message": "EngineCore encountered an issue.", "code": 500}})
        question = body["messages"][-1]["content"]
        if self.model.options.world:
            headers = {"Content-Type": "application/json"}
            asked = Request(f"{self.model.options.world}/chat/completions", json.dumps(body).encode(), headers)
            with urlopen(asked) as reply:
                return self._send(200, reply.read())
        if len(question) > 1000 and JUDGES not in question:
            return self._json(400, {"error": {"message": "maximum context length is 1000", "code": 400}})
        return self._json(200, self.model.says(body))

    def _json(self, status: int, body: object) -> None:
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401 - the base class's signature
        pass


class Listener(ThreadingMixIn, UnixStreamServer):
    """A thread for each connection."""

    daemon_threads = True
    request_queue_size = 1024


def main() -> None:
    options, said = _options()
    options.state.mkdir(parents=True, exist_ok=True)
    starts = options.state / "starts.jsonl"
    with starts.open("a") as lines:
        lines.write(json.dumps({"argv": said, "environment": dict(os.environ)}) + "\n")
    number = len(starts.read_text().splitlines())
    sys.stderr.write(f"(APIServer pid={os.getpid()}) INFO 11-22 09:40:00 [api_server.py:1] start number {number}\n")
    with (options.state / "pids").open("a") as pids:
        pids.write(f"{os.getpid()}\n")
        if options.child:
            pids.write(f"{subprocess.Popen([sys.executable, '-S', '-c', CHILD], start_new_session=True).pid}\n")
    time.sleep(options.slow)
    if options.fails or (options.alone and _beside(options.state / "pids")):
        sys.stderr.write(FAILURE.format(said=options.fails or NO_MEMORY))
        sys.exit(1)
    served = argparse.ArgumentParser(prog="vllm serve", allow_abbrev=False)
    served.add_argument("model")
    served.add_argument("--uds", required=True)
    served.add_argument("--served-model-name")
    served.add_argument("--lora-modules", nargs="+", type=json.loads, default=[])
    arguments, _ = served.parse_known_args(said[1:])
    names = [arguments.served_model_name or arguments.model, *(lora["name"] for lora in arguments.lora_modules)]
    Door.model = Model(options, names, options.crash_after is not None and number <= options.crashes)
    with Listener(arguments.uds, Door) as listener:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=listener.shutdown).start())
        listener.serve_forever(poll_interval=0.02)


def _beside(pids: Path) -> bool:
    """Whether another process of this program's runs."""
    return any(int(pid) != os.getpid() and Path("/proc", pid).exists() for pid in pids.read_text().split())


def _options() -> tuple[argparse.Namespace, list[str]]:
    """How to behave, and the command line from `serve` on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--child", action="store_true", help="has one that does not end by itself")
    parser.add_argument("--slow", type=float, default=0.0, help="seconds until it listens")
    parser.add_argument("--fails", help="ends while it starts, with this error in its log")
    parser.add_argument("--alone", action="store_true", help="has too little memory to start or wake beside another")
    parser.add_argument("--seconds", type=float, default=0.0, help="for each reply")
    parser.add_argument("--room", type=int, default=1000, help="requests that it works on at a time")
    parser.add_argument("--crash-after", type=int, help="requests after which it dies")
    parser.add_argument("--crashes", type=int, default=1, help="how many of its starts end so")
    parser.add_argument("--lingers", type=float, default=0.0, help="seconds for which it answers 500 before it dies")
    parser.add_argument("--world", help="base URL of a server that says what it replies")
    parser.add_argument("state", type=Path)
    begin = sys.argv.index("serve")
    return parser.parse_args(sys.argv[1:begin]), sys.argv[begin:]


if __name__ == "__main__":
    main()
