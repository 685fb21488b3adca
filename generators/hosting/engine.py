"""One loaded model, whatever it runs in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ..providers import Reply, Request


@dataclass(frozen=True, slots=True)
class Served:
    """What an engine has done so far."""

    prompt_tokens: int = 0
    """Tokens of all prompts."""
    cached_tokens: int = 0
    """Of these, found in the prefix cache: nothing was computed for them."""
    completion_tokens: int = 0


class Engine(ABC):
    """A model with its adapters. Used by one run, on its event loop."""

    @abstractmethod
    async def start(self) -> None:
        """Load the model and wait until it answers. Raises `EndpointError`, one line: what is wrong and where the log
        is; then nothing is left running."""

    @abstractmethod
    async def complete(self, request: Request, adapter: str | None, timeout_s: float) -> Reply:
        """One request, of many at a time. Raises `CallFailed`: `connection` where the engine has died meanwhile,
        `rejected` where it does not take this request (a prompt that is too long, say), `timeout` where it has not
        answered this request nor any other for `timeout_s` seconds since it has this one: time in the engine's own
        queue does not count."""

    @abstractmethod
    def alive(self) -> bool:
        """Whether it was started and has not died or been stopped since."""

    @abstractmethod
    async def sleep(self) -> bool:
        """Free the GPU's memory but keep the weights; False where it cannot. Nothing may be in flight."""

    @abstractmethod
    async def wake(self) -> None:
        """Be ready again after `sleep`. Raises `EndpointError`."""

    @abstractmethod
    async def stop(self) -> None:
        """End it and all its processes; returns when they are gone. Never raises."""

    @abstractmethod
    async def served(self) -> Served:
        """What it has done since it was started."""
