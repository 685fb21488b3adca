"""Prometheus' prompts in their published versions and the strict reader of replies, shared by judges and formats.

Every literal is upstream's, character for character. The versions differ in more than wording:

    training          what the Feedback-Collection and the Preference-Collection are built with: the README of
                      github.com/prometheus-eval/prometheus at 60e2c58; without a reference the rows of
                      `eval/benchmark/data/hhh_alignment_eval.json` (github.com/prometheus-eval/prometheus-eval at
                      dcfb442); for two responses the card of the Preference-Collection, which shows no reference
    evaluation        `eval/prompts.py` at dcfb442: never a reference; begins with a newline
    package-0.1.20    `prometheus_eval/prompts.py` of the release on PyPI: asks without the label `Feedback: `
    package-dcfb442   `libs/prometheus-eval/prometheus_eval/prompts.py` at dcfb442: for two responses asks to go
                      straight to commonalities and differences, and speaks of a reference even where it shows none
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from .errors import Unreadable
from .rubric import Rubric

Version = Literal["training", "evaluation", "package-0.1.20", "package-dcfb442"]

ABSOLUTE_SYSTEM = (
    "You are a fair judge assistant tasked with providing clear, objective feedback based on specific criteria, "
    "ensuring each assessment reflects the absolute standards set for performance."
)
RELATIVE_SYSTEM = (
    "You are a fair judge assistant assigned to deliver insightful feedback that compares individual performances, "
    "highlighting how each stands relative to others within the same cohort."
)
"""The same in `eval/prompts.py`, both packages and `prepare_dataset.py`, which puts them before the prompt."""

RESULT = "[RESULT]"
SECTION = "###"
"""Begins every section of a prompt; upstream's loaders split prompts at it."""
REFERENCE_SECTION = "###Reference Answer"
LEVELS = (1, 2, 3, 4, 5)

_INPUT = "An instruction (might include an Input inside it), "
_RUBRIC_GIVEN = "a score rubric representing a evaluation criteria are given.\n"
_LAST_RULE = "Please do not generate any other opening, closing, and explanations.\n"
_SHAPE = "The output format should look as follows: "
_LABEL = re.compile(r"\A(?:\s*Feedback:)*\s*")


def absolute_prompt(
    version: Version, question: str, answer: str, rubric: Rubric, reference: str | None, *, shared_first: bool = False
) -> str:
    """The prompt about one answer; a `reference` of None takes the template without one.

    `shared_first`: the rubric stands before the instruction. The rubric needs one level for each score from 1 to 5.
    Raises `ValueError` where it has others, and where there is a reference and the version has no place for it.
    """
    if tuple(level.score for level in rubric.levels) != LEVELS:
        raise ValueError(f"Prometheus needs a rubric with levels 1 to 5 (got {[lv.score for lv in rubric.levels]})")
    if reference is not None and not absolute_shows_reference(version):
        raise ValueError(f"the {version} template for one response has no place for a reference")
    label = "" if version.startswith("package") else "Feedback: "
    scored = "" if reference is None else "a reference answer that gets a score of 5, "
    parts = [
        f"###Task Description:\n{_INPUT}a response to evaluate, {scored}and {_RUBRIC_GIVEN}"
        "1. Write a detailed feedback that assess the quality of the response strictly based on the given score "
        "rubric, not evaluating in general.\n"
        "2. After writing a feedback, write a score that is an integer between 1 and 5. You should refer to the score "
        "rubric.\n"
        f'3. {_SHAPE}"{label}(write a feedback for criteria) [RESULT] (an integer number between 1 and 5)"\n'
        f"4. {_LAST_RULE}",
        f"###The instruction to evaluate:\n{question}\n",
        f"###Response to evaluate:\n{answer}\n",
        *([] if reference is None else [f"###Reference Answer (Score 5):\n{reference}\n"]),
        f"###Score Rubrics:\n{rubric_text(rubric)}\n",
        "###Feedback: ",
    ]
    return _opening(version) + "\n".join(_laid(parts, shared_first))


def relative_prompt(
    version: Version,
    question: str,
    answers: Sequence[str],
    criteria: str,
    reference: str | None,
    *,
    shared_first: bool = False,
) -> str:
    """The prompt about two answers, A and B in the order shown; of the rubric it shows the criterion alone.

    `shared_first`: the criterion stands before the instruction. Raises `ValueError` for other than two answers, and
    where there is a reference and the version has no place for it.
    """
    if len(answers) != 2:
        raise ValueError(f"Prometheus compares two responses (got {len(answers)})")
    if reference is not None and not relative_shows_reference(version):
        raise ValueError(f"the {version} template for two responses has no place for a reference")
    first, second = answers
    parts = [
        f"###Task Description:\n{_INPUT}{_relative_rules(version, reference is not None)}",
        f"###Instruction:\n{question}\n",
        f"###Response A:\n{first}\n",
        f"###Response B:\n{second}\n",
        *([] if reference is None else [f"###Reference Answer:\n{reference}\n"]),
        f"###Score Rubric:\n[{criteria}]\n",
        "###Feedback: ",
    ]
    return _opening(version) + "\n".join(_laid(parts, shared_first))


def _laid(parts: Sequence[str], shared_first: bool) -> Sequence[str]:
    """The sections, in the published order or with the rubric, the last but one, after the task's description."""
    return (parts[0], parts[-2], *parts[1:-2], parts[-1]) if shared_first else parts


def absolute_shows_reference(version: Version) -> bool:
    """Whether the version has a template with a reference for one response."""
    return version != "evaluation"


def relative_shows_reference(version: Version) -> bool:
    """Whether the version has a template with a reference for two responses."""
    return version.startswith("package")


def rubric_text(rubric: Rubric) -> str:
    """The criterion in brackets, then a line for each score."""
    levels = "".join(f"\nScore {level.score}: {level.description}" for level in rubric.levels)
    return f"[{rubric.criteria}]{levels}"


def _opening(version: Version) -> str:
    return "\n" if version == "evaluation" else ""


def _relative_rules(version: Version, with_reference: bool) -> str:
    reference = "a reference answer, " if with_reference else ""
    if version == "package-dcfb442":
        return (
            f"two responses to evaluate (denoted as Response A and Response B), {reference}and an evaluation criteria "
            "are given.\n"
            "1. Write a detailed feedback that assess the quality of the two responses strictly based on the given "
            "evaluation criteria, not evaluating in general.\n"
            "2. Make comparisons between Response A, Response B, and the Reference Answer. Instead of examining "
            "Response A and Response B separately, go straight to the point and mention about the commonalities and "
            "differences between them.\n"
            '3. After writing the feedback, indicate the better response, either "A" or "B".\n'
            f'4. {_SHAPE}"Feedback: (write a feedback for criteria) [RESULT] (Either "A" or "B")"\n'
            f"5. {_LAST_RULE}"
        )
    label = "" if version == "package-0.1.20" else "Feedback: "
    return (
        f"a response to evaluate, {reference}and {_RUBRIC_GIVEN}"
        "1. Write a detailed feedback that assess the quality of two responses strictly based on the given score "
        "rubric, not evaluating in general.\n"
        "2. After writing a feedback, choose a better response between Response A and Response B. You should refer to "
        "the score rubric.\n"
        f'3. {_SHAPE}"{label}(write a feedback for criteria) [RESULT] (A or B)"\n'
        f"4. {_LAST_RULE}"
    )


def read_score(reply: str) -> tuple[float, str]:
    """The score of a reply about one answer, 1 to 5, and its feedback. Raises `Unreadable`."""
    result, feedback = _read(reply, "12345")
    return float(result), feedback


def read_better(reply: str) -> tuple[Literal["A", "B"], str]:
    """The better of two answers, and the feedback. Raises `Unreadable`."""
    result, feedback = _read(reply, "AB")
    return "A" if result == "A" else "B", feedback


def _read(reply: str, known: str) -> tuple[str, str]:
    """What stands after the only `[RESULT]`, and the text before it without the label `Feedback:`.

    Upstream's three parsers accept more, each something else: `4/5`, `(4)`, a score with no mark at all, or the first
    of several. A reply is read here only where all of them would agree on what stands at its end.
    """
    before, *after = reply.split(RESULT)
    if len(after) != 1:
        raise Unreadable(f"expected one {RESULT}, got {len(after)}: …{_excerpt(reply[-60:])}")
    result = after[0].strip()
    if len(result) != 1 or result not in known:
        raise Unreadable(f"expected {', '.join(known[:-1])} or {known[-1]} after {RESULT}, got {_excerpt(result)}")
    feedback = without_label(before)
    if not feedback:
        raise Unreadable(f"expected feedback before {RESULT}, got none")
    return result, feedback


def without_label(feedback: str) -> str:
    """The feedback stripped, without the label `Feedback:`, with which the prompts already end."""
    return _LABEL.sub("", feedback).rstrip()


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
