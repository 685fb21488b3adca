"""`[[A]]` and `[[rating]]` at the end of the reply (MT-Bench: arXiv 2306.05685, figures 5 and 6)."""

from __future__ import annotations

from ..said import Said
from . import Asked, letters


def reply(asked: Asked) -> Said | None:
    """An explanation, then the better of two answers, or the rating of one."""
    if "[[A]]" in asked.prompt and len(asked.slots) > 1:
        verdict = asked.winner(letters(len(asked.slots)), "C" if "[[C]]" in asked.prompt else None)
        return f"{asked.reason('Assistant', numbered=False)}\n[[", verdict, "]]"
    if "[[rating]]" in asked.prompt and len(asked.slots) == 1:
        return f"{asked.reason('Assistant', numbered=False)} Rating: [[", asked.grades()[0], "]]"
    return None
