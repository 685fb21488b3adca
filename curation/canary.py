"""The canary: whether what a teacher says of probe pairs is so far out that nothing it says is worth paying for.

It is asked after each probe, so a limit counts as broken only where the lower end of Wilson's 99.9 % interval lies
above it: of teachers exactly at a limit of 0.3, 2 % stop a run within 5,000 probes; of those at 0.2, fewer than 0.1 %
(4,000 simulated runs).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..schemas.labels import winner_at
from ..schemas.probe import Probe
from ..schemas.row import UNREAD
from ..schemas.rows import Judgment
from .agreement.share import wilson

Band = Literal["unreadable", "fooled", "one_sided"]
"""Probe judgments that cannot be read; refusals preferred to an answer; pairs whose winner, in both orders, is the
answer that stands first, or the one that stands last."""
LEVEL = 0.999


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that a teacher has broken."""

    teacher: str
    band: Band
    seen: int
    of: int
    allowed: float
    """Greatest share."""
    task_id: str
    """Of the latest probe that showed it."""
    example: str
    """The latest of what was seen, in one line."""


@dataclass
class _Count:
    seen: int = 0
    of: int = 0


@dataclass
class Canary:
    """Hears one probe after the other; whoever asks decides on their order."""

    bands: Mapping[Band, float]
    """Greatest share of each."""
    _counts: defaultdict[tuple[str, Band, str], _Count] = field(default_factory=lambda: defaultdict(_Count))

    def hear(self, probe: Probe) -> Breach | None:
        """Count a probe; the first limit that is broken now."""
        broken = None
        for teacher, band, which, seen, example in _signs(probe):
            count = self._counts[teacher, band, which]
            count.seen, count.of = count.seen + seen, count.of + 1
            if seen and broken is None and wilson(count.seen / count.of, count.of, LEVEL)[0] > self.bands[band]:
                allowed = self.bands[band]
                broken = Breach(teacher, band, count.seen, count.of, allowed, probe.task_id, example)
        return broken


def _signs(probe: Probe) -> Iterator[tuple[str, Band, str, bool, str]]:
    """Teacher, band, which of the counts of a band that has two, whether this is a case of it, and how it looks."""
    read: dict[str, list[Judgment]] = {}
    for one in probe.judgments:
        failure = one.failure
        if failure is None:
            read.setdefault(one.teacher, []).append(one)
        # That no reply came says nothing of the teacher, and the endpoint is watched elsewhere.
        if failure is None or failure.kind in UNREAD:
            yield one.teacher, "unreadable", "", failure is not None, failure.message if failure else ""
    for teacher, judgments in read.items():
        if probe.kind == "refusal" and probe.altered is not None:
            for one in judgments:
                preferred = _margin(one) * (1 if probe.altered == one.shown[0] else -1) > 0
                yield teacher, "fooled", "", preferred, f"scores {one.by_answer}, the refusal's at {probe.altered}"
        elif probe.kind == "swapped" and len({one.shown for one in judgments}) == 2:
            winners = {winner_at(_margin(one)) for one in judgments}
            for side in ("first", "second"):
                said = f"the {side} of two answers wins, whichever it is"
                yield teacher, "one_sided", side, winners == {side}, said


def _margin(judgment: Judgment) -> float:
    """Score of the answer shown first over that of the one shown last."""
    assert judgment.scores is not None
    return judgment.scores[0] - judgment.scores[1]
