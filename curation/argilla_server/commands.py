"""What the launcher is asked to do: serve, add users, reindex. It is called by prefmill, not by people."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .home import Home, HomeInUse
from .tables import TOKENIZERS


def main(arguments: Sequence[str]) -> int:
    """0, or 2 where the home directory is in use or argilla-server is not the one this was written for."""
    parser = argparse.ArgumentParser(prog="prefmill_argilla", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    serve = verbs.add_parser("serve", help="serve until SIGTERM")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, required=True)
    serve.add_argument("--owner", required=True, help="made where there is none of that name")
    serve.add_argument("--tokenizer", choices=tuple(TOKENIZERS), help="of the search index; kept")
    users = verbs.add_parser("users", help="add annotators")
    for verb in (serve, users):
        verb.add_argument("--annotator", action="append", default=[])
        verb.add_argument("--workspace", required=True, help="of the annotators; made where there is none")
    reindex = verbs.add_parser("reindex", help="make the search index again")
    for verb in (serve, users, reindex):
        verb.add_argument("--home", type=Path, required=True)
    asked = parser.parse_args(arguments)
    try:
        return _run(asked, Home(asked.home))
    except (HomeInUse, ImportError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _run(asked: argparse.Namespace, home: Home) -> int:
    home.make()
    if asked.verb == "users":
        # Beside a server that runs: SQLite takes two writers, one after the other.
        with tempfile.TemporaryDirectory() as temporary:
            home.surround(temporary)
            from .people import add_people

            asyncio.run(add_people(home, asked.workspace, asked.annotator))
        return 0
    with home.held() as announce, home.own_temporary_folder() as temporary:
        home.surround(temporary)
        from .launcher import prepare, serve

        prepare(home)
        if asked.verb == "reindex":
            from .freshness import rebuild_all

            asyncio.run(rebuild_all(home.index, home.tokenizer()))
            return 0
        from .people import add_people

        if asked.tokenizer is not None:
            home.choose_tokenizer(asked.tokenizer)
        asyncio.run(add_people(home, asked.workspace, asked.annotator, owner=asked.owner))
        announce(asked.host, asked.port)
        return serve(home, asked.host, asked.port)
