"""A block of rating and rationale for each text (UltraFeedback: arXiv 2310.01377, appendix)."""

from __future__ import annotations

import re

from ..aspects import aspect_score
from ..prose import explanation
from ..said import Said, Score
from . import Asked

_HEADING = re.compile(r"^(#{4,5}) Output for Text 1$", re.MULTILINE)
_NOT_APPLICABLE = 0.03
"""How often a prompt that offers N/A gets it for all texts."""


def reply(asked: Asked) -> Said | None:
    """The aspect that the prompt asks about, text by text; `Type` where it asks for types."""
    heading = _HEADING.search(asked.prompt)
    if heading is None:
        return None
    typed = "\nType: [" in asked.prompt
    (chance,) = asked.chance.uniforms(1, "not applicable", asked.call)
    applies = '(or "N/A")' not in asked.prompt or chance > _NOT_APPLICABLE
    said: list[str | Score] = []
    for slot in asked.slots:
        rating = aspect_score(asked, "aspect", slot, 1, 5)
        why = explanation(asked.chance, f"{asked.call} {slot}", (rating.value,), (f"Text {slot + 1}",))
        said += ["\n\n" if said else "", f"{heading[1]} Output for Text {slot + 1}\n"]
        if typed:
            found = "None" if rating.value == 5 else str(1 + asked.chance.integer(8, "type", asked.call, slot) % 3)
            said.append(f"Type: {found}\nRationale: {why}\n")
        said += ["Rating: ", rating if applies else "N/A", f"\nRationale: {why}"]
    return tuple(said)
