"""Where a format's files lie: which files a person means by IN, and which ones are made at OUT."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from ...schemas.errors import SourceError, UserError, known
from ...schemas.formats import Format
from ...schemas.plugins import load
from . import ENDINGS, ending, read

HEAD = 100
"""Places looked at for a first record."""
FAILED = "failed.jsonl"
"""What rows that cannot be read are written to: in the folder, or with the file's name in front."""


def format_named(name: str, option: str) -> Format:
    """The format of that name with its defaults. Raises `UserError`: `UnknownPlugin`, or one that needs settings."""
    plugin = load(Format, name)
    try:
        return plugin()
    except ValidationError as error:
        needed = ", ".join(".".join(str(part) for part in fault["loc"]) for fault in error.errors())
        raise UserError(f"{option} {name}: needs settings ({needed}); name it in a recipe's `exports`.") from error


def found_files(format: Format, place: Path) -> dict[str, Path]:
    """The format's names of its files -> what lies at `place`: a file, or a folder with files of these names.

    A name's ending may be another one: `train.parquet` is `train.jsonl`. A file by any other name is the one whose
    columns its first record has most of, the training file first. Raises `UserError` where there is nothing of that
    kind.
    """
    if place.is_dir():
        return _in_folder(format, place)
    if not place.exists():
        raise SourceError(f"{place}: no such file or folder.")
    if ending(place.name) is None:
        raise UserError(f"{place}: no such kind of file. Known: {', '.join(sorted(ENDINGS))}.")
    by_stem = {_stem(Path(name).name): name for name in format.files}
    return {by_stem.get(_stem(place.name)) or _by_columns(format, place): place}


def _by_columns(format: Format, place: Path) -> str:
    """Which of the format's files a file of another name looks like."""
    files = sorted(format.files, key=lambda name: "train" not in name)
    first = next((record for _, record in islice(read(place), HEAD) if isinstance(record, dict)), None)
    if len(files) == 1 or first is None:
        return files[0]
    columns, keys = format.features(), set(first)
    return max(files, key=lambda name: len(keys & set(columns[name].names)) - len(keys - set(columns[name].names)))


def _in_folder(format: Format, folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name in format.files:
        paths = [path for one in ENDINGS if (path := folder / (_stem(name) + one)).is_file()]
        if len(paths) > 1:
            raise UserError(f"{folder}: holds {paths[0].name} and {paths[1].name}: say which by naming the file.")
        if paths:
            found[name] = paths[0]
    if not found:
        files = ", ".join(format.files)
        raise SourceError(f"{folder}: holds no file of the format {format.plugin_name()}. Known: {files}.")
    return found


def new_files(
    format: Format, place: Path, out_as: str | None = None, names: Iterable[str] | None = None
) -> tuple[dict[str, Path], Path]:
    """The format's names of its files -> where they are to be made; and where the failed rows go.

    `place` is a file where it ends like one, else a folder; `out_as` is an ending for all files, without the dot;
    `names` are the files that can come, where they are not all of the format's. Raises `UserError` where `place` cannot
    hold them: two files for one name, an ending that is none, a folder that holds such files already.
    """
    names = tuple(names or format.files)
    told = f".{out_as.lstrip('.')}" if out_as else None
    if out_as and told not in ENDINGS:
        raise UserError(f"--out-as: {known(out_as, (one[1:] for one in ENDINGS))}")
    own = None if place.is_dir() else ending(place.name)
    if own is None:
        return _into_folder(place, names, told)
    if told not in (None, own):
        raise UserError(f"{place}: ends with {own}, but --out-as says {out_as}.")
    if len(names) > 1:
        raise UserError(f"{place}: {format.plugin_name()} has {len(names)} files ({', '.join(names)}): name a folder.")
    return {names[0]: place}, place.with_name(f"{place.name}.{FAILED}")


def _into_folder(folder: Path, names: tuple[str, ...], told: str | None) -> tuple[dict[str, Path], Path]:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, and ends like none of {', '.join(ENDINGS)}.")
    places = {name: folder / (_stem(name) + told if told else name) for name in names}
    for path in (*places.values(), folder / FAILED):
        if path.exists():
            raise UserError(f"{path}: lies there already. Choose another folder, or remove it.")
    return places, folder / FAILED


def _stem(name: str) -> str:
    """A file's name without its ending."""
    return name[: -len(ending(name) or "")] if ending(name) else name
