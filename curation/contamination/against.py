"""A recipe's entry of what tasks are checked against: the files of an evaluation set, and the items in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from ...schemas.errors import SourceError, known
from ...schemas.frozen import Frozen
from ..duplicates.words import words
from .files import SUFFIXES, Layout, Record, records
from .items import Item
from .published import ANY, SETS, Published
from .rule import LONG


class Against(Frozen):
    """An evaluation set: `{set: mt_bench, file: question.jsonl}`, or any file of texts, `{file: held-out.csv}`.

    Nothing is downloaded: files are those that you have. A relative path is looked up from the recipe's folder.
    """

    set: str | None = None
    """Name of the set, whose fields are then known (`curation/contamination/published.py` lists them)."""
    file: Path | None = None
    """The file: JSON Lines, JSON (an array, or one object), CSV with a header, TSV, Parquet, or lines of text; gzip is
    unpacked."""
    folder: Path | None = None
    """Instead of `file`: a folder, with all files of the set in it and below it."""
    format: Layout | None = None
    """How the file is laid out, where its name does not tell."""
    fields: tuple[str, ...] = ()
    """Fields that hold an item's text, each a part of it; without them those of the set, or the usual names."""
    name: str | None = Field(None, min_length=1)
    """What the set is called in reasons; without it the set's name, or the file's without its ending."""

    @field_validator("set")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        if name is not None and name not in SETS:
            raise ValueError(f"no set called {name!r}. {known(name, SETS)} Another set's file goes without `set`")
        return name

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.folder is None):
            raise ValueError("give either file or folder")
        return self

    def at(self, folder: Path) -> Self:
        """The same entry, its paths looked up from `folder`."""
        paths = {"file": self.file, "folder": self.folder}
        return self.model_copy(update={key: folder / path.expanduser() for key, path in paths.items() if path})

    @property
    def called(self) -> str:
        """The set's name in reasons."""
        place = self.file or self.folder
        assert place is not None
        return self.name or self.set or place.name.split(".")[0] or place.name

    def items(self) -> Iterator[Item]:
        """The set's items, in the order of its files. Raises `SourceError` where there are none, or not to be read."""
        shape = SETS[self.set] if self.set else ANY
        if self.fields:
            shape = replace(shape, texts=(self.fields,), choices=())
        count = 0
        for path, place in self._files(shape):
            for line, record in records(path, self.format, shape.columns):
                texts = _texts(record, shape)
                if texts is None:
                    raise SourceError(
                        f"{path}:{line}: none of the fields {', '.join(dict.fromkeys(one[0] for one in shape.texts))}"
                        f" (got {', '.join(map(str, record)) or 'no fields'}). Next: name those that hold the text in"
                        " fields: […]"
                    )
                id_ = next((record[key] for key in shape.id if record.get(key) not in (None, "")), None)
                count += bool(texts)
                yield Item(self.called, f"{place}:{line}" if id_ is None else str(id_), texts)
        if not count:
            raise SourceError(f"{self.file or self.folder}: no items: nothing that holds a text")

    def _files(self, shape: Published) -> Iterator[tuple[Path, str]]:
        """Each file, and how it is called in ids."""
        if self.file is not None:
            yield self.file, self.file.name
            return
        assert self.folder is not None
        if not self.folder.is_dir():
            raise SourceError(f"{self.folder}: no such folder. A relative path is looked up from the recipe's folder")
        patterns = shape.files or [f"**/*{suffix}{packed}" for suffix in SUFFIXES for packed in ("", ".gz")]
        paths = sorted({path for pattern in patterns for path in self.folder.glob(pattern) if path.is_file()})
        if not paths:
            raise SourceError(f"{self.folder}: no files of the set in it. Known: {', '.join(patterns)}")
        for path in paths:
            yield path, path.relative_to(self.folder).as_posix()


def _texts(record: Record, shape: Published) -> tuple[str, ...] | None:
    """The texts of a record; None where it has none of the fields."""
    fields = next((fields for fields in shape.texts if fields[0] in record), None)
    if fields is None:
        return None
    if len(fields) == 1:
        texts = _said(record[fields[0]])
    else:
        texts = ["\n".join(part for field in fields for part in _said(record.get(field)))]
    texts = [text for text in texts if text.strip()]
    if shape.choices and texts and len(words(texts[0])) < LONG:
        choices = [choice for field in shape.choices for choice in _said(record.get(field))]
        lettered = (f"{chr(ord('A') + place)}. {choice}" for place, choice in enumerate(choices))
        texts = ["\n".join((texts[0], *lettered))]
    return tuple(texts)


def _said(value: object) -> list[str]:
    """The texts in a field: a text, several of them, or the messages of a chat, of which the user's count."""
    if isinstance(value, list):
        return [text for each in value for text in _said(each)]
    if isinstance(value, dict):
        asked = value.get("role", value.get("from", "user")) in ("user", "human")
        return _said(value.get("content", value.get("value"))) if asked else []
    return [] if value is None else [str(value)]
