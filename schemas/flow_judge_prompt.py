"""Flow-Judge's prompt and the strict reader of its replies, shared by the judge and the format.

Source of every literal: `flow_judge/utils/prompt_formatter.py` of github.com/flowaicom/flow-judge at 9865fc0
(`USER_PROMPT_TEMPLATE`, `USER_PROMPT_NO_INPUTS_TEMPLATE`, `format_vars`, `format_rubric`), character for character,
`each criterion,decide` included. Names of inputs and output are those of its presets (`metrics/presets.py`). The three
scales are the model card's: pass/fail, 3-Likert and 5-Likert.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .errors import Unreadable
from .rubric import Rubric

SCALES = ((0, 1), (1, 2, 3), (1, 2, 3, 4, 5))
"""Scores of the rubrics that Flow-Judge knows."""
QUERY, REFERENCE, OUTPUT = "query", "reference_answer", "response"

Inputs = tuple[tuple[str, str], ...]
"""Name and text of each input, in the order shown."""

_GIVEN, _GIVEN_ALONE = "with the inputs and output", "the output"
_LOOK = "Look at the inputs provided for the task. Examine the output generated from completing the task."
_LOOK_ALONE = "Examine the output generated from completing the task."
_REVIEW, _REVIEW_ALONE = f"Review the inputs and output: {_LOOK}", f"Review the output: {_LOOK_ALONE}"
_INPUT_SECTION = "# INPUT\nBelow are the inputs required for performing the task:\n<inputs>\n{inputs}\n</inputs>\n\n"
_GOAL = (
    "# GOAL\n"
    "Your job is to evaluate a task carried out by an AI system powered by a large language model.\n\n"
    "You will be provided {given} of the task, as well as the evaluation criteria and scoring rubric. Your task is to "
    "evaluate the output of the AI system based on the evaluation criteria and scoring rubric provided.\n\n"
)
_OUTPUT_SECTION = "# OUTPUT\nBelow is the output of the task:\n<output>\n{output}\n</output>\n\n"
_RUBRIC_SECTION = (
    "# EVALUATION CRITERIA AND SCORING RUBRIC\n"
    "Here are the evaluation criteria and the rubric that you need to use for evaluating the task:\n"
    "<evaluation_criteria>\n{criteria}\n</evaluation_criteria>\n\n"
    "<scoring_rubric>\n{rubric}\n</scoring_rubric>\n\n"
)
_STEPS = (
    "# INSTRUCTIONS FOR THE EVALUATION\n"
    "1. Understand the task and criteria: Familiarize yourself with the task to be evaluated. Review the evaluation "
    "criteria and scoring rubric to understand the different levels of performance and the descriptions for each "
    "score.\n"
    "2. {review}\n"
    "3. Compare output to score descriptions: Compare the output against the criteria and score descriptions in the "
    "scoring rubric. For each criterion,decide which description best matches the output.\n"
    "4. After comparing the output to the score descriptions, pay attention to the small details that might impact the "
    "final score that you assign. Sometimes a small difference can dictate the final score.\n"
    "5. Write verbal feedback justifying your evaluation that includes a detailed rationale, referring to specific "
    "aspects of the output and comparing them to the rubric.\n"
    "6. Assign a final score based on the scoring rubric.\n\n"
    "## FORMAT FOR THE EVALUATION\n"
    "- Write the verbal feedback inside <feedback> tags without any additional surrounding text.\n"
    "- Write the numeric score inside <score> tags, without any additional surrounding text and always after the "
    "feedback.\n\n"
    "Please accurately evaluate the task. Strictly adhere to the evaluation criteria and rubric."
)
_SECTIONS = ("inputs", "output", "evaluation_criteria", "scoring_rubric", "feedback", "score")
_CHAT_TOKENS = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>")
"""Of Phi-3.5, which Flow-Judge is tuned from: they end a turn wherever they stand."""

_BLOCK = re.compile(r"<([^\s<>/]+)>\n(.*?)\n</\1>(?:\n|\Z)", re.DOTALL)
_REPLY = re.compile(r"\s*<feedback>\s*(.*?)\s*</feedback>\s*<score>\s*(.*?)\s*</score>\s*", re.DOTALL)
_TAG = re.compile(r"</?(?:feedback|score)>")
_DIGIT = re.compile(r"[0-5]")


def scale_of(rubric: Rubric | None) -> tuple[int, ...] | None:
    """The scores of the rubric's levels, ascending; None where they are none of `SCALES`."""
    scale = tuple(sorted(level.score for level in rubric.levels)) if rubric else ()
    return scale if scale in SCALES else None


def user_message(inputs: Inputs, output: str, rubric: Rubric, *, shared_first: bool = False) -> str:
    """The template filled in; without inputs, the template that has no place for them.

    `shared_first`: criteria, rubric and instructions stand before the inputs and the output.
    """
    section = _INPUT_SECTION.format(inputs=blocks(inputs)) if inputs else ""
    given, review = (_GIVEN, _REVIEW) if inputs else (_GIVEN_ALONE, _REVIEW_ALONE)
    levels = sorted(rubric.levels, key=lambda level: level.score)
    material = _OUTPUT_SECTION.format(output=blocks([(OUTPUT, output)]))
    asked = _RUBRIC_SECTION.format(
        criteria=rubric.criteria,
        rubric="\n".join(f"- Score {level.score}: {level.description}" for level in levels),
    )
    goal, steps = _GOAL.format(given=given), _STEPS.format(review=review)
    if shared_first:
        return f"{goal}{asked}{steps}\n\n{section}{material}".rstrip("\n")
    return f"{goal}{section}{material}{asked}{steps}"


def blocks(variables: Iterable[tuple[str, str]]) -> str:
    """Each variable between tags of its name."""
    return "\n".join(f"<{tag}>\n{text}\n</{tag}>" for tag, text in ((tag_of(name), text) for name, text in variables))


def tag_of(name: str) -> str:
    """The tag that a variable's name becomes."""
    return name.lower().replace(" ", "_")


def inputs_of(question: str, reference: str | None) -> Inputs:
    """What a question is to Flow-Judge: the input `query`, and `reference_answer` where a reference is shown.

    A question that is nothing but blocks as `blocks` writes them is those inputs; an empty one is none.
    """
    asked = _inside(question) or (((QUERY, question),) if question else ())
    return asked if reference is None else (*asked, (REFERENCE, reference))


def question_of(inputs: Inputs) -> tuple[str, str | None]:
    """The question and the reference that `inputs_of` makes these inputs of.

    Raises `ValueError` where there are none, such as for an input that contains its own end tag.
    """
    inputs = tuple((tag_of(name), text) for name, text in inputs)
    shown = inputs[-1][1] if inputs and inputs[-1][0] == REFERENCE else None
    asked = inputs if shown is None else inputs[:-1]
    for question in (*(text for _, text in asked[:1]), blocks(asked)):
        if inputs_of(question, shown) == inputs:
            return question, shown
    raise ValueError(f"inputs that their tags do not tell apart (got {', '.join(name for name, _ in inputs)})")


def _inside(question: str) -> Inputs:
    found, place = [], 0
    while (block := _BLOCK.match(question, place)) is not None:
        found.append((block[1], block[2]))
        place = block.end()
    return tuple(found) if found and blocks(found) == question else ()


def breaks_prompt(text: str, names: Iterable[str]) -> bool:
    """Whether a text contains a tag of the prompt or of the variables `names`, or a chat token of the model."""
    tags = (f"<{end}{tag_of(name)}>" for name in (*_SECTIONS, *names) for end in ("", "/"))
    return any(mark in text for mark in (*tags, *_CHAT_TOKENS))


def judgment_text(feedback: str, score: int) -> str:
    """A reply as the prompt asks for it."""
    return f"<feedback>\n{feedback.strip()}\n</feedback>\n<score>\n{score}\n</score>"


def read_judgment(reply: str) -> tuple[int, str]:
    """Score and feedback of a reply that is these two, each once and in this order, and nothing else but blanks.

    The score is one digit of 0 to 5. Flow-Judge's own parser takes the first tags of each kind, whatever stands around
    them, and turns what it cannot read into a score of -1. Raises `Unreadable` with what stood there.
    """
    found = _REPLY.fullmatch(reply)
    if found is None or _TAG.search(found[1]) or _TAG.search(found[2]):
        raise Unreadable(f"expected <feedback>…</feedback><score>…</score> and nothing else, got {_excerpt(reply)}")
    if not found[1]:
        raise Unreadable("expected feedback, got an empty <feedback>")
    if not _DIGIT.fullmatch(found[2]):
        raise Unreadable(f"expected a score that is one digit of 0 to 5, got {_excerpt(found[2])}")
    return int(found[2]), found[1]


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
