"""Following a server that queues instead of refusing: as many calls in flight as it works on, and few that wait.

vLLM never sends HTTP 429; what is too much waits in its queue, and the KV cache fills. Its `/metrics` tell
(https://docs.vllm.ai/en/latest/usage/metrics.html): the level is raised by half while nothing waits and all slots are
held, and set to just above what runs as soon as requests wait or the cache is nearly full: the knee, where more in
flight brings no more replies.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from .limits import Slots
from .providers import Load

LOOK_EVERY_S = 1.0
WAITING_SHARE = 0.1
"""Share of the running requests that may wait: a short queue keeps the server busy between two looks."""
FULL_CACHE = 0.95
_METRIC = re.compile(
    r"^vllm:(num_requests_running|num_requests_waiting|gpu_cache_usage_perc|kv_cache_usage_perc)(?:\{[^}]*\})?\s+(\S+)",
    re.MULTILINE,
)


def load_of(metrics: str) -> Load | None:
    """The load in a Prometheus text of vLLM's, summed over its engines; None where it is no such text."""
    found: dict[str, list[float]] = {}
    for name, value in _METRIC.findall(metrics):
        try:
            found.setdefault(name, []).append(float(value))
        except ValueError:
            return None
    if "num_requests_running" not in found:
        return None
    cache = found.get("kv_cache_usage_perc", []) + found.get("gpu_cache_usage_perc", [])
    return Load(sum(found["num_requests_running"]), sum(found.get("num_requests_waiting", [])), max(cache, default=0.0))


def level_for(load: Load, level: int, held: int) -> int:
    """Slots that fit a load: `level` is what there are now, `held` how many of them are in use."""
    if load.waiting > max(1.0, WAITING_SHARE * load.running):
        return min(level, round(load.running * (1 + WAITING_SHARE / 2)) + 1)
    if load.cache > FULL_CACHE:
        return min(level, round(load.running) + 1)
    return level + level // 2 + 1 if held >= level else level


async def follow(slots: Slots, look: Callable[[], Awaitable[Load | None]], every_s: float = LOOK_EVERY_S) -> None:
    """Keep the slots at the server's knee until cancelled; returns where the server does not tell its load."""
    while (load := await look()) is not None:
        slots.resize(level_for(load, slots.level, slots.open))
        await asyncio.sleep(every_s)
