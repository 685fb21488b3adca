"""Whether a prompt shows a reference answer, and which text in it is the reference.

A text by a simulated model is a reference wherever its label says so. Plain text is one under a label that says
`Reference Answer`, as the prompts of JudgeLM, MT-Bench, Prometheus, UltraFeedback, Flow-Judge and the judge `criteria`
have it; a sentence of the instruction that speaks of a reference is no label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .boundary import LONGEST_LABEL, end_of

_LABEL = re.compile(
    r"^[ \t]*(?![^\n]{0,12}\bend of\b|</)(?:\[[^\]\n]{0,40}reference[ _]answer[^\]\n]{0,20}\]"
    r"|[#<=*][^\n]{0,40}reference[ _]answer[\w '()]{0,20}(?::|>|\|>|\*\*:?)|reference[ _]answer[\w '()]{0,20}:)",
    re.IGNORECASE | re.MULTILINE,
)


def shows_reference(prompt: str, beginnings: Iterable[int]) -> bool:
    """Whether there is a reference; `beginnings` are the places where texts by simulated models begin."""
    if "eference" not in prompt:
        return False
    if any(is_reference(prompt, beginning) for beginning in beginnings):
        return True
    return any(prompt[label.end() : end_of(prompt, label.end())].strip() for label in _LABEL.finditer(prompt))


def is_reference(prompt: str, beginning: int) -> bool:
    """Whether the label before a text that begins there calls it a reference."""
    label = prompt[max(0, beginning - 2 * LONGEST_LABEL) : beginning].rstrip().rpartition("\n")[2]
    return len(label) <= LONGEST_LABEL and "reference" in label.lower()
