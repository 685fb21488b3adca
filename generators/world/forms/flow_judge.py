"""`<feedback>` and `<score>` (Flow-Judge: `flow_judge/utils/prompt_formatter.py` of flowaicom/flow-judge)."""

from __future__ import annotations

import re

from ..said import Said
from . import Asked

_LEVEL = re.compile(r"^- Score (\d+): ", re.MULTILINE)


def reply(asked: Asked) -> Said | None:
    """Feedback, then a score on the scale of the rubric that the prompt shows."""
    if "inside <score> tags" not in asked.prompt or len(asked.slots) != 1:
        return None
    rubric = asked.prompt.rpartition("<scoring_rubric>")[2].partition("</scoring_rubric>")[0]
    levels = [int(level) for level in _LEVEL.findall(rubric)]
    if not levels:
        return None
    reason, score = asked.reason("Response", numbered=True), asked.scaled(0, min(levels), max(levels))
    return f"<feedback>\n{reason}\n</feedback>\n<score>\n", score, "\n</score>"
