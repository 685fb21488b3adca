"""Everything that can be found wrong with a recipe before it is run, in seconds: `prefmill doctor`.

All checks run at the same time, save those of a model's files, which need to know the GPUs first, and each has
`checks.PROBE_S` seconds. Each model behind an endpoint is asked one tiny
question, each teacher another under a JSON schema; these calls are not in the ledger. Of the models that a run loads
itself everything is looked at that can be known without loading them; loading them takes minutes, and a word.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..generators.halt import Halt
from ..generators.hosting.machine import Machine
from ..generators.hosting.settings import Hosted
from ..generators.providers import Provider
from ..schemas.errors import RecipeError
from .checks import PROBE_S, Check, endpoints, hosted, hub, in_thread, loading, machine, memories, vllm_version
from .loop import run_loop
from .passes import hosted_in_order
from .recipe import Recipe, run_dir
from .recipe_reading import read_recipe


def doctor(
    file: Path, directory: Path | None = None, limit: int | None = None, *, load: bool = False
) -> tuple[Check, ...]:
    """Look at a recipe, its endpoints and this machine. Raises nothing that a check can say.

    `load`: load each model that the run loads itself, and ask it, too.
    """
    try:
        recipe = read_recipe(file, limit, environment=False)
    except RecipeError as error:
        wrong = [Check("recipe", "red", line, "Correct the recipe.") for line in error.lines]
        return (*wrong, machine.packages())
    asked = f"{len(recipe.answers)} to answer, {len(recipe.judge.teachers)} to judge"
    valid = Check("recipe", "ok", f"{recipe.name}: {asked}")
    return (valid, *run_loop(_all(recipe, run_dir(recipe, directory), load), Halt()), machine.packages())


async def _all(recipe: Recipe, directory: Path, load: bool) -> list[Check]:
    checks: list[Coroutine[Any, Any, Sequence[Check]]] = [
        _one(machine.source(recipe)),
        _one(machine.directory(recipe, directory)),
        _one(machine.space(recipe, directory)),
        _endpoints([provider for provider in recipe.providers() if _reached(provider)], recipe.judge.teachers),
    ]
    checks += [_one(machine.recorded(provider)) for provider in recipe.answers if provider.local]
    own = [provider for provider in recipe.providers() if isinstance(provider, Hosted)]
    checks += [_hosted(own, hosted_in_order(recipe), load)] if own else []
    checks += [_one(machine.filters(recipe.filters))] if recipe.filters else []
    checks += [_one(_world(recipe))] if recipe.simulated() else []
    checks += [_one(hub.hub(recipe.publish))] if recipe.publish else []
    found = await asyncio.gather(*checks)
    return [*keys(recipe), *(check for some in found for check in some), *prices(recipe)]


def _reached(provider: Provider) -> bool:
    """Whether there is an endpoint outside this process."""
    return not provider.local and not isinstance(provider, Hosted) and provider.plugin_name() != "simulated"


async def _one(check: Coroutine[Any, Any, Check]) -> Sequence[Check]:
    return [await check]


def keys(recipe: Recipe) -> list[Check]:
    """The environment variables that hold keys are set."""
    variables = sorted({name for provider in recipe.providers() for name in provider.environment().values()})
    return [
        Check(f"key {name}", "ok", "set")
        if os.environ.get(name)
        else Check(f"key {name}", "red", "not set", f"export {name}=…")
        for name in variables
    ]


def prices(recipe: Recipe) -> list[Check]:
    """What the models cost."""
    found = []
    for provider in {p.label: p for p in recipe.providers() if not p.local}.values():
        price, what = provider.priced(), f"price {provider.label}"
        if price is None:
            fix = "For costs and --max-usd give `price: {input: …, output: …}` in the recipe."
            found.append(Check(what, "skipped", "not known", fix))
        else:
            where = "in the recipe" if provider.price else "listed"
            found.append(Check(what, "ok", f"${price.input:g} in, ${price.output:g} out a million tokens ({where})"))
    return found


async def _world(recipe: Recipe) -> Check:
    """The simulated world starts."""
    from ..generators.world.server import running

    def start() -> str:
        with running(recipe.world) as world:
            return world.base_url

    try:
        where = await in_thread(start)
    except (OSError, TimeoutError) as error:
        return Check("simulated world", "red", str(error), "Are loopback sockets allowed here?")
    return Check("simulated world", "ok", f"starts at {where}; its models need no key and no network")


async def _hosted(entries: Sequence[Hosted], order: Sequence[Hosted], load: bool) -> Sequence[Check]:
    """The models that the run loads itself; they are loaded only where nothing was found wrong."""
    here = Machine()
    finding = asyncio.create_task(in_thread(partial(memories.devices, here)))
    versions = asyncio.gather(*(_version(entry, here) for entry in order))
    usable = asyncio.gather(*(_usable(entry, here) for entry in entries))
    try:
        found = await finding
    except TimeoutError:
        found = memories.Devices({}, problem=f"nvidia-smi did not reply within {PROBE_S:g} s. Is the driver well?")
    told, wrong = await versions, await usable
    rows = [memories.gpus(found), *told]
    if not found.problem:
        rows += [*hosted.loading(order, found), *hosted.free(order, found)]
        whole = await asyncio.gather(*(_files(*one, found) for one in zip(entries, wrong, strict=True)))
        rows += [check for checks in whole for check in checks]
    rows = list(dict.fromkeys(rows))
    if not load or any(check.state == "red" for check in rows):
        return [*rows, *loading.unloaded(order)]
    return [*rows, *await loading.loaded(entries, order, found.gpus)]


async def _version(entry: Hosted, here: Machine) -> Check:
    try:
        return await in_thread(partial(vllm_version.version, entry, here))
    except TimeoutError:
        return Check(f"vLLM of {entry.label}", "skipped", f"its Python did not tell its version within {PROBE_S:g} s")


async def _usable(entry: Hosted, here: Machine) -> Check | None:
    """What the entry itself finds wrong."""
    try:
        return await in_thread(partial(hosted.usable, entry, here))
    except TimeoutError:
        fix = "Does its Python start, and is its folder on a disk that replies?"
        return Check(f"model {entry.label}", "red", f"not looked at within {PROBE_S:g} s", fix)


async def _files(entry: Hosted, wrong: Check | None, found: memories.Devices) -> Sequence[Check]:
    """The model's files, of which some may not fit on the GPUs; or what is wrong already."""
    if wrong is not None:
        return [wrong]
    try:
        return await in_thread(partial(hosted.files, entry, found))
    except TimeoutError:
        fix = "Is its folder on a slow disk or network?"
        return [Check(f"model {entry.label}", "red", f"its files were not read within {PROBE_S:g} s", fix)]


async def _endpoints(providers: Sequence[Provider], teachers: Sequence[Provider]) -> Sequence[Check]:
    """Each address once, then each entry of the recipe; all at the same time."""
    addresses = list(dict.fromkeys(_address(provider) for provider in providers))
    listening = asyncio.gather(*(endpoints.listen(*address) for address in addresses))
    calling = asyncio.gather(*(_asked(provider, provider in teachers) for provider in providers))
    heard = dict(zip(addresses, await listening, strict=True))
    rows = [
        check for (url, _), said in heard.items() for check in (endpoints.up(url, said), endpoints.clock(url, said))
    ]
    for provider, called in zip(providers, await calling, strict=True):
        rows += _of_model(provider, heard[_address(provider)], called)
    return list(dict.fromkeys(rows))


def _address(provider: Provider) -> tuple[str, str | None]:
    return getattr(provider, "base_url", ""), getattr(provider, "api_key_env", None)


def _unset(provider: Provider) -> str | None:
    """Why nothing can be asked of a provider whose key is not there."""
    missing = [name for name in provider.environment().values() if not os.environ.get(name)]
    return f"{missing[0]} is not set" if missing else None


Calls = tuple[endpoints.Called, endpoints.Called | None]


async def _asked(provider: Provider, judges: bool) -> Calls | None:
    """The tiny call, and for teachers the one under a schema."""
    if _unset(provider):
        return None
    tiny = endpoints.call(provider, "Say yes.", endpoints.REPLY_TOKENS)
    if not judges:
        return await tiny, None
    return await asyncio.gather(tiny, endpoints.under_schema(provider))


def _of_model(provider: Provider, heard: endpoints.Heard, called: Calls | None) -> list[Check]:
    """The rows of one entry of the recipe; what follows from an unset key or a dead endpoint is not said again."""
    label, reason = (
        provider.label,
        _unset(provider) or ("the endpoint does not reply" if heard.status is None else None),
    )
    if called is None or reason:
        return [Check(f"{what} {label}", "skipped", reason or "") for what in ("model", "call")]
    tiny, schema = called
    rows = [endpoints.model(provider, heard, None), endpoints.replies(provider, tiny)]
    return rows + ([endpoints.enforces(provider, schema)] if schema else [])
