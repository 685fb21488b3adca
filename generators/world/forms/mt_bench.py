"""`[[A]]` and `[[rating]]` at the end of the reply (MT-Bench: arXiv 2306.05685, figures 5 and 6)."""

from __future__ import annotations

from . import Asked, letter


def reply(asked: Asked) -> str | None:
    """An explanation, then the better of two answers, or the rating of one."""
    opinion = asked.opinion
    if "[[A]]" in asked.prompt and len(asked.slots) > 1:
        tie = opinion.tied and len(asked.slots) == 2 and "[[C]]" in asked.prompt
        return f"{asked.reason('Assistant', numbered=False)}\n[[{'C' if tie else letter(opinion.best)}]]"
    if "[[rating]]" in asked.prompt and len(asked.slots) == 1:
        return f"{asked.reason('Assistant', numbered=False)} Rating: [[{opinion.grades[0]}]]"
    return None
