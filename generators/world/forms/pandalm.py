"""Result, reason and reference (PandaLM: `build_pandalm_prompt` of WeOpenML/PandaLM)."""

from __future__ import annotations

from ..said import Said
from . import Asked


def reply(asked: Asked) -> Said | None:
    """`1`, `2` or `Tie`, why, and a sentence in place of the reference response."""
    if not asked.prompt.endswith("### Evaluation:\n") or len(asked.slots) != 2:
        return None
    reason = asked.reason("Response", numbered=True)
    merits = "[simulated] A response that has the merits of both."
    return asked.winner(("1", "2"), "Tie"), f"\n\n### Reason: {reason}\n\n### Reference: {merits}\n"
