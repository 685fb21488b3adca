"""A data set of the Hugging Face Hub, or a folder that `datasets` wrote with `save_to_disk`.

Downloads and their cache are those of the `datasets` library; HF_HOME, HF_TOKEN and HF_HUB_OFFLINE mean what they mean
there. A local folder needs no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ...schemas.errors import SourceError, known
from . import Source
from ._columns import check_columns, wanted

if TYPE_CHECKING:
    from datasets import Dataset

SAVED = ("state.json", "dataset_dict.json")
"""Files that mark a folder of `save_to_disk`: of one data set, and of several splits."""


class Hub(Source):
    """Tasks from a data set named on the Hub or saved in a local folder; a row's line is its 1-based number."""

    name: str
    """Name on the Hub (`tatsu-lab/alpaca`), or a folder, looked up from the recipe's folder; a folder comes first."""
    split: str = "train"
    """Split to read; for a Hub data set also a slice such as `train[:1000]`."""
    config: str | None = None
    """Configuration (subset) of a Hub data set."""
    revision: str | None = None
    """Commit, tag or branch of a Hub data set; without one, a later run may read other rows."""

    def where(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        name = Path(self.name).name if Path(self.name).is_absolute() else self.name
        return ":".join(part for part in (name, self.config, self.split) if part)

    def at(self, folder: Path) -> Self:
        local = folder / self._folder()
        return self.model_copy(update={"name": str(local)}) if local.is_dir() or self._is_path() else self

    def check(self) -> None:
        if self._is_path() and not self._folder().is_dir():
            raise SourceError(f"{self.name}: no such folder. A Hub data set is named OWNER/NAME.")

    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        self.check()
        data = self._data()
        check_columns(self, data.column_names)
        yield from enumerate(data.select_columns(wanted(self, data.column_names)), start=1)

    def _folder(self) -> Path:
        path = Path(self.name)
        return path.expanduser() if path.parts[:1] == ("~",) else path

    def _is_path(self) -> bool:
        return self.name.startswith((".", "/", "~/"))

    def _data(self) -> Dataset:
        """The split. Raises `SourceError` for whatever keeps `datasets` from giving it."""
        from datasets import Dataset, load_dataset, load_from_disk
        from datasets.exceptions import DatasetsError

        folder = self._folder()
        saved = any((folder / mark).is_file() for mark in SAVED)
        try:
            if saved:
                data = load_from_disk(str(folder))
            else:
                data = load_dataset(self.name, self.config, split=self.split, revision=self.revision)
        except (OSError, ValueError, LookupError, DatasetsError) as error:
            raise SourceError(f"{self.name}: cannot be loaded ({' '.join(str(error).split())})") from error
        if not isinstance(data, Dataset):
            if self.split not in data:
                raise SourceError(f"{self.name}: split: no split {self.split!r}. {known(self.split, data)}")
            return data[self.split]
        if saved and data.split is not None and str(data.split) != self.split:
            raise SourceError(f"{self.name}: split: holds split {str(data.split)!r} alone (got {self.split!r})")
        return data
