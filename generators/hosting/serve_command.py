"""The command line of `vllm serve`.

Source: https://docs.vllm.ai/en/latest/cli/serve/. Each engine argument `a_name` is an option `--a-name`; switches have
a `--no-a-name`; what is a mapping is given as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PRIVATE = frozenset({"host", "port", "uds", "api_key", "ssl_keyfile", "ssl_certfile", "root_path", "headless"})
"""Options that say where the server listens, which only the run that starts it needs to know."""


def serve_command(
    program: Sequence[str], model: str, arguments: Mapping[str, Any], adapters: Sequence[str]
) -> list[str]:
    """What is run, except where it listens; `arguments` are vLLM's engine arguments, all of them, as JSON values."""
    options = [option for name, value in arguments.items() for option in _option(name, value)]
    command = [*program, "serve", model, f"--served-model-name={model}"]
    # A line in the log for each request would hide the others.
    command += ["--disable-uvicorn-access-log", *options]
    if adapters:
        command += ["--lora-modules", *(json.dumps({"name": served_name(path), "path": path}) for path in adapters)]
    return command


def served_name(adapter: str) -> str:
    """The model name under which the server knows an adapter; unlike that of any base model."""
    return f"adapter:{adapter}"


def _option(name: str, value: object) -> Iterator[str]:
    option = name.replace("_", "-")
    match value:
        case None:
            return
        case bool():
            yield f"--{option}" if value else f"--no-{option}"
        case list() if not any(isinstance(item, dict | list) for item in value):
            yield f"--{option}"
            yield from map(str, value)
        case dict() | list():
            yield f"--{option}={json.dumps(value)}"
        case _:
            yield f"--{option}={value}"
