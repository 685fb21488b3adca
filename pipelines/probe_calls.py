"""How many questions about probe pairs a run asks, before it is run: kinds are drawn from the source alone.

It is taken for granted that every task has answers to compare, and that they suit the kind that is drawn for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..generators.probes.drawing import ORDERS, kinds_for
from ..schemas.probe import ProbeKind
from ..schemas.rows import Judgment, Task
from .extrapolate import Use
from .recipe import Recipe
from .rundir import RunDirectory


def kind_of(recipe: Recipe, task: Task, place: int) -> ProbeKind | None:
    """The kind of probe that a line of the source is drawn for; None where it gets none. `place`: 0-based line."""
    if recipe.probes is None or recipe.judge.protocol is None or not recipe.compare.wanted(recipe.slots()):
        return None
    return next(iter(kinds_for(recipe.probes, recipe.seed, task, place)), None)


def questions(kinds: Mapping[ProbeKind, int], anyway: float) -> float:
    """What one teacher is asked because of so many probes of each kind.

    `anyway`: of the two orders of a comparison, how many it is asked in any case; they cost a `swapped` probe nothing.
    """
    swapped = max(0.0, len(ORDERS["swapped"]) - anyway)
    return sum(count * (swapped if kind == "swapped" else len(ORDERS[kind])) for kind, count in kinds.items())


def at_most(recipe: Recipe, kind: ProbeKind | None) -> int:
    """`questions` for a task with a probe of this kind, where each comparison is asked about as often as can be."""
    if kind is None or recipe.judge.protocol is None:
        return 0
    return round(questions({kind: 1}, recipe.judge.protocol.calls(1, 1)))


def with_probes(
    uses: Mapping[tuple[str, str], Use], recipe: Recipe, kinds: Mapping[ProbeKind, int], own: RunDirectory, scale: float
) -> dict[tuple[str, str], Use]:
    """The teachers' uses, by stage and model, with the questions about so many probes of each kind.

    `uses` is reckoned from the run in `own`, which has no probes; `scale`: tasks for each one of that run.
    """
    panel, found = recipe.judge, {}
    asked = Counter(one.teacher for part in range(own.parts()) for one in own.rows(Judgment, part))
    for number, teacher in enumerate(panel.teachers):
        if panel.protocol is not None and asked[teacher.label]:
            more = questions(kinds, panel.protocol.expected(number, len(panel.teachers), 1))
            use = uses["judgments", teacher.label]
            found["judgments", teacher.label] = use.times(1 + more / (scale * asked[teacher.label]))
    return found
