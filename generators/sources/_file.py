"""What sources that read one local file share: its path, and plain words for everything that can be wrong with it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self, cast

from pydantic import field_validator

from ...schemas.errors import SourceError
from . import Source

GZIP = b"\x1f\x8b"
"""First two bytes of a gzip file (RFC 1952, section 2.3.1)."""


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
        if self.path.is_dir():
            raise SourceError(f"{self.path}: is a folder, not a file. The {self.plugin_name()} source reads one file.")
        if not self.path.exists():
            raise SourceError(f"{self.path}: no such file. A relative path is looked up from the recipe's folder.")

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The file's bytes, decompressed where it is gzip (told by its first bytes, not by its name).

        Raises `SourceError` where it is missing, a folder, unreadable, or damaged gzip, also while it is being read.
        """
        self.check()
        try:
            with self.path.open("rb") as plain:
                start = plain.read(2)
                plain.seek(0)
                if start != GZIP:
                    yield plain
                else:
                    with gzip.GzipFile(fileobj=plain) as unpacked:
                        yield cast("IO[bytes]", unpacked)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise SourceError(f"{self.path}: damaged gzip file ({error})") from error
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read ({error.strerror or error})") from error
