"""The recipe of a judge check: pairs with labels from a file, one or more judges, every pair in both orders.

A judge is an OpenAI-compatible endpoint with one model, or the teachers of a recipe's `judge` block. Each question is
put once (`retries: 0`): what a check measures is the first reply, and one that cannot be read counts against the judge.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..generators.judges import Judge
from ..generators.protocols.both_orders import BothOrders
from ..generators.providers.openai import OpenAI
from ..generators.records.format_files import format_named
from ..generators.sources.reviewed import Reviewed
from ..generators.world.settings import WorldSettings
from ..schemas.errors import RecipeError, UserError, known
from ..schemas.plugins import load, names
from ..schemas.row import digest
from .recipe import Panel, Recipe, asked_by
from .recipe_messages import lines_of
from .recipe_reading import read_recipe
from .recipe_secrets import written_out

M = TypeVar("M", bound=BaseModel)


def labelled_set(place: Path, format_name: str, limit: int | None = None) -> Reviewed:
    """The pairs with labels in a file or folder; `limit` takes the first rows only.

    Raises `UserError` for a format that does not exist or holds no comparisons.
    """
    if format_named(format_name, "--from").takes == "grade":
        raise UserError(f"--from {format_name}: holds graded answers, and a judge is checked on comparisons.")
    return Reviewed(format=format_name, path=place.absolute(), limit=limit, labels="any")


def check_recipe(
    pairs: Reviewed,
    path: Path | None,
    entry: Mapping[str, Any],
    judge: str | None = None,
    reference: str | None = None,
) -> Recipe:
    """The check that the options of the command line ask for; None stands for an option that was not given.

    `path` is a recipe's (see `recipe_check`); `entry` and `judge` are as in `endpoint_check`. Raises `UserError` where
    both ways are mixed or none is whole, and as these do.
    """
    given = {key: value for key, value in entry.items() if value is not None}
    if path is None:
        if lacking := [key for key in ("model", "base_url") if key not in given]:
            options = ", ".join(_option(key) for key in lacking)
            raise UserError(f"{options}: missing. Give --model and --base-url of the judge, or --recipe.")
        return endpoint_check(pairs, given, judge or "judgelm", reference)
    if mixed := [*given, *(["judge"] if judge else [])]:
        options = ", ".join(_option(key) for key in mixed)
        raise UserError(f"{options}: not with --recipe, which says who judges and how.")
    return recipe_check(pairs, path, reference)


def endpoint_check(
    pairs: Reviewed, entry: Mapping[str, Any], judge: str = "judgelm", reference: str | None = None
) -> Recipe:
    """A check of one model. `entry`: its `model`, and what else of an `openai` provider's fields is given.

    Raises `RecipeError`, a line for each mistake, which names fields as the command line does.
    """
    if mistakes := [_option(line) for line in written_out(dict(entry))]:
        raise RecipeError(mistakes)
    teacher = _made(OpenAI, {"sampling": {"temperature": 0}, **entry})
    panel = Panel(judge=_judge(judge, reference), protocol=BothOrders(), teachers=(teacher,))
    return _check(pairs, panel, WorldSettings())


def recipe_check(pairs: Reviewed, path: Path, reference: str | None = None) -> Recipe:
    """A check of the teachers of a recipe, with its judge; `reference` overrides the judge's own.

    Raises `RecipeError` for what is wrong with the recipe, `UserError` where its judge does not compare.
    """
    recipe = read_recipe(path, environment=False)
    judge = recipe.judge.judge
    if judge.single:
        raise UserError(
            f"{path}: judge: {judge.plugin_name()!r} grades single answers; a check needs one that compares."
        )
    asked = {"retries": 0, "reference": reference or judge.reference}
    made = _made(type(judge), {**judge.model_dump(), **asked})
    panel = recipe.judge.model_copy(update={"judge": made, "protocol": BothOrders()})
    return _check(pairs, panel, recipe.world)


def _check(pairs: Reviewed, panel: Panel, world: WorldSettings) -> Recipe:
    for teacher in panel.teachers:
        for variable in teacher.environment().values():
            if not os.environ.get(variable):
                what = f"the environment variable {variable} is not set. Set it: export {variable}=KEY."
                raise UserError(f"{teacher.label}: {what}")
    recipe = Recipe(name="judge-check", tasks=pairs, judge=panel, world=world)
    judges = "-".join(teacher.label for teacher in panel.teachers)
    # Exports of all runs are called alike: what is asked decides which directory it is.
    name = _name(recipe.name, judges[:50], pairs.path.stem[:25], digest(asked_by(recipe), size=3))
    return recipe.model_copy(update={"name": name})


def _name(*parts: str) -> str:
    """A run's name (`recipe.NAME`) from texts with other characters in them, such as `org/model`."""
    return "-".join(re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-") for part in parts)


def _judge(name: str, reference: str | None) -> Judge:
    cls = load(Judge, name)
    if cls.single:
        comparing = [other for other in names("judge") if not load(Judge, other).single]
        what = f"grades single answers; a check needs one that compares. {known('', comparing)}"
        raise UserError(f"--judge {name}: {what}")
    own = {field for field, info in cls.model_fields.items() if info.is_required()}
    if own:
        needed = ", ".join(sorted(own))
        raise UserError(f"--judge {name}: needs settings ({needed}); name it in a recipe and give --recipe.")
    return _made(cls, {"retries": 0, "reference": reference or "both"})


def _made(model: type[M], fields: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        raise RecipeError([_option(line) for line in lines_of(error, model, "")]) from error


def _option(line: str) -> str:
    """A key, or a mistake at a key, as the option of that name."""
    key, colon, what = line.partition(": ")
    return f"--{key.replace('_', '-')}{colon}{what}"
