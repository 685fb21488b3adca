"""Which configurations and splits the files of a format become.

A configuration is what `load_dataset(repo, NAME)` loads: all its splits have the same columns. The first file of a
format, with the other splits of the same rows, is the configuration called like the format; each further file is one
of its own. Splits: https://huggingface.co/docs/datasets/repository_structure names the words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ...schemas.formats import Format

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN = "train"
_WORDS = {
    "train": TRAIN, "test": "test", "eval": "test",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Split:
    """One file of a format as it is published."""

    format: str
    config: str
    split: str
    """`train`, `validation` or `test`."""
    file: str
    """The format's own name for it."""
    columns: pa.Schema = field(compare=False, repr=False)

    @property
    def path(self) -> str:
        """Where the split lies in the repository."""
        return f"data/{self.config}/{self.split}.parquet"

    @property
    def native(self) -> str:
        """Where the format's own file lies in the repository."""
        return f"files/{self.format}/{self.file}"


def splits(plugin: Format) -> tuple[Split, ...]:
    """Every file of a format with its configuration and split, in the format's order."""
    name, features = plugin.plugin_name(), plugin.features()
    members: dict[tuple[str, str], list[str]] = {}
    for file in plugin.files:
        members.setdefault((_rest(file), features[file].to_string()), []).append(file)
    made = []
    for place, file in enumerate(plugin.files):
        group = members[_rest(file), features[file].to_string()]
        together = len({_split(member) for member in group}) == len(group) > 1
        if plugin.files[0] in (group if together else [file]):
            config = name
        else:
            stem = _rest(file) if together else _stem(file)
            config = _joined(name, stem, place)
        made.append(Split(name, config, _split(file), file, features[file]))
    return tuple(made)


def _stem(file: str) -> str:
    """The file's name without endings, as `_` and letters."""
    path = PurePosixPath(file)
    stem = path.name.partition(".")[0]
    return re.sub(r"\W+", "_", "_".join([*path.parts[:-1], stem]))


def _split(file: str) -> str:
    """The split that a word of the name stands for; the last such word counts."""
    return next((_WORDS[word] for word in reversed(_stem(file).lower().split("_")) if word in _WORDS), TRAIN)


def _rest(file: str) -> str:
    """The name without the words that stand for splits: alike for the splits of one configuration."""
    return "_".join(word for word in _stem(file).split("_") if word.lower() not in _WORDS)


def _joined(name: str, stem: str, place: int) -> str:
    """A configuration's name: it begins with the format's."""
    if not stem:
        return f"{name}_{place}"
    return stem if stem == name or stem.startswith(f"{name}_") else f"{name}_{stem}"
