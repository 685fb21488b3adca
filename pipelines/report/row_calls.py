"""The calls of each task, from one pass over the ledger that reads no request and no reply."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from .usage import reading

_CALLS = (
    "SELECT task_id, stage, model, sample, status, attempts, latency_s, prompt_tokens, completion_tokens, cost_usd"
    " FROM calls ORDER BY created_s, key"
)
_FORM = struct.Struct("<HHHHHfIId")
NO_PRICE = -1.0

Call = tuple[str, str, int, str, int, float, int, int, float | None]
"""Stage, model, number of the draw, status, attempts, seconds of the last attempt, tokens in and out, cost in dollars
where a price is known."""


class Calls:
    """Every call of a run by its task, 34 bytes each."""

    def __init__(self, ledger: Path) -> None:
        self._names: list[str] = []
        self._by_task: dict[str, bytearray] = {}
        known: dict[str, int] = {}

        def number(name: str) -> int:
            if name not in known:
                known[name] = len(self._names)
                self._names.append(name)
            return known[name]

        if not ledger.is_file():
            return
        with reading(ledger) as database:
            for task, stage, model, sample, status, attempts, latency, prompt, reply, cost in database.execute(_CALLS):
                self._by_task.setdefault(task, bytearray()).extend(
                    _FORM.pack(
                        number(stage), number(model), min(sample, 65535), number(status), min(attempts, 65535),
                        latency, prompt, reply, NO_PRICE if cost is None else cost,
                    )
                )  # fmt: skip

    def of_task(self, task_id: str) -> Sequence[Call]:
        """Its calls, oldest first."""
        return [
            (
                self._names[stage], self._names[model], sample, self._names[status], attempts, round(latency, 3),
                prompt, reply, None if cost == NO_PRICE else cost,
            )
            for stage, model, sample, status, attempts, latency, prompt, reply, cost in _FORM.iter_unpack(
                self._by_task.get(task_id, b"")
            )
        ]  # fmt: skip
