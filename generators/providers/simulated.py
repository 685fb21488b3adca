"""A model of the simulated world: the whole pipeline runs on it without a model, a key or a network.

What it says is marked as simulated, from the answers' texts to the exported rows; see `generators/world/`.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from pydantic import field_validator, model_validator

from ...schemas.errors import known
from ..batches.settings import Batching
from ..world.population import BY_NAME
from . import Connection, Price, Site
from .openai import OpenAI


class Simulated(Batching):
    """A model of the simulated world that a run starts beside itself: `sim-…` answers, `sim-teacher-…` judges."""

    @field_validator("model")
    @classmethod
    def _lives_there(cls, value: str) -> str:
        if value not in BY_NAME:
            raise ValueError(f"the simulated world has no model {value!r}. {known(value, BY_NAME)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _of_its_family(cls, entry: Any) -> Any:  # noqa: ANN401 - as pydantic hands it over
        if isinstance(entry, dict) and entry.get("family") is None and entry.get("model") in BY_NAME:
            return {**entry, "family": BY_NAME[entry["model"]].family}
        return entry

    def priced(self) -> Price | None:
        """The recipe's price, or the one planted in the population."""
        return self.price or BY_NAME[self.model].price

    def open(self, site: Site) -> AbstractAsyncContextManager[Connection]:
        """A connection to the run's simulated world. Raises `RuntimeError` where none runs."""
        if site.world is None:
            raise RuntimeError(f"{self.label}: the simulated world is not running")
        shared = {name: getattr(self, name) for name in Batching.model_fields}
        # The world ends with the run, and its batches with it: nothing of them is kept on disk.
        return OpenAI(base_url=site.world.base_url, **shared).open(Site(stopping=site.stopping))
