"""Where a text inside a prompt ends: at a line that looks like part of a template, whatever the template.

Such a line begins with `[`, `#`, `<`, `{`, `=`, a rule or quotes, or is a label (`Response B:`). Bullets, numbered
items and bold words belong to the text.
"""

from __future__ import annotations

import re

BOUNDARY = re.compile(
    r"\n[ \t]*(?:\[(?!simulated\])|[#<{=]|-{3}|\"{3}|`{3}|\*\*[A-Z][^*\n]{0,60}:|[A-Z][\w '()]{0,40}:[ \t]*(?:\n|\Z)"
    r"|(?:Assistant|Response|Answer|Output|Candidate|Completion|Reference|Instruction|Question)\b[\w '()]{0,40}:)"
)
LONGEST_LABEL = 60
"""Characters of a line that may still be the label of a text."""


def end_of(prompt: str, start: int, limit: int | None = None) -> int:
    """Where the text that begins at `start` ends, at the latest at `limit` (default: the end of the prompt)."""
    limit = len(prompt) if limit is None else limit
    boundary = BOUNDARY.search(prompt, start, limit)
    return boundary.start() if boundary else limit
