"""The command line: parses, calls one function a verb, prints.

Exit codes: 0 done; 1 our fault (traceback); 2 the person's (one line); 3 stopped by Ctrl-C or a cap, resumable.
"""

from __future__ import annotations

import shlex
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from prefmill import review, review_server
from prefmill.schemas.errors import CapReached, RecipeError, Stopped, UserError, known
from prefmill.visible import visible_output

app = typer.Typer(
    name="prefmill",
    help="Mill preference data for training LLM judges: sample, answer, judge, curate, export.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

review_server.add_to(review.app)
app.add_typer(review.app)

RecipeFile = Annotated[Path, typer.Argument(help="Recipe file, YAML or JSON.", show_default=False)]
RunFolder = Annotated[Path, typer.Argument(help="Directory of a run.", show_default=False)]
RunDir = Annotated[Path | None, typer.Option(help="Directory of the run.", show_default="runs/NAME of the recipe")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N lines of the source.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _version(wanted: bool) -> None:
    if wanted:
        from prefmill import __version__

        typer.echo(f"prefmill {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the whole command."""


@app.command()
def new(
    recipe: Annotated[
        Path, typer.Argument(help="Where to write the recipe, or the name of a template.", show_default=True)
    ] = Path("recipe.yaml"),
    template: Annotated[
        str | None,
        typer.Option(help="Which template: see `prefmill list templates`.", show_default="quickstart, or that name"),
    ] = None,
) -> None:
    """Write a recipe to start from, and the files it reads."""
    from prefmill.pipelines.templates import templates, write_template

    if template is None and str(recipe) in templates():
        template, recipe = str(recipe), recipe.with_suffix(".yaml")
    for path in write_template(template or "quickstart", recipe):
        typer.echo(f"wrote {path}")
    typer.echo(f"next: prefmill check {shlex.quote(str(recipe))}")


@app.command()
def check(
    recipe: RecipeFile,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Validate a recipe and list the calls it would make. Touches no model."""
    from dataclasses import asdict

    from prefmill import terminal
    from prefmill.pipelines.overview import plan
    from prefmill.pipelines.recipe_reading import read_recipe

    planned = plan(read_recipe(recipe, limit))
    if as_json:
        terminal.show_json(asdict(planned))
    else:
        terminal.show_plan(planned)
        typer.echo(f"next: prefmill run {shlex.quote(str(recipe))}")


@app.command()
def doctor(
    recipe: RecipeFile,
    run_dir: RunDir = None,
    limit: Limit = None,
    load: Annotated[
        bool, typer.Option("--load", help="Load each model that the run loads itself, and ask it; takes minutes.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check what a run needs: keys, endpoints, models, disk."""
    from dataclasses import asdict

    from prefmill import tables, terminal
    from prefmill.pipelines.doctor import doctor as look

    checks = look(recipe, run_dir, limit, load=load)
    if as_json:
        terminal.show_json([asdict(check) for check in checks])
    else:
        tables.show_checks(checks)
    if red := sum(check.state == "red" for check in checks):
        raise UserError(f"{recipe}: {red} of {len(checks)} checks are red")


@app.command()
def estimate(
    recipe: RecipeFile,
    sample: Annotated[int, typer.Option(min=0, help="Tasks to run for it; 0 asks no model and guesses.")] = 20,
    run_dir: RunDir = None,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Run a few tasks and say what all of them would cost."""
    from dataclasses import asdict

    from prefmill import tables, terminal
    from prefmill.pipelines.estimate import estimate as reckon
    from prefmill.pipelines.recipe import run_dir as directory_of
    from prefmill.pipelines.recipe_reading import read_recipe

    read = read_recipe(recipe, limit, environment=sample > 0)
    with terminal.progress(quiet=as_json) as watch:
        estimated = reckon(read, directory_of(read, run_dir), sample=sample, watch=watch)
    if as_json:
        terminal.show_json(asdict(estimated))
    else:
        tables.show_estimate(estimated)


@app.command()
def run(
    recipe: RecipeFile,
    run_dir: RunDir = None,
    limit: Limit = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again for calls that were given up earlier.")
    ] = False,
    max_usd: Annotated[
        float | None, typer.Option(min=0, help="Stop once the run has cost so many dollars, earlier stops included.")
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=0, help="Stop once the run has made so many calls, earlier stops included.")
    ] = None,
    max_hours: Annotated[float | None, typer.Option(min=0, help="Stop after so many hours, this time.")] = None,
    as_json: Json = False,
) -> None:
    """Run a recipe, or go on where an earlier run of it stopped."""
    from prefmill.pipelines.recipe_reading import read_recipe

    read = read_recipe(recipe, limit)
    # Imported here: a mistake in a recipe should not wait for it.
    from prefmill import terminal
    from prefmill.generators.budget import Caps
    from prefmill.pipelines.recipe import run_dir as directory_of
    from prefmill.pipelines.run import run as run_recipe

    directory = directory_of(read, run_dir)
    caps = Caps(max_usd, max_calls, max_hours)
    with terminal.progress(quiet=as_json) as watch:
        try:
            manifest = run_recipe(read, directory, watch=watch, retry_failed=retry_failed, caps=caps)
        except Stopped as stopped:
            kept = terminal.calls_kept(directory)
            more = _command_to_go_on(stopped, recipe, run_dir, limit)
            waiting = terminal.batches_under_way(directory)
            raise Stopped(
                f"{stopped}: {kept} calls are kept in {directory}; {waiting}{more} goes on from there"
            ) from None
    if as_json:
        terminal.show_json(manifest)
    else:
        terminal.show_run(manifest, directory)


def _command_to_go_on(stopped: Stopped, recipe: Path, run_dir: Path | None, limit: int | None) -> str:
    """The command that goes on with a stopped run: under a higher cap where one was reached."""
    if not isinstance(stopped, CapReached) or stopped.higher is None:
        return "the same command"
    words = ["prefmill", "run", str(recipe), *(["--run-dir", str(run_dir)] if run_dir else [])]
    words += [*(["--limit", str(limit)] if limit else []), stopped.option, f"{stopped.higher:.12g}"]
    return f"`{shlex.join(words)}`"


@app.command()
def cancel(directory: RunFolder, as_json: Json = False) -> None:
    """Cancel the batches of a run that are under way. What they have done is kept for the next run."""
    from dataclasses import asdict

    from prefmill import terminal
    from prefmill.pipelines.batches import cancel as cancel_batches

    cancelled = cancel_batches(directory)
    if as_json:
        terminal.show_json([asdict(batch) for batch in cancelled])
    else:
        terminal.show_cancelled(cancelled)


@app.command()
def stats(directory: RunFolder, as_json: Json = False) -> None:
    """Show what a run kept and lost, why, and what it cost."""
    from prefmill import stats as told
    from prefmill import terminal
    from prefmill.pipelines.report.figures import figures
    from prefmill.pipelines.rundir import RunDirectory

    place = RunDirectory(directory)
    found = figures(place)
    if as_json:
        terminal.show_json(found)
    else:
        terminal.show_stats(place.manifest(), whole=True)
        told.show_figures(found)


@app.command()
def report(
    directory: RunFolder,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write it.", show_default="report.html in the run")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write one page with a run's figures and charts."""
    from prefmill import report as pages
    from prefmill import terminal

    done = pages.report(directory, output)
    if as_json:
        terminal.show_json({"path": str(done.path), "bytes": done.bytes})
    else:
        typer.echo(f"wrote {done.path} ({done.bytes / 1e6:.1f} MB)")


@app.command()
def diff(
    one: Annotated[Path, typer.Argument(metavar="A", help="A run, or a file or folder of rows.", show_default=False)],
    other: Annotated[Path, typer.Argument(metavar="B", help="Another of the same kind.", show_default=False)],
    format: Annotated[
        str | None, typer.Option(help="Format of files.", show_default="as their folder is called")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what differs between two runs, or two exports."""
    from prefmill import differences, terminal
    from prefmill.pipelines.diff import diff as compare

    found = compare(one, other, format)
    if as_json:
        terminal.show_json(found)
    else:
        differences.show_differences(found)


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="Directory of a run, or a kind of plug-in.")],
    name: Annotated[str, typer.Argument(help="Id of a row (or of a task in its source); or the plug-in's name.")],
    as_json: Json = False,
) -> None:
    """Show a row of a run with its losses and calls, or a plug-in."""
    from prefmill import terminal
    from prefmill.pipelines.overview import found, plugin_class
    from prefmill.schemas.plugins import KINDS

    if what in KINDS:
        terminal.show_plugin(plugin_class(what, name), as_json)
        return
    if not Path(what).is_dir():
        raise UserError(f"{what}: neither a run's directory nor a kind of plug-in. {known(what, KINDS)}")
    try:
        rows = found(Path(what), name)
    except KeyError:
        raise UserError(
            f"{what}: no row has the id {name!r}. Ids stand in the parquet parts and in exported files."
        ) from None
    terminal.show_json(rows)


@app.command()
def export(
    directory: RunFolder,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="Format to write, with its defaults; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the kept rows of a finished run again. Makes no call."""
    from prefmill import terminal
    from prefmill.pipelines.export import export_again
    from prefmill.pipelines.recipe_reading import formats_named

    exported = export_again(directory, formats_named(formats) if formats else None)
    if as_json:
        terminal.show_json(exported.as_plain())
    else:
        terminal.show_exports(exported.as_plain(), directory)


@app.command()
def relabel(
    directory: RunFolder,
    reviews: Annotated[
        Path | None,
        typer.Argument(help="People's reviews, one JSON object a line.", show_default="those that were given before"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Take in what people say of a finished run, and label anew."""
    from dataclasses import asdict

    from prefmill import terminal
    from prefmill.pipelines.relabel import relabel as relabel_run

    done = relabel_run(directory, reviews)
    if as_json:
        terminal.show_json(asdict(done))
    else:
        terminal.show_relabelled(done, directory)


@app.command()
def publish(
    directory: RunFolder,
    folder: Annotated[
        Path | None, typer.Argument(help="Where --dry-run writes.", show_default="publish in the directory")
    ] = None,
    repo: Annotated[
        str | None, typer.Option(help="Data set repository, as OWNER/NAME.", show_default="the recipe's")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the folder, upload nothing.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch to publish to.", show_default="main")] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--formats", "--format", help="Formats, with commas between; may be repeated.", show_default="the recipe's"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Publish a finished run on the Hugging Face Hub."""
    from prefmill import published, terminal
    from prefmill.pipelines.publish import publish as publish_run

    if folder is not None and not dry_run:
        raise UserError(f"{folder}: a folder is named for --dry-run only; what is uploaded lies in the run's directory")
    names = [name for some in formats or () for name in some.split(",") if name]
    done = publish_run(
        directory, repo=repo, private=private, dry_run=dry_run, folder=folder, revision=revision, formats=names
    )
    if as_json:
        terminal.show_json(published.as_plain(done))
    else:
        published.show_published(done)


@app.command()
def convert(
    inputs: Annotated[Path, typer.Argument(metavar="IN", help="File or folder to read.", show_default=False)],
    outputs: Annotated[Path, typer.Argument(metavar="OUT", help="File or folder to write.", show_default=False)],
    source: Annotated[
        str, typer.Option("--from", help="Format of IN: see `prefmill list format`.", show_default=False)
    ],
    target: Annotated[str, typer.Option("--to", help="Format of OUT.", show_default=False)],
    out_as: Annotated[
        str | None,
        typer.Option(help="Kind of file: parquet, jsonl, …", show_default="as OUT ends, or the format's own"),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Write nothing where anything would be lost.")] = False,
    as_json: Json = False,
) -> None:
    """Convert files between formats, and count what is lost."""
    from prefmill import conversion, terminal
    from prefmill.generators.records.format_files import format_named
    from prefmill.pipelines.convert import convert as convert_files

    done = convert_files(
        format_named(source, "--from"), format_named(target, "--to"), inputs, outputs, out_as=out_as, strict=strict
    )
    if as_json:
        terminal.show_json(done.as_plain())
    else:
        conversion.show_conversion(done)
    if not done.count.kept:
        raise UserError(f"{outputs}: no row came through")


@app.command()
def curate(
    inputs: Annotated[Path, typer.Argument(metavar="IN", help="File or folder to read.", show_default=False)],
    outputs: Annotated[Path, typer.Argument(metavar="OUT", help="File or folder to write.", show_default=False)],
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", help="NAME, NAME:key=value,key=value, or a YAML file with a list; may be repeated."),
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="Recipe whose filters come first.")] = None,
    format: Annotated[str | None, typer.Option(help="Format of IN: see `prefmill list format`.")] = None,
    tasks: Annotated[bool, typer.Option("--tasks", help="IN is a file of tasks.")] = False,
    as_json: Json = False,
) -> None:
    """Filter a plain file. What is kept comes out unchanged; what is dropped is told."""
    from prefmill import curate as curating
    from prefmill import terminal

    done = curating.curate(inputs, outputs, filters or (), recipe, format=format, tasks=tasks)
    if as_json:
        terminal.show_json(done.as_plain())
    else:
        curating.show_curation(done)
    if not done.count.kept:
        raise UserError(f"{outputs}: no row came through")


@app.command("judge-check")
def judge_check(
    pairs: Annotated[Path, typer.Argument(metavar="SET", help="File or folder of labelled pairs.", show_default=False)],
    source: Annotated[
        str, typer.Option("--from", help="Format of SET: see `prefmill list format`.", show_default=False)
    ],
    model: Annotated[str | None, typer.Option(help="The judge, as its endpoint calls it.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Its address, up to and including /v1.")] = None,
    api_key_env: Annotated[str | None, typer.Option(help="Variable that holds the key.")] = None,
    judge: Annotated[
        str | None, typer.Option(help="Prompt and reader: see `prefmill list judge`.", show_default="judgelm")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="Check the teachers of a recipe instead, with its judge.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="both, when_present or never.", show_default="both, or the recipe's")
    ] = None,
    tie: Annotated[float, typer.Option(min=0, help="Scores that differ by no more are a tie.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N rows of SET.")] = None,
    max_in_flight: Annotated[int | None, typer.Option(min=1, help="Calls open at one time.", show_default="32")] = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Directory of the check.", show_default="runs/judge-check-MODEL-SET-HASH")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again for calls that were given up earlier.")
    ] = False,
    max_usd: Annotated[float | None, typer.Option(min=0, help="Stop once it has cost so many dollars.")] = None,
    max_calls: Annotated[int | None, typer.Option(min=0, help="Stop once it has made so many calls.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a judge on labelled pairs, in both orders."""
    from prefmill.pipelines.judge_check_recipe import check_recipe, labelled_set

    entry = {"model": model, "base_url": base_url, "api_key_env": api_key_env, "max_in_flight": max_in_flight}
    read = check_recipe(labelled_set(pairs, source, limit), recipe, entry, judge, reference)
    # Imported here: a mistake in the options should not wait for it.
    from prefmill import judge_check as told
    from prefmill import terminal
    from prefmill.generators.budget import Caps
    from prefmill.pipelines.judge_check import judge_check as check_judge
    from prefmill.pipelines.recipe import run_dir as directory_of

    directory = directory_of(read, run_dir)
    with terminal.progress(quiet=as_json) as watch:
        try:
            done = check_judge(
                read, directory, tie=tie, watch=watch, retry_failed=retry_failed, caps=Caps(max_usd, max_calls)
            )
        except Stopped as stopped:
            kept = terminal.calls_kept(directory)
            raise Stopped(f"{stopped}: {kept} calls are kept in {directory}; {told.to_go_on(stopped)}") from None
    if as_json:
        terminal.show_json(done.as_plain())
    else:
        told.show_judge_check(done)


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Argument(help="A kind of plug-in, or `templates`.")] = None, as_json: Json = False
) -> None:
    """List the plug-ins that a recipe can name, and the templates."""
    from prefmill import terminal
    from prefmill.pipelines.overview import filters_by_moment, plugin_kinds
    from prefmill.pipelines.templates import templates

    everything = {**plugin_kinds(), "templates": templates()}
    if kind is not None and kind not in everything:
        raise UserError(f"no kind of plug-in named {kind!r}. {known(kind, everything)}")
    chosen = {kind: everything[kind]} if kind else everything
    if as_json:
        terminal.show_json(chosen)
    elif kind == "filter":
        terminal.show_filters(filters_by_moment())
    else:
        terminal.show_list(chosen)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: runs a command and turns errors into exit codes."""
    with visible_output():
        _main(arguments)


def _main(arguments: list[str] | None) -> None:
    try:
        app(arguments)
    except RecipeError as error:
        _end(2, *error.lines)
    except Stopped as stopped:
        _end(3, str(stopped))
    except UserError as error:
        _end(2, str(error))
    except Exception as error:  # noqa: BLE001 - the last one there is
        # Printed here and not by a hook: distilabel installs one that prints every local variable, keys included.
        traceback.print_exception(error)
        sys.exit(1)


def _end(code: int, *lines: str) -> NoReturn:
    for line in lines:
        typer.echo(" ".join(line.split("\n")), err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
