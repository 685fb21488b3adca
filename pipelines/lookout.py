"""The lookout of a run: tells the canary of each line's probe, in source order, and stops the run where it says so.

In source order, because a run that was stopped and is started again must stop at the same probe, whichever reply was
fast. A line that was given up on the way keeps what follows it from being heard: the run ends as stopped then anyway.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..generators.halt import Halt
from ..generators.probes import Probes
from ..schemas.errors import OutOfBand
from ..schemas.probe import Probe

if TYPE_CHECKING:
    from ..curation.canary import Breach

_SEEN = {
    "unreadable": "{} of {} replies about probe pairs cannot be read",
    "fooled": "prefers a refusal to an answer in {} of {} probe pairs",
    "one_sided": "prefers whichever answer stands at one end in {} of {} probe pairs",
}
_LONGEST = 160
"""Characters of the example in a message."""


@dataclass
class Lookout:
    """Stops a run whose teachers are out of their band."""

    probes: Probes
    halt: Halt
    directory: Path
    """The run's, for the message."""
    grace_s: float
    """Seconds that calls in flight have once it stops the run: they are paid for."""
    _early: dict[int, Probe | None] = field(default_factory=dict)
    """Place -> probe, of lines whose earlier ones have not come."""
    _next: int = 0

    def __post_init__(self) -> None:
        from ..curation.canary import Canary  # Here, since it takes numpy along.

        probes = self.probes
        self._canary = Canary({"unreadable": probes.unreadable, "fooled": probes.fooled, "one_sided": probes.one_sided})

    def tell(self, place: int, probe: Probe | None) -> None:
        """The probe of a line of the source, 0-based; None where it has none. Each line once, in any order."""
        self._early[place] = probe
        while self._next in self._early and not self.halt.requested.is_set():
            told = self._early.pop(self._next)
            self._next += 1
            broken = self._canary.hear(told) if told is not None else None
            if broken is not None:
                self.halt.request(OutOfBand(self._said(broken)), self.grace_s)

    def _said(self, broken: Breach) -> str:
        seen = _SEEN[broken.band].format(broken.seen, broken.of)
        example = " ".join(broken.example.split())
        example = example if len(example) <= _LONGEST else f"{example[:_LONGEST]}…"
        look = shlex.join(["prefmill", "show", str(self.directory), broken.task_id])
        return (
            f"{broken.teacher}: {seen} (`probes.{broken.band}` allows {broken.allowed:.0%}); the latest: {example}."
            f" Nothing more is sent. Look at its replies with `{look}`; then change the judge or the teacher"
            f" (and the run's directory), or `probes.{broken.band}`, and run the recipe again."
        )
