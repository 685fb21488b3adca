"""How Prometheus' consumers read a row: their regular expressions, and where they take a prompt apart.

Sources: `prometheus_eval/parser.py` of prometheus-eval 0.1.20; `eval/parser.py` and `extract_sections` of
`eval/utils.py` of github.com/prometheus-eval/prometheus-eval at dcfb442; `create` of
`evaluation/benchmark/run_absolute_scoring.py` of github.com/prometheus-eval/prometheus at 60e2c58. The verbose
expressions stand here without their blanks.
"""

from __future__ import annotations

import re

_PACKAGE_ABSOLUTE = re.compile(
    r"(?:\[RESULT\]|\[SCORE\]|Score:?|score:?|Result:?|\[Result\]:?|score\s+of)\s*(?:\(|\[|\s)*(\d+)"
    r"(?:(?:\)|\]|\s|$)|(?:/\s*5|\s*out\s*of\s*5))?(?:\s*$)",
    re.IGNORECASE,
)
_PACKAGE_RELATIVE = re.compile(
    r"(?:\[RESULT\]|\[RESULT:\s*|\[Response\s+|\[Result\](?:\s+Response)?|\[Result:\s*|(?:^|\n)Result:?\s*)"
    r"\s*(A|B)(?:\])?(?:\s*$)",
    re.IGNORECASE | re.MULTILINE,
)
_EVALUATION_ABSOLUTE = re.compile(
    r"(?:\[RESULT\]|Score|\[SCORE\]|\[RESULT\]:|Score:|score:|Result:|\[Result\]|scoreof)\s*(?:\(\s*|\[\s*|)\s*(\d+)",
    re.IGNORECASE,
)
_EVALUATION_RELATIVE = re.compile(
    r"\[RESULT\]\s*(A|B)|\[RESULT:\s*(A|B)\]|\[Response\s+(A|B)\]|\[Result\]\s+Response\s+(A|B)|\[Result:\s*(A|B)\]"
    r"|\[Result\]\s*(A|B)|",
    re.IGNORECASE,
)
_TITLES = {
    "The instruction to evaluate:": "orig_instruction",
    "Response to evaluate:": "orig_response",
    "Score Rubrics:": "score_rubric",
    "Feedback:": "feedback",
    "Reference Answer (Score 5):": "orig_reference_answer",
}
"""In the order in which they are looked for, after the title of the task description."""


def package_score(output: str) -> str | None:
    """Of prometheus-eval on PyPI: wants the number at the very end."""
    found = _PACKAGE_ABSOLUTE.search(output)
    return found[1] if found and 1 <= int(found[1]) <= 5 else None


def package_better(output: str) -> str | None:
    """Of prometheus-eval on PyPI: the first line that ends like a result."""
    found = _PACKAGE_RELATIVE.search(output)
    return found[1].upper() if found else None


def evaluation_score(output: str) -> str | None:
    """Of the repository's evaluation: takes the first match."""
    found = _EVALUATION_ABSOLUTE.search(output)
    return found[1] if found else None


def evaluation_better(output: str) -> str | None:
    """Of the repository's evaluation: takes the first match."""
    return next((hit for groups in _EVALUATION_RELATIVE.findall(output) for hit in groups if hit), None)


def first_client_score(output: str) -> str | None:
    """Of the client of Prometheus 1: what stands after the mark, and nothing else."""
    parts = output.split("[RESULT]")
    return parts[1].strip() if len(parts) == 2 and parts[1].strip() in set("12345") else None


def sections(prompt: str) -> dict[str, str]:
    """The parts of a prompt about one answer, as the evaluation's loader names them."""
    found = {}
    for part in prompt.split("###"):
        if "Task Description:" in part:
            found["task_description"] = part.split("Task Description:\n")[1].strip()
            continue
        title = next((title for title in _TITLES if title in part), None)
        if title is not None:
            found[_TITLES[title]] = part.split(title)[1].strip()
    return found
