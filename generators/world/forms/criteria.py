"""A line for each response and criterion: `Response 1 | Relevance | reason | 4` (the judge `criteria`)."""

from __future__ import annotations

import re

from ..aspects import aspect_score
from ..prose import explanation
from ..said import Said, Score
from . import Asked

_LAYOUT = "Response NUMBER | CRITERION | REASON | SCORE"
_CRITERION = re.compile(r"^- ([^|\n]+?) \((-?\d+) to (-?\d+)\)", re.MULTILINE)


def reply(asked: Asked) -> Said | None:
    """The criteria that the prompt lists, response by response."""
    if _LAYOUT not in asked.prompt:
        return None
    listed = asked.prompt.rpartition("Evaluation Criteria:")[2]
    criteria = [(name, int(least), int(most)) for name, least, most in _CRITERION.findall(listed)]
    said: list[str | Score] = []
    for slot in asked.slots:
        for name, least, most in criteria:
            score = aspect_score(asked, name, slot, least, most)
            why = explanation(asked.chance, f"{asked.call} {name} {slot}", (score.value,), (f"Response {slot + 1}",))
            said += ["\n" if said else "", f"Response {slot + 1} | {name} | {why} | ", score]
    return tuple(said)
