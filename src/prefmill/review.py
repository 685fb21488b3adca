"""`prefmill review`: its verbs, and what a person sees of them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from prefmill.pipelines.reviewing.pull import Pulled
    from prefmill.pipelines.reviewing.push import Pushed

app = typer.Typer(
    name="review",
    help="Have people review a finished run, and measure by it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

RunFolder = Annotated[Path, typer.Argument(help="Directory of a run.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
REFUSED_SHOWN = 10
"""Records that a desk cannot show of which each gets a line."""
_EXACTLY = "Exactly so many pairs, where there are as many."


@app.command()
def plan(
    directory: RunFolder,
    *,
    audit: Annotated[int | None, typer.Option(min=0, help=_EXACTLY, show_default="the recipe's")] = None,
    disagreement: Annotated[int | None, typer.Option(min=0, help=_EXACTLY, show_default="the recipe's")] = None,
    slices: Annotated[int | None, typer.Option(min=0, help=_EXACTLY, show_default="the recipe's")] = None,
    again: Annotated[bool, typer.Option("--again", help="Draw another plan where reviews rest on this one.")] = False,
    as_json: Json = False,
) -> None:
    """Draw the pairs that people are to review."""
    from prefmill.pipelines.reviewing.plan import plan as draw_plan
    from prefmill.terminal import show_json

    wanted = {"audit": audit, "disagreement": disagreement, "slices": slices}
    sizes = {name: size for name, size in wanted.items() if size is not None}
    told = draw_plan(directory, again=again, sizes=sizes).as_plain()
    if as_json:
        show_json(told)
    else:
        show_plan(told, directory)


@app.command()
def push(
    directory: RunFolder,
    *,
    out: Annotated[Path | None, typer.Option(help="Where files go.", show_default="review/desk in the run")] = None,
    annotator: Annotated[
        list[str] | None,
        typer.Option(help="Who reviews; may be repeated.", show_default="who has records, or one called annotator"),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Argilla server to use from now on; key: ARGILLA_API_KEY.", show_default="the recipe's desk"),
    ] = None,
    workspace: Annotated[
        str | None, typer.Option(help="Its workspace, which must exist.", show_default="reviews")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hand the pairs of the plan to annotators."""
    from prefmill.pipelines.reviewing.push import push as hand_out
    from prefmill.terminal import show_json

    if url is None and workspace is None:
        _say_desk(directory)
    with _counted() as tell:
        done = hand_out(directory, annotator or (), out, tell, url=url, workspace=workspace)
    if as_json:
        show_json(done.as_plain())
    else:
        show_pushed(done, directory)


@app.command()
def pull(
    directory: RunFolder,
    files: Annotated[
        list[Path] | None, typer.Argument(help="What annotators downloaded.", show_default="none: for a server")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take in what annotators decided, and label anew."""
    from prefmill.pipelines.reviewing.pull import pull as take_in
    from prefmill.terminal import show_json

    _say_desk(directory)
    done = take_in(directory, files or ())
    if as_json:
        show_json(done.as_plain())
    else:
        show_pulled(done, directory)


@app.command()
def status(directory: RunFolder, as_json: Json = False) -> None:
    """Show how far the review is, and what it says."""
    from prefmill.pipelines.reviewing.status import status as look
    from prefmill.review_figures import show_status
    from prefmill.terminal import show_json

    told = look(directory)
    if as_json:
        show_json(told)
    else:
        show_status(told, directory)


def _say_desk(directory: Path) -> None:
    """Say that the review is on another desk than the recipe's, where it is."""
    from prefmill.pipelines.reviewing.desk import instead

    if line := instead(directory):
        sys.stderr.write(f"{line}\n")


@contextmanager
def _counted() -> Iterator[Callable[[int], None]]:
    """Hears how many records more are done, and shows it where stderr is a terminal."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda count: None
        return
    total = 0
    with console.status("handing out …") as line:

        def tell(count: int) -> None:
            nonlocal total
            total += count
            line.update(f"{total:,} records handed out …")

        yield tell


def show_plan(told: Mapping[str, Any], directory: Path) -> None:
    """How many pairs of which stratum, what the audit will tell, and how long it takes."""
    out = sys.stdout.write
    pairs = told["pairs"]
    out(f"{', '.join(f'{name} {count:,}' for name, count in pairs.items())}: {told['labels']:,} labels in all, ")
    out(f"some {told['minutes']:,} minutes at 40 s a record\n")
    if told["half_width"] is None:
        out("no audit: nothing will be known of labels that nobody looks at\n")
    else:
        out(
            f"audit: {pairs['audit']:,} of {told['population']:,} labels at random; if teachers and people agree on "
            f"{told['expected']:.0%}, that is known to ±{told['half_width']:.3f}\n"
        )
    if told["another"]:
        out(f"{told['rests']:,} reviews rest on this plan: kept, though another would be drawn now (`--again`)\n")
    out(f"{'kept' if told['another'] else 'wrote'} {told['path']}\n")
    out(f"next: prefmill review push {shlex.quote(str(directory))} --annotator NAME\n")


def show_pushed(done: Pushed, directory: Path) -> None:
    """Who has how many records, and where they find them."""
    out = sys.stdout.write
    for name, count in done.records.items():
        out(f"{name}: {count:,} records\n")
    for where in done.where:
        out(f"wrote {where}\n" if Path(where).exists() else f"at {where}\n")
    if done.refused:
        sys.stderr.write(f"{len(done.refused):,} records cannot be shown there; all others are:\n")
        for name, why in list(done.refused.items())[:REFUSED_SHOWN]:
            sys.stderr.write(f"  {name}: {why}\n")
        if (more := len(done.refused) - REFUSED_SHOWN) > 0:
            sys.stderr.write(f"  and {more:,} more: --json has all\n")
    if done.missing:
        out(f"{done.missing:,} labels are for somebody else: push again with another --annotator\n")
    files = " FILE …" if any(Path(where).exists() for where in done.where) else ""
    out(f"next: prefmill review pull {shlex.quote(str(directory))}{files}\n")


def show_pulled(done: Pulled, directory: Path) -> None:
    """What came back, what it changed, and the review as it is now."""
    from prefmill.review_figures import show_status
    from prefmill.terminal import show_relabelled

    show_relabelled(done.relabelled, directory)
    for name, count in done.heard.items():
        sys.stdout.write(f"{name}: {count:,} labels\n")
    for why, count in done.left_out.items():
        sys.stdout.write(f"not taken: {why} {count:,}\n")
    show_status(done.relabelled.manifest["review"], directory)
