"""Who made the rows of a run, and what they were asked: figures for the card."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...generators.judges import Judge
from ...generators.providers import Provider
from ...schemas.row import digest
from ...schemas.rows import Answer, Message, Reference, Task
from ...schemas.rubric import Level, Rubric
from ..recipe import Recipe
from .licence import Used
from .outward import outward
from .seen import Seen


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the recipe that was asked."""

    role: str
    label: str
    """The name rows carry."""
    model: str
    provider: str
    where: str
    """Address, without those inside a network; empty where there is none."""
    revision: str
    sampling: str


def models_of(recipe: Recipe) -> tuple[Model, ...]:
    """Everyone who was asked: authors of tasks, answering models, teachers."""
    roles = [("tasks", recipe.tasks.authors()), ("answers", recipe.answers), ("judgments", recipe.judge.teachers)]
    return tuple(_model(role, provider) for role, some in roles for provider in some)


def _model(role: str, provider: Provider) -> Model:
    entry = outward(provider.model_dump(mode="json"))
    sampling = provider.sampling.body
    return Model(
        role,
        provider.label,
        str(entry["model"]),
        provider.plugin_name(),
        str(entry.get("base_url") or ""),
        str(entry.get("revision") or "not stated"),
        ", ".join(f"{name} {outward(value)}" for name, value in sampling.items()) or "the endpoint's own",
    )


def used(recipe: Recipe, seen: Seen) -> Iterator[Used]:
    """The models whose texts are in the set, those of the simulated world apart."""
    entries: dict[str, Provider] = {provider.label: provider for provider in recipe.answers}
    for label in seen.answered:
        entry = entries.get(label)
        if entry is None:
            yield Used(label)  # the answers came with the tasks
        elif not _simulated(entry):
            yield _used(entry)
    for provider in (*recipe.tasks.authors(), *recipe.judge.teachers):
        if not _simulated(provider):
            yield _used(provider)
    for name in seen.writers:
        yield Used(name)


def _simulated(provider: Provider) -> bool:
    return provider.plugin_name() == "simulated"


def _used(provider: Provider) -> Used:
    address: str | None = None if provider.local else getattr(provider, "base_url", None)
    return Used(provider.model, address)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a judge sends, with names in place of texts."""

    judge: str
    source: str
    """First sentence of the judge's own description."""
    version: str
    """Eight hex digits that change with any byte of the prompt below; empty where it cannot be shown."""
    parts: tuple[tuple[Message, ...], ...]


def prompt_of(judge: Judge) -> Prompt:
    """The prompt of a judge."""
    module = sys.modules[type(judge).__module__]
    about = " ".join((inspect.getdoc(module) or "").partition("\n\n")[0].split())
    task, answers = _placeholders(1 if judge.single else 2)
    try:
        parts: Sequence[tuple[Message, ...]] = judge.questions(task, answers, judge.reference != "never")
    except ValueError:  # a judge that asks about something that no placeholder is
        parts = ()
    version = digest([[turn.model_dump() for turn in part] for part in parts], size=4) if parts else ""
    return Prompt(judge.plugin_name(), about, version, tuple(parts))


def _placeholders(answers: int) -> tuple[Task, list[Answer]]:
    levels = tuple(Level(score=score, description=f"{{what a {score} means}}") for score in range(1, 6))
    task = Task(
        messages=(Message(role="user", content="{instruction}"),),
        reference=Reference(text="{reference answer}"),
        rubric=Rubric(criteria="{criterion}", levels=levels),
    )
    shown = [Answer(task_id=task.id, model="m", sample=k, text=f"{{answer {k + 1}}}") for k in range(answers)]
    return task, shown
