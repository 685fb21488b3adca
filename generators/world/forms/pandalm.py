"""Result, reason and reference (PandaLM: `build_pandalm_prompt` of WeOpenML/PandaLM)."""

from __future__ import annotations

from . import Asked


def reply(asked: Asked) -> str | None:
    """`1`, `2` or `Tie`, why, and a sentence in place of the reference response."""
    if not asked.prompt.endswith("### Evaluation:\n") or len(asked.slots) != 2:
        return None
    result = "Tie" if asked.opinion.tied else asked.opinion.best + 1
    reason = asked.reason("Response", numbered=True)
    return f"{result}\n\n### Reason: {reason}\n\n### Reference: [simulated] A response that has the merits of both.\n"
