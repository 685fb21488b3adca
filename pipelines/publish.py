"""`prefmill publish`: a finished run as a folder, and the folder as a data set repository of the Hub."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..generators.records.format_files import format_named
from ..schemas.errors import RunDirectoryError, UserError
from ..schemas.formats import Format
from .examples import examples
from .publishing.data import write_data
from .publishing.folder import Folder, check_place, finish, partial_of
from .publishing.hub import Hub
from .publishing.licence import derive
from .publishing.outward import published_manifest, published_recipe
from .publishing.provenance import used
from .publishing.settings import Publish, repo_name
from .publishing.told import Told
from .publishing.upload import Uploaded, upload
from .recipe import Recipe
from .recipe_reading import read_recipe
from .rundir import RunDirectory


@dataclass(frozen=True, slots=True)
class Published:
    """What came of publishing a run."""

    folder: Folder
    uploaded: Uploaded | None
    """None for a dry run."""


def publish(
    directory: Path,
    *,
    repo: str | None = None,
    private: bool = False,
    dry_run: bool = False,
    folder: Path | None = None,
    revision: str | None = None,
    formats: Sequence[str] = (),
    hub: Hub | None = None,
) -> Published:
    """Publish a finished run.

    `repo` (OWNER/NAME), `private` and `formats` (names; their settings are the recipe's where it has them) go before
    what the recipe says; `folder`: where to write what is uploaded,
    `publish/` in the run's directory by default; `revision`: branch, made if need be; `hub`: another Hub than the
    environment names. Raises `UserError`, one line, for whatever the person can put right; what the Hub has by then
    stays there and is not sent again.
    """
    place = RunDirectory(directory)
    if not place.manifest()["finished"]:
        raise UserError(f"{directory}: this run is not finished. `prefmill run` on its recipe goes on with it.")
    recipe = read_recipe(place.recipe(), environment=False)
    wanted = recipe.publish or Publish()
    name, chosen = _repo(repo or wanted.repo, directory, dry_run), _chosen(recipe, formats)
    if not chosen:
        raise UserError(f"{directory}: no format to publish. Name one: `--formats judgelm`.")
    hub = None if dry_run else (hub or Hub())
    if hub is not None and name is not None:
        # Before the rows are read: a token that cannot write is told at once.
        hub.check(name)
    made = build(place, recipe, chosen, folder or place.path / "publish", name)
    uploaded = None
    if hub is not None and name is not None:
        uploaded = upload(hub, made, name, private=private or wanted.private, revision=revision)
    return Published(made, uploaded)


def build(
    place: RunDirectory, recipe: Recipe, formats: Sequence[Format], target: Path, repo: str | None = None
) -> Folder:
    """Write the folder of a run. Raises `UserError`: nothing to publish, a licence that does not fit, no space."""
    check_place(target)
    outward = published_recipe(recipe.model_copy(update={"exports": tuple(formats)}))
    partial = partial_of(target)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        written, seen = write_data(partial, formats, examples(place))
        if not seen.examples:
            refused = ", ".join(f"{one.plugin.plugin_name()}: {_reasons(one.count.dropped)}" for one in written)
            raise UserError(f"{place.path}: no row can be published ({refused}).")
        stated = recipe.publish.license if recipe.publish else None
        licence = derive(seen.licences, used(recipe, seen), stated)
        manifest = place.manifest()
        ended = str(manifest.get("ended", ""))[: len("2026-01-31")]
        told = Told(repo or recipe.name, recipe, published_manifest(manifest), written, seen, licence, ended)
        return finish(partial, target, told, outward)
    except OSError as error:
        if isinstance(error, UserError):
            raise
        raise RunDirectoryError(f"{target}: {error.strerror or error}. Make space there.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _chosen(recipe: Recipe, names: Sequence[str]) -> tuple[Format, ...]:
    configured = {plugin.plugin_name(): plugin for plugin in recipe.exports}
    chosen = dict.fromkeys(names or configured)
    return tuple(configured.get(name) or format_named(name, "--formats") for name in chosen)


def _reasons(dropped: dict[str, int]) -> str:
    return ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(dropped.items())) or "no kept row"


def _repo(name: str | None, directory: Path, dry_run: bool) -> str | None:
    if name is None:
        if dry_run:
            return None
        raise UserError(f"{directory}: publish where? Give --repo OWNER/NAME, or `publish: {{repo: …}}` in the recipe.")
    try:
        return repo_name(name)
    except ValueError as error:
        raise UserError(f"--repo: {error} (got {name!r}).") from None
