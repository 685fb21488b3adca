"""What sources that read one local file share: its path, its name and how it is opened."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Self

from pydantic import field_validator

from ..files import check_file, opened
from . import Source


class FileSource(Source):
    """Base of the sources that read one file."""

    path: Path
    """The file; a relative path is looked up from the recipe's folder."""

    @field_validator("path")
    @classmethod
    def _home(cls, path: Path) -> Path:
        return path.expanduser() if path.parts[:1] == ("~",) else path

    def where(self) -> str:
        return str(self.path)

    @property
    def label(self) -> str:
        return self.path.name

    def at(self, folder: Path) -> Self:
        return self.model_copy(update={"path": folder / self.path})

    def check(self) -> None:
        check_file(self.path)

    def opened(self) -> AbstractContextManager[IO[bytes]]:
        """The file's bytes; see `files.opened`."""
        return opened(self.path)
