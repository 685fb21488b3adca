"""What the ledger says of a run's calls: tokens, cost, latency and the time they took, for each stage and model."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...schemas.errors import RunDirectoryError

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_CALLS = (
    "SELECT stage, model, status, prompt_tokens, completion_tokens, cost_usd, attempts, latency_s, created_s FROM calls"
)


class _Use:
    """Calls of one stage to one model."""

    def __init__(self) -> None:
        self.failed = self.attempts = self.prompt = self.completion = 0
        self.costs: list[float] = []
        self.latencies: list[float] = []
        self.began: list[float] = []
        self.ended: list[float] = []

    def plain(self, stage: str, model: str) -> dict[str, Any]:
        first, last = min(self.began), max(self.ended)
        return {
            "stage": stage,
            "model": model,
            "calls": len(self.ended),
            "failed": self.failed,
            "attempts": self.attempts,
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "cost_usd": sum(self.costs) if self.costs else None,
            "unpriced": len(self.ended) - len(self.costs),
            "latency_s": self._latency(),
            "first_s": first,
            "last_s": last,
            "span_s": last - first,
        }

    def _latency(self) -> dict[str, Any]:
        if not self.latencies:
            return {"undefined": "no call was answered"}
        found = np.quantile(np.array(self.latencies), QUANTILES)
        return {f"p{round(100 * q):02d}": float(value) for q, value in zip(QUANTILES, found, strict=True)}


def usage(ledger: Path) -> dict[str, Any]:
    """`calls`, one entry a stage and model; `retries`, attempts that failed, by kind; `span_s`.

    Times are Unix seconds and seconds. Latency is that of the last attempt of answered calls; `span_s` is from the
    first call's start to the last one's end, pauses between two starts of the run included. `cost_usd` is of the calls
    whose price is known, None where none is; `unpriced` counts the others. Raises `RunDirectoryError` where the ledger
    cannot be read.
    """
    if not ledger.is_file():
        return {"undefined": "there is no ledger: no call was made"}
    found: dict[tuple[str, str], _Use] = {}
    with reading(ledger) as database:
        for stage, model, status, prompt, completion, cost, attempts, latency, created in database.execute(_CALLS):
            use = found.setdefault((stage, model), _Use())
            use.failed += status != "ok"
            use.attempts += attempts
            use.prompt += prompt
            use.completion += completion
            use.began.append(created - latency)
            use.ended.append(created)
            if status == "ok":
                use.latencies.append(latency)
            if cost is not None:
                use.costs.append(cost)
        retries = dict(database.execute("SELECT status, COUNT(*) FROM attempts GROUP BY status ORDER BY status"))
    if not found:
        return {"undefined": "the ledger holds no call"}
    calls = [use.plain(stage, model) for (stage, model), use in sorted(found.items())]
    span = max(one["last_s"] for one in calls) - min(one["first_s"] for one in calls)
    return {"calls": calls, "retries": retries, "span_s": span}


@contextmanager
def reading(ledger: Path) -> Iterator[sqlite3.Connection]:
    """The database, for reading only.

    A database in WAL mode cannot be opened in a folder without write access, unless it is said that nobody writes
    (sqlite.org/wal.html, "Read-Only Databases"); without a log beside it nobody has it open.
    """
    logged = ledger.with_name(f"{ledger.name}-wal").exists()
    address = f"{ledger.resolve().as_uri()}?{'mode=ro' if logged else 'immutable=1'}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=30)) as database:
            yield database
    except sqlite3.Error as error:
        raise RunDirectoryError(f"{ledger}: {error}. Is it a run's ledger?") from error
