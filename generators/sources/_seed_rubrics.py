"""Reading the seed rubrics of an author: JSON Lines with `criteria` and `levels`, every rubric on the same scale.

The file is part of the recipe, not data: one bad line is told at once, not counted.
"""

from __future__ import annotations

import json
from pathlib import Path

from ...schemas.errors import SourceError
from ...schemas.rubric import Rubric
from ..files import opened
from ._rubric import rubric_of
from ._values import Malformed


def read_seed_rubrics(path: Path, least: int) -> tuple[Rubric, ...]:
    """The rubrics in a file. Raises `SourceError` with the line of a bad one, and for fewer than `least`."""
    rubrics: list[Rubric] = []
    with opened(path) as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            rubric = _rubric(line, f"{path}:{number}")
            scores, first = _scores(rubric), _scores(rubrics[0] if rubrics else rubric)
            if len(scores) < 2:
                raise SourceError(f"{path}:{number}: levels: at least two scores must be described (got {scores}).")
            if scores != first:
                raise SourceError(f"{path}:{number}: levels: the scores are {scores}, those of the first line {first}.")
            rubrics.append(rubric)
    if len(rubrics) < least:
        raise SourceError(f"{path}: {len(rubrics)} seed rubrics, and {least} are shown for each new one.")
    return tuple(rubrics)


def _rubric(line: bytes, where: str) -> Rubric:
    try:
        record = json.loads(line.decode())
    except ValueError as error:
        raise SourceError(f"{where}: not JSON ({error}).") from error
    try:
        rubric = rubric_of(record, "rubric") if isinstance(record, dict) else None
    except Malformed as error:
        raise SourceError(f"{where}: {error}.") from error
    if rubric is None:
        raise SourceError(f"{where}: a seed rubric is a mapping {{criteria, levels}}.")
    return rubric


def _scores(rubric: Rubric) -> list[int]:
    return [level.score for level in rubric.levels]
