"""Which desk a run's review is on: the recipe's, or the Argilla server that was named at a push, which is remembered.

`RUN/review/desk.json` holds the entry of that desk as a recipe would have it, and never a key.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from pydantic import ValidationError

from ...curation.desks import Desk
from ...schemas.errors import RunDirectoryError, UserError
from ...schemas.plugins import load
from ..rundir import RunDirectory, write_text
from .plan import reviewable
from .settings import Reviewing
from .store import ReviewStore

if TYPE_CHECKING:
    from ...curation.desks.argilla import Argilla

_NAMED = ("url", "workspace")
"""What a push may name."""


def desk_of(store: ReviewStore, settings: Reviewing) -> Desk:
    """The desk that was remembered, or else the recipe's. Raises `RunDirectoryError` where no desk is in the file."""
    return remembered(store) or settings.desk


def named(store: ReviewStore, settings: Reviewing, url: str | None, workspace: str | None) -> Argilla:
    """The Argilla desk at this address, or in this workspace; all else as the review's desk has it, if it is one.

    Raises `UserError` where the address is none.
    """
    from ...curation.desks.argilla import Argilla

    if url is not None and not url.startswith(("http://", "https://")):
        raise UserError(f"--url: an address such as http://127.0.0.1:6900 (got {url!r}).")
    now = desk_of(store, settings)
    own = now if isinstance(now, Argilla) else Argilla()
    told = (url and url.rstrip("/"), workspace)
    changed = {name: value for name, value in zip(_NAMED, told, strict=True) if value is not None}
    return own.model_copy(update=changed)


def remember(store: ReviewStore, desk: Desk) -> None:
    """Have later pushes and pulls go there."""
    entry = {"desk": desk.plugin_name(), **desk.model_dump(mode="json")}
    write_text(_path(store), orjson.dumps(entry, option=orjson.OPT_INDENT_2).decode() + "\n")


def remembered(store: ReviewStore) -> Desk | None:
    """The desk that a push named; None where none did."""
    path = _path(store)
    if not path.exists():
        return None
    try:
        entry = orjson.loads(path.read_bytes())
        return load(Desk, entry.pop("desk")).model_validate(entry)
    except (orjson.JSONDecodeError, KeyError, AttributeError, ValidationError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "no desk's entry"
        raise RunDirectoryError(f"{path}: {what}. Without this file the recipe's desk is used.") from None


def instead(directory: Path) -> str | None:
    """One line where a run's review is on another desk than the recipe's; None where it is on that. Raises `UserError`.

    That the desk was remembered is to be said each time that it is used.
    """
    place = RunDirectory(directory)
    _, settings = reviewable(place)
    store = ReviewStore(place)
    desk = remembered(store)
    if desk is None or desk == settings.desk:
        return None
    entry = ", ".join(f"{key}: {value}" for key, value in desk.model_dump(mode="json").items() if key in _NAMED)
    which = f"{desk.plugin_name()} ({entry})" if entry else desk.plugin_name()
    return f"{_path(store)}: desk {which}, as an earlier push named it; remove the file to use the recipe's"


def _path(store: ReviewStore) -> Path:
    return store.folder / "desk.json"
