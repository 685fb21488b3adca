"""Recipe files into recipes. Every mistake is one line: `FILE: key.path: what (got …). Known: …`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ValidationError

from ..curation.filters import Filter
from ..generators.comparisons import Compare
from ..generators.judges import Judge
from ..generators.protocols import Protocol
from ..generators.providers import Provider
from ..generators.sources import Source
from ..generators.world.settings import WorldSettings
from ..schemas.errors import RecipeError, UnknownPlugin, known
from ..schemas.formats import Format
from ..schemas.plugins import Plugin, load, names
from . import recipe_secrets
from .recipe import Panel, Recipe
from .recipe_messages import lines_of

P = TypeVar("P", bound=Plugin)
M = TypeVar("M", bound=BaseModel)

_TOP = ("name", "seed", "tasks", "answers", "compare", "judge", "filters", "exports", "world")


def read_recipe(path: Path, limit: int | None = None, *, environment: bool = True) -> Recipe:
    """The recipe in a YAML or JSON file. Raises `RecipeError` with all mistakes.

    `limit` overrides the source's; `environment=False` accepts that variables with keys are not set (nothing will be
    sent).
    """
    return _Reader(str(path), path.parent).read(_load(path), limit, environment)


def _load(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(
            [f"{path}: no such file. `prefmill new {path.name}` writes a recipe to start from."]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError([f"{path}: cannot be read ({error})"]) from error
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError([f"{path}: not YAML: {' '.join(str(error).split())}"]) from error
    if not isinstance(raw, dict):
        raise RecipeError(
            [f"{path}: a recipe is a mapping of keys (got {type(raw).__name__}). Known: {', '.join(_TOP)}."]
        )
    return raw


class _Reader:
    """Builds a recipe key by key and collects every mistake on the way."""

    def __init__(self, file: str, folder: Path) -> None:
        self._file, self._folder = file, folder
        self._mistakes: list[str] = []

    def read(self, raw: Mapping[str, Any], limit: int | None, environment: bool) -> Recipe:
        """The recipe, or `RecipeError`."""
        self._mistakes += [f"{self._file}: {line}" for line in recipe_secrets.written_out(raw)]
        if self._mistakes:
            # Nothing else is said about such a file: any other message might repeat the secret.
            raise RecipeError(self._mistakes)
        for key in raw:
            if key not in _TOP:
                self._wrong(str(key), f"no such key. {known(str(key), _TOP)}")
        fields: dict[str, Any] = {key: raw[key] for key in ("name", "seed") if key in raw}
        tasks = self._plugin(Source, raw.get("tasks"), "tasks")
        if tasks is not None:
            fields["tasks"] = tasks.model_copy(update={"limit": limit}) if limit else tasks
        fields["answers"] = self._list(Provider, raw.get("answers"), "answers")
        fields["judge"] = self._panel(raw.get("judge"))
        fields["filters"] = self._list(Filter, raw.get("filters", []), "filters")
        fields["exports"] = self._list(Format, raw.get("exports", []), "exports")
        for key, model in (("compare", Compare), ("world", WorldSettings)):
            if key in raw:
                fields[key] = self._model(model, raw[key], key)
        self._names(fields)
        recipe = None
        if not self._mistakes:
            try:
                # Plug-ins are instances already: pydantic takes them as they are.
                recipe = Recipe.model_validate(fields)
            except ValidationError as error:
                self._mistakes += [f"{self._file}: {line}" for line in lines_of(error, Recipe, "")]
        if recipe is not None and environment:
            self._environment(recipe)
        if recipe is None or self._mistakes:
            raise RecipeError(self._mistakes)
        return recipe

    def _wrong(self, where: str, what: str) -> None:
        self._mistakes.append(f"{self._file}: {where}: {what}")

    def _plugin(self, base: type[P], entry: object, where: str) -> P | None:
        """A plug-in from its entry: a name, or a mapping whose key `KIND` is the name."""
        kind = base.kind
        fields = {kind: entry} if isinstance(entry, str) else entry
        if fields is None:
            self._wrong(where, f"missing. Give {{{kind}: NAME, …}}. {known('', names(kind))}")
        elif not isinstance(fields, dict):
            self._wrong(where, f"a mapping with the key {kind!r} (got {type(fields).__name__})")
        elif not isinstance(name := fields.get(kind), str):
            self._wrong(where, f"which {kind}? Give {kind}: NAME. {known('', names(kind))}")
        else:
            try:
                cls = load(base, name)
            except UnknownPlugin as error:
                self._wrong(where, str(error))
                return None
            plugin = self._model(cls, {key: value for key, value in fields.items() if key != kind}, where)
            if isinstance(plugin, Source | Provider):
                return cast("P", plugin.at(self._folder.absolute()))
            return plugin
        return None

    def _list(self, base: type[P], entries: object, where: str) -> tuple[P, ...]:
        if entries is None:
            self._wrong(where, f"missing. Give a list of {{{base.kind}: NAME, …}}. {known('', names(base.kind))}")
            return ()
        if not isinstance(entries, list):
            self._wrong(where, f"a list (got {type(entries).__name__})")
            return ()
        found = [self._plugin(base, entry, f"{where}[{index}]") for index, entry in enumerate(entries)]
        return tuple(plugin for plugin in found if plugin is not None)

    def _panel(self, entry: object) -> Panel | None:
        if not isinstance(entry, dict):
            self._plugin(Judge, entry if entry is None else 0, "judge")
            return None
        own = {key: value for key, value in entry.items() if key not in ("protocol", "teachers")}
        judge = self._plugin(Judge, own, "judge")
        protocol = self._plugin(Protocol, entry.get("protocol", "one_order"), "judge.protocol")
        teachers = self._list(Provider, entry.get("teachers"), "judge.teachers")
        for index, teacher in enumerate(teachers):
            if teacher.samples != 1:
                self._wrong(f"judge.teachers[{index}].samples", f"a teacher is asked once (got {teacher.samples})")
            if teacher.local:
                self._wrong(
                    f"judge.teachers[{index}].provider", f"{teacher.plugin_name()!r} holds answers, no judgments"
                )
        if judge is None or protocol is None:
            return None
        return self._model(Panel, {"judge": judge, "protocol": protocol, "teachers": teachers}, "judge")

    def _model(self, model: type[M], fields: object, where: str) -> M | None:
        try:
            return model.model_validate(fields)
        except ValidationError as error:
            self._mistakes += [f"{self._file}: {line}" for line in lines_of(error, model, where)]
            return None

    def _names(self, fields: Mapping[str, Any]) -> None:
        """Names must tell entries apart: rows carry nothing else of them."""
        panel = fields.get("judge")
        for where, entries in (("answers", fields["answers"]), ("judge.teachers", panel.teachers if panel else ())):
            seen: dict[str, int] = {}
            for index, entry in enumerate(entries):
                if entry.label in seen:
                    first = f"{where}[{seen[entry.label]}]"
                    self._wrong(
                        f"{where}[{index}]", f"two entries named {entry.label!r} (see {first}). Give one a `name`."
                    )
                seen.setdefault(entry.label, index)
        compare, labels = fields.get("compare"), [entry.label for entry in fields["answers"]]
        baseline = compare.baseline if compare else None
        if baseline is not None and baseline not in labels:
            self._wrong("compare.pairs.baseline", f"no answering model named {baseline!r}. {known(baseline, labels)}")

    def _environment(self, recipe: Recipe) -> None:
        """Variables that hold keys must be set before anything is sent."""
        entries = [(f"answers[{i}]", provider) for i, provider in enumerate(recipe.answers)]
        entries += [(f"judge.teachers[{i}]", provider) for i, provider in enumerate(recipe.judge.teachers)]
        for where, provider in entries:
            for key, variable in provider.environment().items():
                if not os.environ.get(variable):
                    self._wrong(
                        f"{where}.{key}", f"the environment variable {variable} is not set. export {variable}=…"
                    )
