"""Kept rows into the files of a format. Order and ids follow the source, never the order in which calls finished."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ..generators.records.outputs import Outputs
from ..schemas.errors import CannotCarry, RunDirectoryError, UserError
from ..schemas.formats import Format
from ..schemas.rows import Example
from .card import card
from .examples import examples
from .recipe_fit import split_fits
from .recipe_reading import read_recipe
from .rundir import RunDirectory, write_text
from .splitting.figures import Sides
from .splitting.figures import told as split_figures
from .splitting.groups import KEY, groups
from .splitting.settings import Splitting
from .waterfall import StageCount, Waterfall


def export(directory: RunDirectory, formats: Sequence[Format], told: dict[str, Any] | None = None) -> Waterfall:
    """Write the run's kept rows in each format below `export/`; what became of them, one stage a format.

    The rows are read once for all formats. Each file is replaced whole, once all of it is written. `told` gets what the
    split came to, under `split`.
    """
    with _told(directory.path / "export"), ExitStack() as stack:
        writers = [_Writer(directory.path / "export" / plugin.plugin_name(), plugin, stack) for plugin in formats]
        for example in examples(directory):
            for writer in writers:
                if writer.plugin.is_for(example):
                    writer.take(example)
    sides = {writer.plugin.plugin_name(): writer.sides for writer in writers if writer.sides}
    split = {KEY: split_figures(groups(directory), sides)}
    manifest = directory.manifest() | split
    for writer in writers:
        writer.finish(manifest)
    if told is not None:
        told |= split
    return Waterfall({f"export {writer.plugin.plugin_name()}": writer.count for writer in writers})


def export_again(directory: Path, formats: Sequence[Format] | None = None) -> Waterfall:
    """Export a finished run anew, in the formats of its recipe or in these, and renew what its manifest says of them.

    Raises `RunDirectoryError` where another process works there, and `UserError` where the run is not finished.
    """
    place = RunDirectory(directory)
    recipe = read_recipe(place.recipe(), environment=False)
    with place.claimed(None):
        manifest = place.manifest()
        if not manifest["finished"]:
            raise UserError(f"{directory}: this run is not finished. `prefmill run` on its recipe goes on with it.")
        for _, what in split_fits(recipe.split or Splitting(), None, formats or ()):
            raise UserError(f"--format: {what}")
        before = manifest.get(KEY, {}).get("formats", {})
        exported = export(place, recipe.exports if formats is None else formats, manifest)
        manifest["stages"] |= exported.as_plain()
        manifest[KEY]["formats"] = before | manifest[KEY]["formats"]
        place.write_manifest(manifest)
    return exported


class _Writer:
    """The files of one format while they are written."""

    def __init__(self, folder: Path, plugin: Format, stack: ExitStack) -> None:
        self.plugin, self.count = plugin, StageCount()
        self._folder = folder
        self._files = stack.enter_context(Outputs({name: folder / name for name in plugin.files}, plugin.features))
        self.sides = Sides.of(plugin)
        self._simulated = False

    def take(self, example: Example) -> None:
        """Write one example, or count why the format cannot carry it."""
        self.count.entered += 1
        self._simulated = self._simulated or example.simulated
        try:
            records = list(self.plugin.encode(example))
        except CannotCarry as loss:
            self.count.dropped[loss.reason] += 1
            return
        self.count.kept += 1
        if self.sides is not None:
            self.sides.add(example)
        for name, record in records:
            self._files.write(name, record)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Put the closed files in their places, remove those of an earlier export, and write the card."""
        with _told(self._folder):
            self._files.keep()
        self.count.check(f"export {self.plugin.plugin_name()}")
        text = card(self.plugin, manifest, self.count, self._files.rows, self._simulated)
        write_text(self._folder / "README.md", text)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """What goes wrong with the files, closing them included, as one line."""
    try:
        yield
    except OSError as error:
        raise RunDirectoryError(
            f"{folder}: {error.strerror or error}. Make space, then run `prefmill export`."
        ) from error
