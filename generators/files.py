"""Reading input files, compressed or not, with plain words for everything that can be wrong with them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from ..schemas.errors import SourceError

GZIP = b"\x1f\x8b"
"""First two bytes of a gzip file (RFC 1952, section 2.3.1)."""


def check_file(path: Path) -> None:
    """Raises `SourceError` where there is no such file, or a folder in its place."""
    if path.is_dir():
        raise SourceError(f"{path}: is a folder, not a file.")
    if not path.exists():
        raise SourceError(f"{path}: no such file. A relative path is looked up from the recipe's folder.")


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, decompressed where it is gzip (told by its first bytes, not by its name).

    Raises `SourceError` where it is missing, a folder, unreadable, or damaged gzip, also while it is being read.
    """
    check_file(path)
    try:
        with path.open("rb") as plain:
            start = plain.read(2)
            plain.seek(0)
            if start != GZIP:
                yield plain
            else:
                with gzip.GzipFile(fileobj=plain) as unpacked:
                    yield cast("IO[bytes]", unpacked)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: damaged gzip file ({error})") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error
