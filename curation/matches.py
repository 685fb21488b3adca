"""From judged examples to the matches that a ranking of models rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from ..schemas.errors import UserError
from ..schemas.rows import Example
from .nuisances import Nuisance, nuisance
from .ranking import Matches

_POINTS = {"first": 1.0, "second": 0.0, "tie": 0.5}


def matches_of(
    examples: Iterable[Example],
    *,
    nuisances: Sequence[Nuisance] = (),
    families: Mapping[str, str] | None = None,
) -> Matches:
    """One match for every pair of two different models that a verdict compares, in the order of the examples.

    A verdict on several answers gives a match for each two of them, by their scores. `families`: teacher -> its family,
    needed for `own_family`. Raises `UserError` where `own_family` lacks them, or a nuisance is asked of a verdict on
    more than two answers. One teacher's bonus for its family cannot be told from that family's strength: `own_family`
    says something only where teachers of different families judge.
    """
    if "own_family" in nuisances and not families:
        raise UserError("own_family: which family is each teacher of? Give `family` for every teacher.")
    rows, columns = [], []
    for example in examples:
        for first, second, points in _pairs(example):
            rows.append((example.answers[first].model, example.answers[second].model, points, example.task_id))
            if nuisances and len(example.answers) > 2:
                raise UserError("nuisances are defined for pairs; this run compares more than two answers at once")
            columns.append([nuisance(name, example, families or {}) for name in nuisances])
    models = tuple(sorted({name for row in rows for name in row[:2]}))
    tasks = {name: code for code, name in enumerate(dict.fromkeys(row[3] for row in rows))}
    return Matches(
        models=models,
        first=np.array([models.index(row[0]) for row in rows], dtype=np.int64),
        second=np.array([models.index(row[1]) for row in rows], dtype=np.int64),
        outcomes=np.array([row[2] for row in rows], dtype=np.float64),
        tasks=np.array([tasks[row[3]] for row in rows], dtype=np.int64),
        nuisances=tuple(nuisances),
        columns=np.array(columns, dtype=np.float64).reshape(len(rows), len(nuisances)),
    )


def _pairs(example: Example) -> Iterator[tuple[int, int, float]]:
    """Places of two answers of different models, and the points of the first."""
    verdict = example.verdict
    if verdict is None or verdict.failure is not None:
        return
    if verdict.winner is not None:
        found = [(0, 1, _POINTS[verdict.winner])]
    else:
        scores = verdict.scores
        found = [
            (first, second, 0.5 + 0.5 * float(np.sign(scores[first] - scores[second])))
            for second in range(len(scores))
            for first in range(second)
        ]
    yield from (one for one in found if example.answers[one[0]].model != example.answers[one[1]].model)
