"""The recipe: one file that says what a run is. Read from YAML or JSON into a frozen object; see `recipe_reading`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SerializeAsAny

from ..curation.filters import Filter
from ..generators.authoring.aimed import Aim
from ..generators.comparisons import Compare
from ..generators.judges import Judge
from ..generators.probes import Probes
from ..generators.protocols import Piloted, Protocol
from ..generators.providers import Provider
from ..generators.sources import Source
from ..generators.world.settings import WorldSettings
from ..schemas.formats import Format
from ..schemas.frozen import Frozen
from ..schemas.plugins import KINDS, Plugin
from ..schemas.probe import Removable
from . import recipe_file
from .publishing.settings import Publish
from .reviewing.settings import Reviewing
from .splitting.settings import Splitting

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a run may be called: its name is a folder's name."""


class Panel(Frozen):
    """Who judges, what they are asked and how often: the recipe's `judge:` block."""

    judge: SerializeAsAny[Judge]
    """What is asked and how the reply is read; its own fields stand in the same block."""
    protocol: SerializeAsAny[Protocol] | None
    """Which judgments are asked for one comparison: a name, or `{protocol: NAME, …}`. None for a judge that is shown
    single answers."""
    teachers: tuple[SerializeAsAny[Provider], ...] = Field(min_length=1)
    """The models that judge, as provider entries."""

    def calls(self, answers: int, comparisons: int, references: int) -> int:
        """Questions to one teacher about a task, at most; `references` as in `Judge.asks_with_reference`."""
        if self.protocol is None:
            return answers * references
        return comparisons * self.protocol.calls(1, references)

    def share(self, teacher: int, comparisons: int) -> float:
        """Which part of `calls` teacher number `teacher` can expect in a run of so many comparisons, roughly."""
        protocol = self.protocol
        if protocol is None:
            return 1.0
        usual = protocol.expected(teacher, len(self.teachers), 1) / protocol.calls(1, 1)
        if not isinstance(protocol, Piloted):
            return usual
        pilot = min(1.0, protocol.pilot / max(1, comparisons))
        return pilot * protocol.in_pilot(teacher, len(self.teachers)) + (1 - pilot) * usual


def _folder_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError("letters, digits, `.`, `_` and `-`, beginning with a letter or digit, at most 100")
    return name


class Recipe(Frozen):
    """A whole run. Every default is written out in the run directory's `recipe.yaml`."""

    name: Annotated[str, AfterValidator(_folder_name)]
    """Name of the run; its directory is `runs/NAME` unless `--run-dir` says otherwise."""
    seed: int = 0
    """Draws pairs, orders and splits. Two runs with the same seed and the same replies are the same."""
    tasks: SerializeAsAny[Source]
    """Where task seeds come from: `{source: NAME, …}`."""
    answers: tuple[SerializeAsAny[Provider], ...] = ()
    """The models that answer: a list of `{provider: NAME, …}`; none where the answers come with the tasks."""
    aim: Aim | None = None
    """Scores that answers are to deserve under the tasks' rubrics; None: models answer as well as they can."""
    compare: Compare = Compare()
    """Which answers of a task meet."""
    judge: Panel
    """Who judges, and how."""
    probes: Probes | None = None
    """Pairs of equal content that measure what sways the teachers: `{share: 0.08, …}`; None: no probes."""
    remove: tuple[Removable, ...] = ()
    """Biases that are taken off the margins before winners are read off them, as the run measured them."""
    filters: tuple[SerializeAsAny[Filter], ...] = ()
    """What is dropped, in this order: a list of `{filter: NAME, …}` or names."""
    exports: tuple[SerializeAsAny[Format], ...] = ()
    """What is written: a list of `{format: NAME, …}` or names."""
    world: WorldSettings = WorldSettings()
    """The simulated world, for `provider: simulated`."""
    split: Splitting | None = None
    """What is on one side of train and test: `{by: clusters, hold_out: {models: […]}}`; None: by the defaults."""
    publish: Publish | None = None
    """Where `prefmill publish` puts the exports: `{repo: OWNER/NAME, private: true, license: …}`."""
    review: Reviewing | None = None
    """Which pairs people review, and where: `{desk: jsonl, sample: {…}, double: 0.15, …}`; None: by the defaults."""

    def providers(self) -> tuple[Provider, ...]:
        """Everyone who is asked: authors of tasks, answering models, teachers."""
        return (*self.tasks.authors(), *self.answers, *self.judge.teachers)

    def slots(self) -> list[str]:
        """The model's name for each answer that a task is to have, in recipe order; stand-ins where answers come with
        the tasks, two with each."""
        return slots_of(self.tasks, self.answers, self.aim)

    def simulated(self) -> bool:
        """Whether any part of the run is simulated."""
        return any(provider.plugin_name() == "simulated" for provider in self.providers())


def slots_of(source: Source, answers: Iterable[Provider], aim: Aim | None) -> list[str]:
    """`Recipe.slots` of the parts of a recipe."""
    if source.answered:
        return ["first", "second"]
    aims = len(aim.scores) if aim else 1
    return [provider.label for provider in answers for _ in range(provider.samples * aims)]


def as_entry(plugin: Plugin) -> dict[str, Any]:
    """A plug-in as its recipe entry, every default written out."""
    return {plugin.kind: plugin.plugin_name(), **plugin.model_dump(mode="json")}


def as_plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, every default written out; reading them gives the same recipe."""
    panel = recipe.judge
    return {
        "name": recipe.name,
        "seed": recipe.seed,
        "tasks": as_entry(recipe.tasks),
        **({"answers": [as_entry(provider) for provider in recipe.answers]} if recipe.answers else {}),
        **({"aim": recipe.aim.model_dump(mode="json")} if recipe.aim else {}),
        "compare": recipe.compare.model_dump(mode="json"),
        "judge": {
            **as_entry(panel.judge),
            **({"protocol": as_entry(panel.protocol)} if panel.protocol else {}),
            "teachers": [as_entry(provider) for provider in panel.teachers],
        },
        **({"probes": recipe.probes.model_dump(mode="json")} if recipe.probes else {}),
        **({"remove": list(recipe.remove)} if recipe.remove else {}),
        "filters": [as_entry(plugin) for plugin in recipe.filters],
        "exports": [as_entry(plugin) for plugin in recipe.exports],
        "world": recipe.world.model_dump(mode="json"),
        **({"split": recipe.split.model_dump(mode="json")} if recipe.split else {}),
        **({"publish": recipe.publish.model_dump(mode="json")} if recipe.publish else {}),
        **({"review": _review_entry(recipe.review)} if recipe.review else {}),
    }


def _review_entry(review: Reviewing) -> dict[str, Any]:
    return {**review.model_dump(mode="json"), "desk": as_entry(review.desk)}


def as_yaml(recipe: Recipe) -> str:
    """The recipe as YAML, every default written out."""
    return recipe_file.dump(as_plain(recipe))


def asked_by(recipe: Recipe) -> dict[str, Any]:
    """What decides which questions are asked and how rows come about: what a run directory must not change.

    Filters and exports work on what is there, and probes are asked beside it; operational fields say how calls are
    made, not what is asked.
    """
    plain = as_plain(recipe)
    for entry, plugin in [
        (plain["tasks"], recipe.tasks),
        *zip(plain.get("answers", ()), recipe.answers, strict=True),
        *zip(plain["judge"]["teachers"], recipe.judge.teachers, strict=True),
    ]:
        _without_operational(entry, plugin)
    for key, plugin in recipe.tasks:
        if isinstance(plugin, Provider):
            _without_operational(plain["tasks"][key], plugin)
    del plain["filters"], plain["exports"], plain["judge"]["retries"], plain["name"]
    for later in ("publish", "probes", "remove", "review", "split"):
        plain.pop(later, None)
    plain.get("aim", {}).pop("flat", None)
    if not recipe.simulated():
        del plain["world"]
    return plain


def _without_operational(entry: dict[str, Any], plugin: Plugin) -> None:
    """Take a plug-in's operational fields out of its entry; `field.key` is one key of a mapping."""
    for name in type(plugin).operational:
        field, _, key = name.partition(".")
        if key:
            entry.get(field, {}).pop(key, None)
        else:
            entry.pop(field, None)


def differences(old: Any, new: Any, path: str = "") -> list[str]:  # noqa: ANN401 - plain JSON values
    """What differs between two plain recipes, one `key.path: old -> new` each."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        nested = (differences(old.get(key), new.get(key), f"{path}.{key}" if path else key) for key in keys)
        return [line for lines in nested for line in lines]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        nested = (differences(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(old, new, strict=True)))
        return [line for lines in nested for line in lines]
    if isinstance(old, list) and isinstance(new, list):
        sides = (("without", _beyond(old, new)), ("with", _beyond(new, old)))
        told = "; ".join(f"{how} {', '.join(map(_entry, some))}" for how, some in sides if some)
        return [f"{path}: {len(old)} entries -> {len(new)}: {told}"]
    return [] if old == new else [f"{path}: {_short(old)} -> {_short(new)}"]


def _beyond(some: list[Any], others: list[Any]) -> list[Any]:
    """What is in `some` more often than in `others`."""
    left = list(others)
    found = []
    for one in some:
        if one in left:
            left.remove(one)
        else:
            found.append(one)
    return found


def _entry(value: object) -> str:
    """An entry of a list by its name, where it has one."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("model", *KINDS) if key in value), value)
    return _short(value)


def _short(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def run_dir(recipe: Recipe, chosen: Path | None) -> Path:
    """The run's directory: the chosen one, or `runs/NAME` below the working directory."""
    return chosen or Path("runs") / recipe.name
