"""What a judge should not be swayed by, as numbers of a judged pair: place, length, markdown, names, family.

Each is an advantage of the comparison's first answer over its second: it changes its sign when they change places.
Lengths count words. The markdown difference is normalised as in Chatbot Arena's style control (lmsys.org/blog/
2024-08-28-style-control): (first - second) / (first + second), over headers, list items and bold spans.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import log
from statistics import fmean
from typing import Literal, get_args

from ..schemas.rows import Answer, Example, Judgment

Nuisance = Literal["position", "length", "format", "own_family"]
NUISANCES: tuple[Nuisance, ...] = get_args(Nuisance)

_MAKERS = "OpenAI|Anthropic|Google|DeepMind|Meta|Mistral|DeepSeek|Qwen|Alibaba|xAI|GPT|ChatGPT|Claude|Gemini|Llama|Grok"
_SIGNATURE = re.compile(
    r"^\W*(?:(?:this |the )?(?:answer|response|reply|text)(?: was| is)? )?(?:written|generated|produced) by "
    rf"(?:{_MAKERS})\b[^\n]{{0,60}}$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that says which maker or model wrote the answer, such as the one that probes put below a copy
(`generators/probes/copies.py`)."""
_MARKDOWN = re.compile(r"^#{1,6} |^\s*(?:[-*+]|\d+[.)]) |\*\*[^*\n]+\*\*|__[^_\n]+__", re.MULTILINE)


def nuisance(name: Nuisance, example: Example, families: Mapping[str, str]) -> float:
    """One nuisance of a pair, over the judgments that its verdict rests on; `families`: teacher -> its family."""
    first, second = example.answers
    if name == "length":
        return log_length(first, second)
    if name == "format":
        return markdown(first, second)
    used = _used(example)
    if name == "position":
        return position(used)
    return fmean([own_family(first, second, families.get(one.teacher)) for one in used] or [0.0])


def position(judgments: Sequence[Judgment]) -> float:
    """1 where the first answer was always shown before the second, -1 where never, 0 for both orders alike."""
    return fmean([1.0 if one.shown.index(0) < one.shown.index(1) else -1.0 for one in judgments] or [0.0])


def log_length(first: Answer, second: Answer) -> float:
    """Natural logarithm of the ratio of their lengths in words; an empty text counts as one word."""
    return log(max(1, len((first.text or "").split())) / max(1, len((second.text or "").split())))


def markdown(first: Answer, second: Answer) -> float:
    """Difference of their markdown, normalised, -1..1; 0 where neither has any."""
    ours, theirs = (len(_MARKDOWN.findall(answer.text or "")) for answer in (first, second))
    return (ours - theirs) / (ours + theirs) if ours + theirs else 0.0


def signature(first: Answer, second: Answer) -> float:
    """1 where the first alone carries the name of a maker, -1 where the second alone does, else 0."""
    ours, theirs = (bool(_SIGNATURE.search(answer.text or "")) for answer in (first, second))
    return float(ours - theirs)


def own_family(first: Answer, second: Answer, family: str | None) -> float:
    """1 where the first alone is by a model of `family`, -1 where the second alone is, else 0."""
    return float((first.family == family) - (second.family == family)) if family is not None else 0.0


def _used(example: Example) -> Sequence[Judgment]:
    used = set(example.verdict.judgment_ids) if example.verdict else set()
    return [judgment for judgment in example.judgments if judgment.id in used]
