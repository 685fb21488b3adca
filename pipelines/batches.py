"""The batches of a run: how they stand, and cancelling those that are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..generators.batches.endpoint import Progress, reach
from ..generators.batches.record import BatchRecord, Shelf, read_record
from ..generators.providers.openai import OpenAI
from ..schemas.errors import CallFailed, EndpointError
from .recipe_reading import read_recipe
from .rundir import RunDirectory


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A batch that was under way, and what the endpoint says of it now."""

    stage: str
    model: str
    batch: str
    """The endpoint's name for it; empty where it turned out that it was never made."""
    status: str
    done: int
    """Requests that have a result already."""
    requests: int


def batches_of(place: RunDirectory) -> list[dict[str, Any]]:
    """Every batch of a run, oldest first, as plain values for the manifest. Raises `RunDirectoryError`."""
    return [
        {
            "stage": stage,
            "model": record.label,
            "batch": record.batch_id,
            "state": record.state,
            "status": record.status,
            "requests": len(record.keys),
            "completed": record.completed,
            "failed": record.failed,
        }
        for stage, record in sorted(_records(place), key=lambda pair: pair[1].created_s)
    ]


def under_way(place: RunDirectory) -> int:
    """How many batches of a run have no results here yet."""
    return sum(record.on_the_way for _, record in _records(place))


def cancel(directory: Path) -> list[Cancelled]:
    """Cancel the batches that are under way. What they have done is paid for: the next run fetches it.

    Raises `UserError`: no run there, one that is at work, or an endpoint that cannot be asked.
    """
    place = RunDirectory(directory)
    recipe = read_recipe(place.recipe())
    with place.claimed(recipe, begins=False):
        asked = [("answers", model) for model in recipe.answers]
        asked += [("judgments", model) for model in recipe.judge.teachers]
        shelves = [
            (stage, model, Shelf(place.batches / stage, model.label))
            for stage, model in asked
            if isinstance(model, OpenAI)
        ]
        return [one for shelf in shelves for one in asyncio.run(_cancel(*shelf))]


async def _cancel(stage: str, provider: OpenAI, shelf: Shelf) -> list[Cancelled]:
    records = [record for record in shelf.records() if record.on_the_way and record.state != "preparing"]
    if not records:
        return []
    try:
        async with reach(provider) as endpoint:
            result = []
            for record in records:
                identifier = record.batch_id
                if identifier is None:
                    found = await endpoint.find(record)
                    identifier = found.id if found else None
                if identifier is None:
                    result.append(_seen(stage, record, Progress(id="-", status="never made")))
                    continue
                progress = await endpoint.look(identifier)
                if not progress.ended and progress.status != "cancelling":
                    progress = await endpoint.cancel(identifier)
                result.append(_seen(stage, record, progress))
            return result
    except CallFailed as failed:
        raise EndpointError(f"{provider.label}: {provider.base_url}: {failed.message}") from failed


def _seen(stage: str, record: BatchRecord, progress: Progress) -> Cancelled:
    counts = progress.counts
    done = counts.completed + counts.failed
    return Cancelled(stage, record.label, progress.id.strip("-"), progress.status, done, len(record.keys))


def _records(place: RunDirectory) -> Iterator[tuple[str, BatchRecord]]:
    """Stage and record of every batch."""
    for path in sorted(place.batches.glob("*/*.json")):
        yield path.parent.name, read_record(path)
