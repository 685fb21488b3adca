"""Plug-ins: one frozen pydantic class in one file, found by file name, loaded only when a recipe names it.

The class's fields are its recipe entry. A plug-in of kind `judge` called `judgelm` is the one public subclass of
`Judge` defined in `prefmill/generators/judges/judgelm.py`. Other packages offer theirs as an entry point of the group
`prefmill.judges`, called like the module that is its value. There is no registry to keep in step and no second config
class.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import ClassVar, Self, TypeVar

from .errors import UnknownPlugin, known
from .frozen import Frozen

KINDS = {
    "source": "generators.sources",
    "provider": "generators.providers",
    "judge": "generators.judges",
    "protocol": "generators.protocols",
    "filter": "curation.filters",
    "format": "schemas.formats",
    "desk": "curation.desks",
}
"""Kind of plug-in -> the folder that holds its files, below the package `prefmill`."""


class Plugin(Frozen):
    """Base of every plug-in kind. Frozen; unknown recipe keys are refused; the text under a field is its reference."""

    kind: ClassVar[str]
    """Which of `KINDS` this is; set by the base class of the kind."""
    operational: ClassVar[frozenset[str]] = frozenset()
    """Fields that say how calls are made, not what is asked; they may change under an existing run directory. Of a
    field that is a mapping, `field.key` is one of its keys."""

    @classmethod
    def plugin_name(cls) -> str:
        """The name a recipe uses: the file's name."""
        return cls.__module__.rpartition(".")[2]

    def at(self, folder: Path) -> Self:
        """This plug-in with the paths in its recipe entry looked up from the recipe's folder."""
        return self


P = TypeVar("P", bound=Plugin)


def _folder(kind: str) -> str:
    return f"{__package__.rpartition('.')[0]}.{KINDS[kind]}"


def _shipped(kind: str) -> set[str]:
    package = importlib.import_module(_folder(kind))
    return {module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")}


@cache
def _outside(kind: str) -> dict[str, str]:
    """Name -> module of the plug-ins of other packages. Cached: it reads the metadata of all that is installed."""
    return {entry.name: entry.module for entry in metadata.entry_points(group=f"prefmill.{kind}s")}


def names(kind: str) -> list[str]:
    """Names of all plug-ins of a kind, found without importing any of them."""
    return sorted(_shipped(kind) | set(_outside(kind)))


def load(base: type[P], name: str) -> type[P]:
    """The plug-in class called `name` of the kind whose base class is `base`; one that prefmill ships comes first.

    Raises `UnknownPlugin` with the known names and the nearest one, or with what the plug-in's file lacks.
    """
    kind = base.kind
    if name in _shipped(kind):
        path = f"{_folder(kind)}.{name}"
    elif name in _outside(kind):
        path = _outside(kind)[name]
        if path.rpartition(".")[2] != name:
            # A run's recipe names the file; under another name a resumed run would not find it again.
            raise UnknownPlugin(f"the {kind} {name!r} must be called like its module, {path}.")
    else:
        raise UnknownPlugin(f"no {kind} named {name!r}. {known(name, names(kind))}")
    try:
        module = importlib.import_module(path)
    except ImportError as error:
        raise UnknownPlugin(f"the {kind} {name!r} cannot be imported ({error}).") from error
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__:
            return value
    raise UnknownPlugin(f"{module.__name__} defines no {base.__name__}. See CONTRIBUTING.md.")
