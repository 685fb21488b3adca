"""A block of rating and rationale for each text (UltraFeedback: arXiv 2310.01377, appendix)."""

from __future__ import annotations

import re

from ..aspects import aspect_score
from ..prose import explanation
from . import Asked

_HEADING = re.compile(r"^(#{4,5}) Output for Text 1$", re.MULTILINE)
_NOT_APPLICABLE = 0.03
"""How often a prompt that offers N/A gets it for all texts."""


def reply(asked: Asked) -> str | None:
    """The aspect that the prompt asks about, text by text; `Type` where it asks for types."""
    heading = _HEADING.search(asked.prompt)
    if heading is None:
        return None
    typed = "\nType: [" in asked.prompt
    (chance,) = asked.chance.uniforms(1, "not applicable", asked.call)
    applies = '(or "N/A")' not in asked.prompt or chance > _NOT_APPLICABLE
    blocks = []
    for slot in asked.slots:
        rating = aspect_score(asked, "aspect", slot, 1, 5)
        why = explanation(asked.chance, f"{asked.call} {slot}", (rating,), (f"Text {slot + 1}",))
        lines = [f"{heading[1]} Output for Text {slot + 1}"]
        if typed:
            found = "None" if rating == 5 else str(1 + asked.chance.integer(8, "type", asked.call, slot) % 3)
            lines += [f"Type: {found}", f"Rationale: {why}"]
        lines += [f"Rating: {rating if applies else 'N/A'}", f"Rationale: {why}"]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)
