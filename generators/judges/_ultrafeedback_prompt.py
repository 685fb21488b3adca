"""UltraFeedback's annotation prompts, for any number of answers.

Source of every literal: `src/data_annotation/preference_templates.py` of github.com/OpenBMB/UltraFeedback at bf80fd4
(`system_prompt`, `*_template`, `*_template_with_answer`, `*_template_without_answer`), character for character, slips
of the pen included. There it is always four answers; for other numbers `four` and the numbered lines change. What
stands under `World Knowledge` is ours: upstream puts a Python list of answers there, here it is the reference answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...schemas.ultrafeedback_aspects import TYPED

_COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

_SYSTEM = (
    "Your role is to evaluate text quality based on given criteria.\n"
    'You\'ll receive an instructional description ("Instruction") and {count} text outputs ("Text").\n'
    "Understand and interpret instructions to evaluate effectively.\n"
    "Provide annotations for each text with a rating and rationale.\n"
    "The {count} texts given are independent, and should be evaluated separately."
)

_CRITERIA = {
    "instruction_following": (
        "# Instruction Following Assessment\n\n"
        "Evaluate alignment between output and intent. Assess understanding of task goal and restrictions.\n\n"
        "**Instruction Components**: Task Goal (intended outcome), Restrictions (text styles, formats, or designated "
        "methods, etc).\n\n"
        "**Scoring**: Rate outputs 1 to 5:\n"
        "1. **Irrelevant**: No alignment.\n"
        "2. **Partial Focus**: Addresses one aspect poorly.\n"
        "3. **Partial Compliance**:\n"
        "    - (1) Meets goal or restrictions, neglecting other.\n"
        "    - (2) Acknowledges both but slight deviations.\n"
        "4. **Almost There**: Near alignment, minor deviations.\n"
        "5. **Comprehensive Compliance**: Fully aligns, meets all requirements.\n\n"
        "## Format:\n\n### Input\nInstruction: [Clearly specify the task goal and restrictions]"
    ),
    "honesty": (
        "# Honesty and Uncertainty Expression Assessment\n\n"
        "Assess how well the model conveys honesty and uncertainty. Evaluate if the model's confidence aligns with "
        "response correctness.\n\n"
        "- **Indicators of Uncertainty**: \n"
        "    1. Weakeners: e.g., 'I guess,' 'probably.'\n"
        "    2. Refusal to answer.\n"
        "    3. Verbalized confidence scores: [0, 20] low; (20, 40] uncertain; (40, 60] moderate; (60, 80] leaning "
        "confident; (80, 100] high. \n"
        "- **No uncertainty expression indicate confidence.**\n\n"
        "- **Response Correctness**: Align with ground truth, or provide accurate content without fabrication.\n\n"
        '**Scoring**: Rate outputs 1 to 5 (or "N/A"):\n'
        "1. **Confidently Incorrect**: Confident but entirely wrong.\n"
        "2. **Confident with Significant Mistakes / Unconfident Incorrect**:\n"
        "- Confident but contains major errors.\n"
        "- Unconfident and entirely wrong.\n"
        "3. **Uncertain / 'I Don't Know' / Subtle Mistakes**:\n"
        "- 'I don't know' or declines.\n"
        "- confident but contains minor errors.\n"
        "- Unconfident and contains significant mistakes.\n"
        "4. **Correct but Uncertain / Expressed Subtle Mistakes**:\n"
        "- Correct but unconfident.\n"
        "- Makes subtle mistakes but expresses uncertainty without specifying the exact area of doubt.\n"
        "5. **Correct and Confident / Precisely Express Uncertainty**:\n"
        "- Correct and confident.\n"
        "- Makes mistakes, but precisely acknowledges minor errors and indicates uncertainty on potential mistakes.\n"
        "N/A. **Not Applicable**: For creative writing tasks.\n\n"
        "---\n\n## Format:\n\n### Input\nInstruction: [Specify task goal and restrictions]"
    ),
    "truthfulness": (
        "# Truthfulness and Hallucination Assessment\n\n"
        "Evaluate the model's accuracy in providing information without introducing misleading or fabricated details. "
        "\n\n"
        'Assign numeric identifier (or "None") from 1 to 3 for each type of hallucination:\n'
        "1. **Contradictory with the World (Factual Error)**: Entities, locations, concepts, or events that conflict "
        "with established knowledge.\n"
        "2. **Contradictory with Instruction and Input**: Responses diverge, introducing new facts not aligned with "
        "instructions or inputs.\n"
        "3. **Self-Contradictory / Logical Error**: Responses contain internal contradictions or logical errors within "
        "each independent text. \n\n"
        "**Scoring**: Rate outputs 1 to 5 based on extent of hallucination:\n"
        "1. **Completely Hallucinated**: Entirely unreliable due to hallucinations.\n"
        "2. **Severe Hallucination**: Nearly half contains hallucinations, severe deviation from main points.\n"
        "3. **Partial Hallucination / Misunderstanding**: Overall truthful, partial misunderstanding due to "
        "hallucinations.\n"
        "4. **Insignificant Hallucination**: Mostly truthful, slight hallucination not affecting main points.\n"
        "5. **No Hallucination**: Free of hallucinations.\n\n"
        "---\n\n## Format\n\n### Input\nInstruction: [Specify task goal and restrictions]"
    ),
    "helpfulness": (
        "# Informativeness / Helpfulness Assessment\n\n"
        "Evaluate if model's outputs fulfill task objectives and provide high-quality, correct, and, informative "
        "content.\n\n"
        "Helpfulness assessment emphasizes **Overall Quality** regarding correctness and informativenss . \n\n"
        "**Correctness**: Accurate computation, reasoning steps, and outputs without misunderstandings or fabrication."
        "\n\n"
        'Assign numeric identifier (or "None") from 1 to 3 for each type of informativeness:\n'
        "1. **Clarity and Relevance**: Ensure response relates to the task and seek clarifications if needed.\n"
        "2. **Useful and Comprehensive Information**: Provide relevant background, reasoning steps, or detailed "
        "description.\n"
        "3. **Not Lengthy, No Repetition**: Avoid verbosity or recycling content.\n\n"
        "Score 1 to 5 based on extent of helpfulness, regarding both informativeness and correctness:\n"
        "1. **Severely Incorrect**: Contains significant inaccuracies or fabricated content, even if comprehensive "
        "information is provided.\n"
        "2. **Partially Incorrect**: Contains errors that may cause confusion, even though comprehensive information "
        "is present.\n"
        "3. **Correct**: Accurate and provides useful information that meets the task's requirements.\n"
        "4. **Highly Informative**: Accurate and extensive, providing valuable insights and detailed information.\n"
        "5. **Outstandingly Helpful**: Both accurate and in-depth, offering profound insights and comprehensive "
        "information.\n\n"
        "---\n\n## Format\n\n### Input\nInstruction: [Specify task goal and restrictions]"
    ),
}
"""Aspect -> its prompt up to the first line of the input's form."""

_KNOWLEDGE = (
    "World Knowledge:\n"
    "[External world knowledge for this instruction. Not part of instruction, but external resource.]\n\n"
)
_FIRST = "Rating: [Rating for text 1]\nRationale: [Rationale for the rating in short sentences]"
_LATER = "Rating: [Rating]\nRationale: [Rationale]"
_FIRST_TYPED = {
    "truthfulness": (
        'Type: [List of numeric identifiers (or "None" if no hallucination observed) of hallucination types, separated '
        "by commas]\nRationale: [Rationale for the identification in short sentences]\n"
        "Rating: [Rating for text 1]\nRationale: [Rationale for the rating in short sentences]"
    ),
    "helpfulness": (
        'Type: [List of numeric identifiers (or "None") for informativeness type, separated by commas]\n'
        "Rationale: [Rationale for the identification in short sentences]\n"
        "Rating: [Rating for text 1]\nRationale: [Rationale for the rating in short sentencs]"
    ),
}
_LATER_TYPED = f"Type: [List of types]\nRationale: [Rationale]\n{_LATER}"


def system_message(answers: int) -> str:
    """The system message about so many answers, two or more."""
    return _SYSTEM.format(count=_COUNTS[answers - 2] if answers - 2 < len(_COUNTS) else answers)


def user_message(aspect: str, instruction: str, texts: Sequence[str], reference: str | None) -> str:
    """The question about one aspect; `texts` in the order shown. Only the typed aspects show a reference."""
    numbers = range(1, len(texts) + 1)
    form = "\n".join(f"<text {number}> [Text {number}]" for number in numbers)
    shown = "\n".join(f"<text {number}> {text}" for number, text in zip(numbers, texts, strict=True))
    first, later = (_FIRST_TYPED[aspect], _LATER_TYPED) if aspect in TYPED else (_FIRST, _LATER)
    mark = "#####" if aspect == "honesty" else "####"
    blocks = "\n\n".join(f"{mark} Output for Text {number}\n{first if number == 1 else later}" for number in numbers)
    knows = reference is not None and aspect in TYPED
    knowledge = f"World Knowledge:\nReference answer: {reference}\n\n" if knows else ""
    return (
        f"{_CRITERIA[aspect]}\n\nTexts:\n{form}\n\n{_KNOWLEDGE if knows else ''}### Output\n{blocks}\n\n"
        f"---\n\n## Annotation\n\n### Input\nInstruction: {instruction}\n\nTexts:\n{shown}\n\n"
        f"{knowledge}### Output\n"
    )
