"""After the labels: filters that see everything that would be published, in the recipe's order.

Each one sees what the filters before it have kept. What they drop is a late loss, like that of filters on labels:
nothing of the parts is changed, so the same run with other filters publishes something else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ..curation.filters import ExampleSetFilter, Filter
from ..schemas.rows import Example, Loss
from .examples import examples
from .rundir import RunDirectory
from .waterfall import Waterfall

KEY = "filters"
"""Where a manifest keeps what filters of sets say of their choice."""
TASK, EXAMPLE = "task", "example"
"""Kinds of row in `flagged.jsonl`."""


def select(place: RunDirectory, filters: Sequence[Filter], fall: Waterfall, told: dict[str, Any]) -> None:
    """Drop what the filters of sets object to; `told` gets their figures, by filter, under `KEY`."""
    flags: list[Mapping[str, str]] = []
    choosing = [plugin for plugin in filters if isinstance(plugin, ExampleSetFilter)]
    for plugin, shown in zip(choosing, numbered(choosing), strict=True):
        name = plugin.plugin_name()
        chosen = plugin.choose(partial(examples, place))
        if chosen.told:
            told.setdefault(KEY, {})[shown] = dict(chosen.told)
        losses = [
            loss
            for example in examples(place)
            if (why := chosen.dropped.get(plugin.key(example))) is not None
            for loss in _losses(example, name, why)
        ]
        for loss in losses:
            fall[loss.stage].kept -= 1
            fall[loss.stage].lose(loss)
        if losses:
            place.write_late_losses([*place.late_losses(), *losses])
        flags += [
            {"row_id": row_id, "kind": EXAMPLE, "by": name, "detail": why} for row_id, why in chosen.flagged.items()
        ]
    place.write_flags([*_flags_of(place, TASK), *flags])


def numbered(filters: Sequence[Filter]) -> list[str]:
    """Under what their figures are kept: their names, and a number with the second and later ones of a name."""
    seen: Counter[str] = Counter()
    found = []
    for name in (plugin.plugin_name() for plugin in filters):
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def flagged_comparisons(place: RunDirectory) -> frozenset[str]:
    """Comparisons with a label at which a filter would have people look."""
    verdicts = {flag["row_id"] for flag in _flags_of(place, EXAMPLE)}
    if not verdicts:
        return frozenset()
    labels = (label for part in range(place.parts()) for label in place.labels(part))
    return frozenset(label.comparison_id for label in labels if label.id in verdicts)


def forget(place: RunDirectory, filters: Iterable[Filter], fall: Waterfall) -> None:
    """Take back what `select` has dropped, so that labels can be given anew and chosen from again.

    The counts are corrected by themselves, not by what is found on disk: a process may have been killed in between.
    """
    names = {plugin.plugin_name() for plugin in filters if isinstance(plugin, ExampleSetFilter)}
    for _, count in fall:
        for name in names:
            count.kept += count.dropped.pop(name, 0)
    if any(loss.by in names for loss in place.late_losses()):
        place.write_late_losses([loss for loss in place.late_losses() if loss.by not in names])


def _losses(example: Example, name: str, why: str) -> Iterator[Loss]:
    """Of a comparison its verdict is lost, of a graded answer its grades are."""
    if example.verdict is not None:
        rows = [("verdicts", example.verdict.id)]
    else:
        rows = [("grades", grade.id) for grade in example.grades]
    for stage, row_id in rows:
        yield Loss(
            stage=stage, status="dropped", row_id=row_id, task_id=example.task_id, by=name, reason=name, detail=why
        )


def _flags_of(place: RunDirectory, kind: str) -> list[Mapping[str, str]]:
    if not place.flagged.exists():
        return []
    # Lines of a file end with "\n" alone; `str.splitlines` would end them within a detail, too.
    with place.flagged.open(encoding="utf-8") as lines:
        flags = [json.loads(line) for line in lines]
    return [flag for flag in flags if flag["kind"] == kind]
