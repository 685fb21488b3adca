"""A provider as a field of another plug-in: read from `{provider: NAME, …}`, written that way again."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from ...schemas.errors import known
from ...schemas.plugins import load, names
from . import Provider


def _read(entry: Any) -> Any:  # noqa: ANN401 - as the recipe holds it
    """The provider of an entry; anything but an entry is left to pydantic. Raises as the provider itself does."""
    if not isinstance(entry, dict):
        return entry
    name = entry.get("provider")
    if not isinstance(name, str):
        raise ValueError(f"which provider? Give provider: NAME. {known('', names('provider'))}")  # noqa: TRY004
    return load(Provider, name).model_validate({key: value for key, value in entry.items() if key != "provider"})


def _write(provider: Provider | None) -> dict[str, Any] | None:
    return None if provider is None else {"provider": provider.plugin_name(), **provider.model_dump(mode="json")}


Entry = Annotated[Provider, BeforeValidator(_read), PlainSerializer(_write)]
OptionalEntry = Annotated[Provider | None, BeforeValidator(_read), PlainSerializer(_write)]
"""The same, or None. Messages about a recipe look up keys in the field's type, which is why None is inside it."""
