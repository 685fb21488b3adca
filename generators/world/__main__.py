"""Serves a simulated world until Ctrl-C or SIGTERM: `python -m prefmill.generators.world --port 8377 --seed 7`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from pydantic import ValidationError

from ...schemas.errors import EndpointError
from .server import listening
from .settings import Faults, WorldSettings


def _settings(options: argparse.Namespace) -> WorldSettings:
    pairs = dict(text.partition("=")[::2] for text in options.fault)
    return WorldSettings(
        seed=options.seed,
        latency=options.latency,
        latency_sigma=options.latency_sigma,
        hang_seconds=options.hang_seconds,
        api_key=options.api_key,
        logprobs=not options.no_logprobs,
        faults=Faults.model_validate(pairs),
    )


async def _serve(settings: WorldSettings, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with listening(settings, port) as world:
        sys.stdout.write(f"simulated world listening on {world.base_url}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Parses the command line and serves."""
    parser = argparse.ArgumentParser(prog="python -m prefmill.generators.world", description=__doc__)
    defaults = WorldSettings()
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port (default)")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--latency", type=float, default=defaults.latency, help="median seconds a reply takes")
    parser.add_argument("--latency-sigma", type=float, default=defaults.latency_sigma)
    parser.add_argument("--hang-seconds", type=float, default=defaults.hang_seconds)
    parser.add_argument("--api-key", default=None)
    parser.add_argument("--no-logprobs", action="store_true", help="ignore the wish for token probabilities")
    names = ", ".join(Faults.model_fields)
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=SHARE", help=f"may be repeated; {names}")
    options = parser.parse_args()
    try:
        settings = _settings(options)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        parser.error(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    try:
        asyncio.run(_serve(settings, options.port))
    except EndpointError as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
