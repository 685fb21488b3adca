"""`prefmill review up` and what belongs to it: an Argilla server on this machine, or the files of a team's."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefmill.review import Json

if TYPE_CHECKING:
    from prefmill.pipelines.embedded_argilla.server import Status
    from prefmill.pipelines.embedded_argilla.upkeep import User

HomeFolder = Annotated[
    Path | None, typer.Option("--home", help="Where its database lies.", show_default="in the user's data directory")
]
Annotators = Annotated[list[str] | None, typer.Option("--annotator", help="Make this annotator; may be repeated.")]
UserName = Annotated[str, typer.Argument(help="Whose.")]


def up(
    run: Annotated[
        Path | None, typer.Argument(help="Directory of a run: say how its pairs get there.", show_default="none")
    ] = None,
    *,
    home: HomeFolder = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 6900,
    annotator: Annotators = None,
    exposed: Annotated[bool, typer.Option("--exposed", help="Confirm a host that others can reach.")] = False,
    tokenizer: Annotated[
        str | None,
        typer.Option(help="trigram finds Chinese, Japanese and Korean words; kept.", show_default="unicode61, or kept"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start an Argilla server here; the first time, build it."""
    from prefmill.pipelines.embedded_argilla import server
    from prefmill.terminal import show_json

    if run is not None:
        from prefmill.pipelines.embedded_argilla.steps import reviewed_at

        reviewed_at(run)  # What is wrong with the run is said before a server is built and started for it.
    found = server.up(
        _home(home), _say, host=host, port=port, annotators=annotator or (), exposed=exposed, tokenizer=tokenizer
    )
    more = _steps(run, found, home) if run is not None else []
    if as_json:
        show_json({**found.model_dump(mode="json"), **({"next": more} if run is not None else {})})
        return
    _show(found, as_json=False)
    for step in more:
        sys.stdout.write(f"next: {step}\n")


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
    sys.stdout.write(f"{_to_sign_in(_home(home))}\n" if found else "no users yet\n")


def password(user: UserName = "owner", home: HomeFolder = None) -> None:
    """Print the password that a user signs in to the Argilla server with."""
    sys.stdout.write(f"{_user(home, user).password}\n")


def key(user: UserName = "owner", home: HomeFolder = None) -> None:
    """Print a user's API key: for `export ARGILLA_API_KEY=$(prefmill review key)`."""
    sys.stdout.write(f"{_user(home, user).api_key}\n")


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


def compose(
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("argilla-team"),
    host_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of this machine, on 127.0.0.1.")] = 6900,
    annotator: Annotators = None,
    as_json: Json = False,
) -> None:
    """Write what Docker runs a team's Argilla server from."""
    from prefmill.pipelines.team_argilla.writing import write

    made = write(out, annotator or (), host_port=host_port)
    if as_json:
        sys.stdout.write(made.model_dump_json(indent=2) + "\n")
        return
    compose_file, secrets = made.files
    sys.stdout.write(f"wrote {compose_file}\nwrote {secrets}: passwords and keys of {', '.join(made.users)}\n")
    sys.stdout.write(f"next: cd {shlex.quote(str(out))} && docker compose up --detach\n")


def add_to(app: typer.Typer) -> None:
    """Make these verbs of `prefmill review`."""
    for verb in (up, down, users, password, key, reindex, backup, compose):
        app.command()(verb)
    app.command("server")(server_status)


def _home(chosen: Path | None) -> Path:
    from prefmill.pipelines.embedded_argilla import server

    return chosen or server.default_home()


def _user(home: Path | None, name: str) -> User:
    from prefmill.pipelines.embedded_argilla import upkeep

    return upkeep.user(_home(home), name)


def _steps(run: Path, found: Status, home: Path | None) -> Sequence[str]:
    from prefmill.pipelines.embedded_argilla import upkeep
    from prefmill.pipelines.embedded_argilla.steps import steps

    annotators = [user.name for user in upkeep.users(found.home) if user.role == "annotator"]
    return steps(run, found.url or "", annotators, found.home if home is not None else None)


def _to_sign_in(home: Path) -> str:
    from prefmill.pipelines.embedded_argilla.server import default_home

    here = "" if home.resolve() == default_home().resolve() else f" --home {shlex.quote(str(home))}"
    return f"to sign in: `prefmill review password USER{here}`; API keys: `prefmill review key USER{here}`"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _show(found: Status, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=2) + "\n")
    elif not found.running:
        sys.stdout.write("no server is running; `prefmill review up` starts one\n")
    else:
        sys.stdout.write(f"Argilla: {found.url}, process {found.pid}{'' if found.ready else ', not ready yet'}\n")
        sys.stdout.write(f"users: {', '.join(found.users)}; {_to_sign_in(found.home)}\n")
        sys.stdout.write(f"log: {found.log}\n")
