"""What of a run's recipe and manifest goes out: everything that repeats the run, and nothing about the machine.

Folders are left out of paths, and addresses inside a network become `http://localhost:8000`: whoever repeats the run
puts the files beside the recipe and names endpoints of their own. Keys cannot stand in a recipe (`recipe_secrets.py`
refuses it when it is read) and are looked for once more before anything goes out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from ...schemas.errors import RecipeError
from .. import recipe_secrets
from ..recipe import Recipe, as_plain

LOCAL_TO_A_RUN = ("started", "ended", "this_time", "batches", "engines", "reaped", "stopped", "finished")
"""Keys of a manifest that change when the same run is looked at again, or that say nothing about its rows."""
STAND_IN = "localhost:8000"
_ADDRESS = re.compile(r"https?://[^\s/]+")
_INSIDE = (".local", ".internal", ".intranet", ".lan", ".corp", ".home", ".localdomain")


def published_recipe(recipe: Recipe) -> dict[str, Any]:
    """The recipe as it is published. Raises `RecipeError` where a key stands in it."""
    plain: dict[str, Any] = outward(as_plain(recipe))
    plain.pop("publish", None)  # where it was published is not part of how it was made
    if wrong := list(recipe_secrets.written_out(plain)):
        raise RecipeError([f"recipe.yaml: {line}" for line in wrong])
    return plain


def published_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as it is published."""
    kept: dict[str, Any] = outward({key: value for key, value in manifest.items() if key not in LOCAL_TO_A_RUN})
    return kept


def outward(value: Any) -> Any:  # noqa: ANN401 - plain JSON values
    """Plain values without folders of this machine and addresses inside its network."""
    if isinstance(value, dict):
        return {key: outward(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [outward(item) for item in value]
    if not isinstance(value, str):
        return value
    if PurePath(value).is_absolute() and "\n" not in value:
        return PurePath(value).name
    text = _ADDRESS.sub(lambda found: _outside(found[0]), value)
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def _outside(address: str) -> str:
    parts = urlsplit(address)
    return address if _public(parts.hostname or "") else f"{parts.scheme}://{STAND_IN}"


def _public(host: str) -> bool:
    """Whether a host means something outside its network; this machine's own names give nothing away."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or ("." in host and not host.endswith(_INSIDE))
    return address.is_loopback or not (address.is_private or address.is_link_local)
