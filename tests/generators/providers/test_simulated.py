"""The `simulated` provider: a recipe entry that reaches the world of its run."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from prefmill.generators.providers import Price, Reply, Request, Site, World
from prefmill.generators.providers.simulated import Simulated
from prefmill.generators.world.population import BY_NAME
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import true_quality
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.sampling import Sampling

TASK = Task(messages=(Message(role="user", content="Name three uses of copper."),))


def _complete(provider: Simulated, world: World) -> Reply:
    async def complete() -> Reply:
        async with provider.open(Site(world)) as connection:
            await connection.check()
            return await connection.complete(Request(TASK.messages, Sampling(), 0, TASK))

    return asyncio.run(complete())


def test_it_is_found_by_its_name() -> None:
    assert load(Simulated, "simulated") is Simulated


def test_it_answers_from_the_world_of_the_run() -> None:
    settings = WorldSettings(seed=8)
    with running(settings) as world:
        reply = _complete(Simulated(model="sim-elm-9b"), world)
    assert reply.text.startswith("[simulated] ")
    assert reply.finish_reason == "stop"
    assert reply.completion_tokens > 0
    assert isinstance(true_quality(settings, reply.text), float)


def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"no model 'sim-oak-71b'.*Did you mean 'sim-oak-70b'\?"):
        Simulated(model="sim-oak-71b")


def test_family_and_price_come_from_the_population_unless_given() -> None:
    plain = Simulated(model="sim-teacher-strong")
    assert plain.family == BY_NAME["sim-teacher-strong"].family
    assert plain.priced() == BY_NAME["sim-teacher-strong"].price
    own = Simulated(model="sim-teacher-strong", family="mine", price=Price(input=1, output=2))
    assert (own.family, own.priced()) == ("mine", Price(input=1, output=2))


def test_without_a_world_it_cannot_be_opened() -> None:
    with pytest.raises(RuntimeError, match="simulated world is not running"):
        Simulated(model="sim-oak-8b").open(Site())
