"""PandaLM's prompt, its training target and the strict reader of its replies, shared by the judge and the format.

Source of every literal but `FORM`: `build_pandalm_prompt` in `pandalm/utils/pandalm_inference.py` of
github.com/WeOpenML/PandaLM at 3871806, character for character, with the special tokens that it removes from responses.
A task with an input is one text, the instruction and the input under `### Input:` as Alpaca's prompt has them, so that
both come apart again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .errors import Unreadable
from .rows import Winner

RESULTS: Mapping[str, Winner] = {"1": "first", "2": "second", "Tie": "tie"}
"""First line of a target."""
SCORES: Mapping[Winner, tuple[float, float]] = {"first": (1.0, 0.0), "second": (0.0, 1.0), "tie": (0.5, 0.5)}
"""What a result is as scores of the two responses: PandaLM gives none of its own."""

FORM = (
    "You compare two responses to a task. Write nothing but this:\n"
    "- On the first line the result alone: 1 if response 1 is better, 2 if response 2 is better, Tie if they are "
    "equally good.\n"
    "- After an empty line, `### Reason: ` and why, calling them Response 1 and Response 2.\n"
    "- After an empty line, `### Reference: ` and a better response to the task, in your own words.\n"
    "Do not let the order of the responses, or their length alone, decide."
)
"""A system message for teachers that were not trained on this prompt, which does not say how to reply. Ours."""

_INPUT = "\n\n### Input:\n"
_WITH_INPUT = "The task is defined by the Instruction with an Input that provides further context."
_WITHOUT_INPUT = "The task is defined by the Instruction."
_PROMPT = (
    "Below are two responses for a given task. {defined} Evaluate the responses and generate a reference answer for "
    "the task.\n\n"
    "### Instruction:\n{task}\n\n"
    "### Response 1:\n{first}\n\n"
    "### Response 2:\n{second}\n\n"
    "### Evaluation:\n"
)
_MARKS = (
    "### Instruction:", "### Input:", "### Response 1:", "### Response 2:", "### Evaluation:", "### Reason:",
    "### Reference:",
)  # fmt: skip
_SPECIAL = re.compile(
    r"<unk>|<pad>|<s>|</s>|\[PAD\]|<\|endoftext\|>|\[UNK\]|\[CLS\]|\[MASK\]|<\|startofpiece\|>|<\|endofpiece\|>"
    r"|\[gMASK\]|\[sMASK\]"
)
_FILLED = re.compile(
    "".join(rf"(?P<{part[1:-1]}>.*?)" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{\w+\})", _PROMPT)),
    re.DOTALL,
)  # fmt: skip
_EVALUATION = re.compile(
    r"\s*(1|2|[Tt][Ii][Ee])[ \t\r]*\n\s*### Reason:\s*(.*?)\s*### Reference:\s*(.*?)\s*", re.DOTALL
)


def with_input(instruction: str, given: str) -> str:
    """Instruction and input as one text; an empty input leaves the instruction alone.

    Raises `ValueError` where the two could not be told apart again.
    """
    text = f"{instruction}{_INPUT}{given}" if given else instruction
    if without_input(text) != (instruction, given):
        raise ValueError("contains the heading `### Input:`")
    return text


def without_input(task: str) -> tuple[str, str]:
    """Instruction and input of a text; the input is empty where there is none."""
    instruction, mark, given = task.partition(_INPUT)
    return (instruction, given) if given else (f"{instruction}{mark}", "")


def prompt(task: str, responses: Sequence[str]) -> str:
    """The prompt about two responses, in the order shown; blanks at their ends and special tokens are removed.

    Raises `ValueError` for other than two responses.
    """
    if len(responses) != 2:
        raise ValueError(f"PandaLM compares two responses (got {len(responses)})")
    first, second = (_SPECIAL.sub("", response.strip()).strip() for response in responses)
    defined = _WITH_INPUT if without_input(task)[1] else _WITHOUT_INPUT
    return _PROMPT.format(defined=defined, task=task, first=first, second=second)


def read_prompt(text: str) -> tuple[str, str, str]:
    """The task and both responses of a prompt. Raises `Unreadable` where it has not PandaLM's bytes, or a
    heading comes twice."""
    found = None if any(text.count(mark) > 1 for mark in _MARKS) else _FILLED.fullmatch(text)
    if found is None or prompt(found["task"], (found["first"], found["second"])) != text:
        raise Unreadable("expected PandaLM's prompt, byte for byte")
    return found["task"], found["first"], found["second"]


def target(winner: Winner, reason: str, reference: str) -> str:
    """What the model is to write after the prompt."""
    result = next(result for result, named in RESULTS.items() if named == winner)
    return f"{result}\n\n### Reason: {reason}\n\n### Reference: {reference}\n"


def breaks_prompt(text: str) -> bool:
    """Whether a text contains a heading of the prompt or of the target, or a special token."""
    return any(mark in text for mark in _MARKS) or _SPECIAL.search(text) is not None


def read_evaluation(reply: str) -> tuple[Winner, str, str]:
    """Winner, reason and reference of a reply: `1`, `2` or `tie` (any case) alone on the first line, then both texts.

    PandaLM's own parser reads the first line only and counts whatever else stands there as a tie. Raises `Unreadable`
    for other lines, and where a text is missing or its heading comes twice.
    """
    found = _EVALUATION.fullmatch(reply)
    if found is None or any(mark in text for mark in _MARKS for text in found.groups()):
        raise Unreadable(
            f"expected 1, 2 or Tie on a line of its own, `### Reason:` and `### Reference:`, got {_excerpt(reply)}"
        )
    result, reason, reference = found.groups()
    if not reason or not reference:
        raise Unreadable(f"expected a reason and a reference, got an empty {'reference' if reason else 'reason'}")
    return RESULTS.get(result, "tie"), reason, reference


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
