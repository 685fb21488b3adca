"""Which lines of the source get a probe pair, of which kind, and of which answers: by hash, like comparisons.

Nothing is drawn from what a call returned or when, save that an answer which a kind cannot alter falls to the next
kind: a run that is stopped and goes on, or one over a longer source, asks the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...schemas.probe import ProbeKind
from ...schemas.row import Usage, digest
from ...schemas.rows import Answer, Comparison, Task
from . import Probes
from .copies import LONGEST, SHORTEST, SIGNATURES, padded, reformatted, refused, relabelled, truncated

Order = tuple[int, int]
FORWARD: Order = (0, 1)
BACKWARD: Order = (1, 0)
ORDERS: Mapping[ProbeKind, tuple[Order, ...]] = {
    "identical": (FORWARD,),
    "padded": (FORWARD, BACKWARD),
    "reformatted": (FORWARD, BACKWARD),
    "relabelled": (FORWARD, BACKWARD),
    "truncated": (FORWARD,),
    "refusal": (FORWARD,),
    "swapped": (FORWARD, BACKWARD),
}
"""In which orders a teacher is asked. Two answers with one text have one order; a cut answer or a refusal is worse in
any order."""
_WEIGHTS: Mapping[ProbeKind, int] = {"padded": 3}


@dataclass(frozen=True, slots=True)
class Pair:
    """A probe pair that is to be asked about."""

    kind: ProbeKind
    comparison: Comparison
    answers: tuple[Answer, Answer]
    """In the comparison's order."""
    altered: int | None


def wheel(kinds: Sequence[ProbeKind]) -> tuple[ProbeKind, ...]:
    """The kinds in turn, each as often as it weighs."""
    most = max(_WEIGHTS.get(kind, 1) for kind in kinds)
    return tuple(kind for turn in range(most) for kind in kinds if _WEIGHTS.get(kind, 1) > turn)


def kinds_for(probes: Probes, seed: int, task: Task, place: int) -> tuple[ProbeKind, ...]:
    """The kinds for a line, the one to try first in front; none where it gets no probe. `place`: 0-based line."""
    kinds = wheel(probes.kinds)
    if place < probes.first:
        start = place % len(kinds)
    elif _uniform("probe", seed, task) < probes.share:
        start = int(_uniform("probe kind", seed, task) * len(kinds))
    else:
        return ()
    return tuple(dict.fromkeys(kinds[start:] + kinds[:start]))


def draw(
    kinds: Sequence[ProbeKind], seed: int, task: Task, answers: Sequence[Answer], comparisons: Sequence[Comparison]
) -> Pair | None:
    """The task's probe of the first kind that suits the answer drawn; None where none does.

    `answers`: the usable ones; `comparisons`: those that the task has, of two answers each.
    """
    if not answers or not comparisons:
        return None
    one = min(answers, key=lambda answer: digest("probe answer", seed, task.id, answer.model, answer.sample))
    for kind in kinds:
        if kind == "swapped":
            return _swapped(seed, task, answers, comparisons)
        if kind == "identical":
            return _pair(kind, (one, one), None)
        text = _altered(kind, seed, task, one.text or "")
        if text is not None:
            copy = one.model_copy(update={"text": text, "usage": Usage()})
            side = int(_uniform("probe side", seed, task) * 2)
            return _pair(kind, (copy, one) if side == 0 else (one, copy), side)
    return None


def _swapped(seed: int, task: Task, answers: Sequence[Answer], comparisons: Sequence[Comparison]) -> Pair:
    chosen = min(comparisons, key=lambda comparison: digest("probe comparison", seed, task.id, comparison.id))
    by_id = {answer.id: answer for answer in answers}
    first, second = (by_id[name] for name in chosen.answer_ids)
    return Pair("swapped", chosen, (first, second), None)


def _altered(kind: ProbeKind, seed: int, task: Task, text: str) -> str | None:
    drawn = _uniform(f"probe {kind}", seed, task)
    if kind == "padded":
        return padded(text, SHORTEST + drawn * (LONGEST - SHORTEST))
    if kind == "relabelled":
        return relabelled(text, SIGNATURES[int(drawn * len(SIGNATURES))])
    if kind == "reformatted":
        return reformatted(text)
    return truncated(text) if kind == "truncated" else refused(text)


def _pair(kind: ProbeKind, answers: tuple[Answer, Answer], altered: int | None) -> Pair:
    first, second = answers
    comparison = Comparison(task_id=first.task_id, answer_ids=(first.id, second.id), models=(first.model, second.model))
    return Pair(kind, comparison, answers, altered)


def _uniform(what: str, seed: int, task: Task) -> float:
    """A number drawn evenly from 0 (included) to 1 (excluded)."""
    return int(digest(what, seed, task.id), 16) / 2**64
