"""Reading input files line by line, compressed or not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from ..schemas.errors import SourceError


def open_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file (gzip where its name ends in `.gz`). Raises `SourceError` where it cannot be read."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            yield from lines
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file. Paths in a recipe are relative to the recipe's folder.") from None
    except IsADirectoryError:
        raise SourceError(f"{path}: a folder, not a file.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: cannot be read ({error}).") from error
