"""`python -m prefmill.generators.world`: the simulated world as a server of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request

import pytest

from prefmill.generators.world.population import BY_NAME
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.schemas.errors import EndpointError

COMMAND = [sys.executable, "-m", "prefmill.generators.world"]


def test_it_says_where_it_listens_and_serves_until_terminated() -> None:
    with subprocess.Popen([*COMMAND, "--seed", "3"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("simulated world listening on http://127.0.0.1:")
        with urllib.request.urlopen(f"{line.split()[-1]}/models") as response:
            assert len(json.load(response)["data"]) == len(BY_NAME)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def test_it_can_be_told_to_ignore_the_wish_for_probabilities() -> None:
    body = {"model": "sim-elm-9b", "messages": [{"role": "user", "content": "Why?"}], "logprobs": True}
    for options, expected in (([], dict), (["--no-logprobs"], type(None))):
        with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            address = f"{process.stdout.readline().split()[-1]}/chat/completions"
            with urllib.request.urlopen(address, data=json.dumps(body).encode()) as response:
                assert isinstance(json.load(response)["choices"][0]["logprobs"], expected)
            process.send_signal(signal.SIGTERM)


def test_an_unknown_fault_is_refused() -> None:
    process = subprocess.run([*COMMAND, "--fault", "rate_limted=1"], capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "rate_limted" in process.stderr.splitlines()[-1]


def test_a_taken_port_is_one_line() -> None:
    with running(WorldSettings()) as world:
        port = int(world.base_url.split(":")[2].removesuffix("/v1"))
        with pytest.raises(EndpointError, match=f"cannot listen on 127.0.0.1:{port}"), running(WorldSettings(), port):
            pass
