"""`prefmill review up` and what belongs to it: an Argilla server on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefmill.review import Json

if TYPE_CHECKING:
    from prefmill.pipelines.embedded_argilla.server import Status

HomeFolder = Annotated[
    Path | None, typer.Option("--home", help="Where its database lies.", show_default="in the user's data directory")
]


def up(
    *,
    home: HomeFolder = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 6900,
    annotator: Annotated[list[str] | None, typer.Option(help="Make this annotator; may be repeated.")] = None,
    exposed: Annotated[bool, typer.Option("--exposed", help="Confirm a host that others can reach.")] = False,
    as_json: Json = False,
) -> None:
    """Start an Argilla server here; the first time, build it."""
    from prefmill.pipelines.embedded_argilla import server

    found = server.up(_home(home), _say, host=host, port=port, annotators=annotator or (), exposed=exposed)
    _show(found, as_json)


def down(home: HomeFolder = None) -> None:
    """Stop the Argilla server; what is in it stays."""
    from prefmill.pipelines.embedded_argilla import server

    stopped = server.down(_home(home))
    sys.stdout.write("stopped; nothing is lost\n" if stopped else "no server is running\n")


def server_status(home: HomeFolder = None, as_json: Json = False) -> None:
    """Show whether the Argilla server runs, and where."""
    from prefmill.pipelines.embedded_argilla import server

    _show(server.status(_home(home)), as_json)


def users(
    add: Annotated[list[str] | None, typer.Argument(help="Annotators to make.", show_default="none: list")] = None,
    home: HomeFolder = None,
) -> None:
    """List the Argilla server's users, or add annotators."""
    from prefmill.pipelines.embedded_argilla import upkeep

    found = upkeep.add_users(_home(home), add, _say) if add else upkeep.users(_home(home))
    for user in found:
        sys.stdout.write(f"{user.name}: {user.role}\n")
    sys.stdout.write(f"passwords and keys: {_home(home) / 'secrets.json'}\n" if found else "no users yet\n")


def reindex(home: HomeFolder = None) -> None:
    """Make the Argilla server's search index anew."""
    from prefmill.pipelines.embedded_argilla import upkeep

    upkeep.reindex(_home(home), _say)


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the copies go.", show_default=False)], home: HomeFolder = None
) -> None:
    """Copy the Argilla server's database and secrets."""
    from prefmill.pipelines.embedded_argilla import upkeep

    for path in upkeep.backup(_home(home), folder):
        sys.stdout.write(f"wrote {path}\n")


def add_to(app: typer.Typer) -> None:
    """Make these verbs of `prefmill review`."""
    for verb in (up, down, users, reindex, backup):
        app.command()(verb)
    app.command("server")(server_status)


def _home(chosen: Path | None) -> Path:
    from prefmill.pipelines.embedded_argilla import server

    return chosen or server.default_home()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _show(found: Status, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=2) + "\n")
    elif not found.running:
        sys.stdout.write("no server is running; `prefmill review up` starts one\n")
    else:
        sys.stdout.write(f"Argilla: {found.url}, process {found.pid}{'' if found.ready else ', not ready yet'}\n")
        sys.stdout.write(f"users: {', '.join(found.users)}; passwords and keys: {found.home / 'secrets.json'}\n")
        sys.stdout.write(f"log: {found.log}\n")
