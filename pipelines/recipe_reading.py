"""Recipe files into recipes. Every mistake is one line: `FILE: key.path: what (got …). Known: …. Did you mean …?`"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ..curation.desks import Desk
from ..curation.filters import Filter
from ..generators.authoring.aimed import Aim
from ..generators.comparisons import Compare
from ..generators.judges import Judge
from ..generators.probes import Probes
from ..generators.protocols import Protocol
from ..generators.providers import Provider
from ..generators.sources import Source
from ..generators.world.settings import WorldSettings
from ..schemas.errors import RecipeError, UnknownPlugin, known
from ..schemas.formats import Format
from ..schemas.plugins import Plugin, load, names
from ..schemas.probe import Removable
from . import recipe_file, recipe_secrets
from .publishing.settings import Publish
from .recipe import Panel, Recipe, slots_of
from .recipe_fit import (
    Misfit,
    aim_fits,
    answers_fit,
    bias_fits,
    compare_fits,
    exports_fit,
    filters_fit,
    panel_fits,
    split_fits,
)
from .recipe_messages import coerced, key_path, lines_of, near, said
from .reviewing.settings import Reviewing
from .splitting.settings import Splitting

P = TypeVar("P", bound=Plugin)
M = TypeVar("M", bound=BaseModel)

_SCALARS = ("name", "seed")


_Outline: type[BaseModel] = create_model(
    "_Outline",
    __config__=ConfigDict(extra="forbid"),
    **{  # type: ignore[call-overload]
        key: (field.annotation, field)
        if key in _SCALARS
        else (Any, Field(field.default, description=field.description))
        for key, field in Recipe.model_fields.items()
    },
)
"""A recipe's keys, before what stands under them is read."""


def read_recipe(path: Path, limit: int | None = None, *, environment: bool = True) -> Recipe:
    """The recipe in a YAML or JSON file. Raises `RecipeError` with all mistakes.

    `limit` overrides the source's; `environment=False` accepts that variables with keys are not set (nothing will be
    sent).
    """
    return _Reader(str(path), path.parent).recipe(recipe_file.load(path), limit, environment)


def formats_named(chosen: Sequence[str]) -> tuple[Format, ...]:
    """Formats by name, with their defaults. Raises `RecipeError` for unknown ones and those that need settings."""
    reader = _Reader("prefmill export", Path())
    formats = [reader.plugin(Format, name, "--format") for name in chosen]
    reader.finish()
    return tuple(plugin for plugin in formats if plugin is not None)


def filters_named(entries: Iterable[tuple[str, object]], teller: str) -> tuple[Filter, ...]:
    """Filters from entries as they stand under `filters`, each with its place in messages, which `teller` begins.

    Relative paths are looked up from the folder of `teller`, where it is a file. Raises `RecipeError` with all
    mistakes.
    """
    reader = _Reader(teller, Path(teller).parent)
    filters = [reader.plugin(Filter, entry, where) for where, entry in entries]
    reader.finish()
    return tuple(plugin for plugin in filters if plugin is not None)


class _Reader:
    """Builds a recipe key by key and collects every mistake on the way."""

    def __init__(self, file: str, folder: Path) -> None:
        self._file, self._folder = file, folder
        self._mistakes: list[str] = []
        self._wanted_probes = False

    def recipe(self, raw: object, limit: int | None, environment: bool) -> Recipe:
        """The recipe. Raises `RecipeError`."""
        self._mistakes += [f"{self._file}: {line}" for line in recipe_secrets.written_out(raw)]
        # Nothing else is said about a file with a key in it: any other message might repeat the key.
        self.finish()
        if not isinstance(raw, dict):
            keys = ", ".join(Recipe.model_fields)
            raise RecipeError([f"{self._file}: a recipe is {said('a mapping', raw)} Its keys: {keys}."])
        self._model(_Outline, raw, "")
        fields: dict[str, Any] = {key: raw[key] for key in _SCALARS if key in raw}
        if "tasks" in raw:
            tasks = self.plugin(Source, raw["tasks"], "tasks")
            fields["tasks"] = tasks.model_copy(update={"limit": limit}) if tasks and limit else tasks
        before = len(self._mistakes)
        fields["answers"] = self._models(raw["answers"], "answers") if "answers" in raw else ()
        fields["aim"] = self._model(Aim, raw["aim"], "aim") if raw.get("aim") is not None else None
        whole = len(self._mistakes) == before
        if "judge" in raw:
            fields["judge"] = self._panel(raw["judge"])
        fields["filters"] = self._list(Filter, raw.get("filters", []), "filters")
        fields["exports"] = self._exports(raw.get("exports", []))
        panel = fields.get("judge")
        # A judge of single answers has nothing to compare unless the recipe wants verdicts beside the grades.
        compare = {"pairs": "none"} if panel and panel.judge.single else {}
        for key, model, default in (("compare", Compare, compare), ("world", WorldSettings, {})):
            fields[key] = self._model(model, raw.get(key, default), key)
        if raw.get("split") is not None:
            fields["split"] = self._model(Splitting, raw["split"], "split")
        if raw.get("publish") is not None:
            fields["publish"] = self._model(Publish, raw["publish"], "publish")
        self._wanted_probes = raw.get("probes") is not None
        if self._wanted_probes:
            fields["probes"] = self._model(Probes, raw["probes"], "probes")
        if raw.get("review") is not None:
            fields["review"] = self._reviewing(raw["review"])
        fields["remove"] = self._removed(raw.get("remove", []))
        if whole:
            self._parts_fit(fields)
        self.finish()
        # Plug-ins are instances already: pydantic takes them as they are.
        recipe = Recipe.model_validate(fields)
        if environment:
            self._environment(recipe)
        self.finish()
        return recipe

    def plugin(self, base: type[P], entry: object, where: str, beside: Sequence[str] = ()) -> P | None:
        """A plug-in from its entry: a name, or a mapping whose key `KIND` is the name; `beside`: see `lines_of`."""
        kind = base.kind
        fields = {kind: entry} if isinstance(entry, str) else entry
        if not isinstance(fields, dict):
            self._wrong(where, f"{said(f'a mapping {{{kind}: NAME, …}}', entry)} {known('', names(kind))}")
        elif kind not in fields:
            meant = [f" Did you mean {kind!r} by {key!r}?" for key in fields if near(key, [kind])]
            meant += [f" Did you mean {{{kind}: {key}, …}}?" for key in fields if key in names(kind)]
            self._wrong(where, f"which {kind}? Give {kind}: NAME. {known('', names(kind))}{''.join(meant[:1])}")
        elif not isinstance(name := fields[kind], str):
            self._wrong(f"{where}.{kind}", f"{said(f'the name of a {kind}', name)} {known('', names(kind))}")
        else:
            try:
                cls = load(base, name)
            except UnknownPlugin as error:
                self._wrong(where, str(error))
                return None
            own = {key: value for key, value in fields.items() if key != kind}
            plugin = self._model(cls, own, where, (kind, *beside))
            return plugin and plugin.at(self._folder.absolute())
        return None

    def finish(self) -> None:
        """Raise `RecipeError` where there were mistakes."""
        if self._mistakes:
            raise RecipeError(self._mistakes)

    def _wrong(self, where: str, what: str) -> None:
        self._mistakes.append(f"{self._file}: {where}: {what}")

    def _list(self, base: type[P], entries: object, where: str) -> tuple[P, ...]:
        if not isinstance(entries, list):
            self._wrong(where, f"{said(f'a list of {{{base.kind}: NAME, …}}', entries)} {known('', names(base.kind))}")
            return ()
        found = [self.plugin(base, entry, f"{where}[{index}]") for index, entry in enumerate(entries)]
        return tuple(plugin for plugin in found if plugin is not None)

    def _models(self, entries: object, where: str) -> tuple[Provider, ...]:
        """At least one model, each with a name of its own: rows carry nothing else of an entry."""
        if entries == []:
            self._wrong(where, f"at least one {{provider: NAME, …}} (got none). {known('', names('provider'))}")
        models = self._list(Provider, entries, where)
        labels = [model.label for model in models]
        for label in sorted({label for label in labels if labels.count(label) > 1}):
            self._wrong(where, f"{label!r} is the name of several entries. Give all but one a `name`.")
        return models

    def _exports(self, entries: object) -> tuple[Format, ...]:
        """Formats, each at most once: an export's folder is called like its format."""
        formats = self._list(Format, entries, "exports")
        called = [plugin.plugin_name() for plugin in formats]
        for name in sorted({name for name in called if called.count(name) > 1}):
            self._wrong("exports", f"{name!r} stands here twice; its files would overwrite each other.")
        return formats

    def _removed(self, entry: object) -> tuple[Removable, ...]:
        options = get_args(Removable)
        if not isinstance(entry, list):
            self._wrong("remove", f"{said('a list of biases', entry)} {known('', options)}")
            return ()
        for index, name in enumerate(entry):
            if name not in options:
                self._wrong(f"remove[{index}]", f"no bias {name!r}. {known(str(name), options)}")
            elif name in entry[:index]:
                self._wrong(f"remove[{index}]", f"{name!r} stands here twice.")
        return tuple(name for name in options if name in entry)

    def _reviewing(self, entry: object) -> Reviewing | None:
        if not isinstance(entry, dict):
            self._wrong("review", said("a mapping {desk: NAME, sample: {…}, …}", entry))
            return None
        desk = self.plugin(Desk, entry.get("desk", "jsonl"), "review.desk")
        read = self._model(Reviewing, {key: value for key, value in entry.items() if key != "desk"}, "review")
        return read.model_copy(update={"desk": desk}) if read and desk else None

    def _panel(self, entry: object) -> Panel | None:
        if not isinstance(entry, dict):
            self._wrong("judge", said("a mapping {judge: NAME, teachers: […]}", entry))
            return None
        apart = ("protocol", "teachers")
        own = {key: value for key, value in entry.items() if key not in apart}
        judge = self.plugin(Judge, own, "judge", apart)
        single = judge is not None and judge.single
        if single and "protocol" in entry:
            self._wrong("judge.protocol", f"{own['judge']!r} grades single answers: leave the protocol out.")
        chosen = None if single else self.plugin(Protocol, entry.get("protocol", "one_order"), "judge.protocol")
        teachers: tuple[Provider, ...] = ()
        if "teachers" in entry:
            teachers = self._models(entry["teachers"], "judge.teachers")
        elif not any(near(key, ["teachers"]) for key in own):
            self._wrong("judge.teachers", f"missing. A list of {{provider: NAME, …}}. {known('', names('provider'))}")
        for index, teacher in enumerate(teachers):
            where = f"judge.teachers[{index}]"
            if teacher.samples != 1:
                self._wrong(f"{where}.samples", f"a teacher is asked once (got {teacher.samples}).")
            if teacher.local:
                self._wrong(f"{where}.provider", f"{teacher.plugin_name()!r} holds answers, no judgments.")
        if judge is None or not teachers or (chosen is None and not single):
            return None
        return Panel(judge=judge, protocol=chosen, teachers=teachers)

    def _model(self, model: type[M], fields: object, where: str, beside: Sequence[str] = ()) -> M | None:
        try:
            read = model.model_validate(fields)
        except ValidationError as error:
            self._mistakes += [f"{self._file}: {line}" for line in lines_of(error, model, where, beside)]
            return None
        for location, what in coerced(read, fields):
            self._wrong(key_path(where, location), what)
        return read

    def _parts_fit(self, fields: dict[str, Any]) -> None:
        source, answers, panel, compare = (fields.get(key) for key in ("tasks", "answers", "judge", "compare"))
        if source:
            self._fit(answers_fit(source, answers or ()))
        aim = fields["aim"]
        if panel and compare and source and (answers or source.answered):
            self._fit(compare_fits(compare, slots_of(source, answers or (), aim), panel))
        if panel:
            self._fit(panel_fits(panel))
        if panel and compare:
            self._fit(exports_fit(fields["exports"], compare, panel))
            self._fit(filters_fit(fields["filters"], panel))
            if fields.get("probes") or not self._wanted_probes:
                self._fit(bias_fits(fields.get("probes"), fields["remove"], compare, panel))
        if (split := fields.get("split")) and source:
            slots = None if source.answered else slots_of(source, answers or (), aim)
            self._fit(split_fits(split, slots, fields["exports"]))
        if aim and source and panel:
            self._fit(aim_fits(aim, source, answers or (), panel))

    def _fit(self, misfits: Iterable[Misfit]) -> None:
        for where, what in misfits:
            self._wrong(where, what)

    def _environment(self, recipe: Recipe) -> None:
        """Variables that hold keys must be set before anything is sent; each is told once."""
        authors = recipe.tasks.authors()
        places = [(f"tasks.{key}", value) for key, value in recipe.tasks if value in authors]
        places += [(f"answers[{index}]", model) for index, model in enumerate(recipe.answers)]
        places += [(f"judge.teachers[{index}]", model) for index, model in enumerate(recipe.judge.teachers)]
        unset: dict[str, str] = {}
        for where, model in places:
            for key, variable in model.environment().items():
                if not os.environ.get(variable):
                    unset.setdefault(variable, f"{where}.{key}")
        for variable, where in unset.items():
            self._wrong(where, f"the environment variable {variable} is not set. Set it: export {variable}=KEY.")
