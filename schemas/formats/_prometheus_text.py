"""What Prometheus' consumers would misread in a text, and the texts of a row: output and chat.

Sources: `extract_sections` of `eval/utils.py` (takes prompts apart at `###`, then by section titles) and
`eval/parser.py` of github.com/prometheus-eval/prometheus-eval at dcfb442; `prometheus_eval/parser.py` of the package
prometheus-eval 0.1.20; `create` of `evaluation/benchmark/run_absolute_scoring.py` of
github.com/prometheus-eval/prometheus at 60e2c58. The three parsers read the same feedback differently: the first takes
the first `Score 3` or `[Response A]` wherever it stands, the second a line `Result: A`, the third wants the only
`[RESULT]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import CannotCarry
from ..prometheus_prompt import RESULT, SECTION, without_label
from . import Record

_BYTES_PER_TOKEN = 4
_TITLES = (
    "Task Description:",
    "The instruction to evaluate:",
    "Response to evaluate:",
    "Score Rubrics:",
    "Reference Answer (Score 5):",
)
_FEEDBACK_TITLE = "Feedback:"  # looked for before the title of the reference, after those of all other sections

_RESULT = re.compile(
    r"\[\s*(?:result|score)|\[response\s+[ab]\b|^\s*result:?\s*[ab]\]?\s*$", re.IGNORECASE | re.MULTILINE
)
_SCORE = re.compile(r"(?:score:?|scoreof|result:)\s*[(\[]?\s*\d", re.IGNORECASE)


def refuse_sections(*texts: str) -> None:
    """Raises `CannotCarry` with `section_mark_in_text` where a text holds the mark that begins a section."""
    if any(SECTION in text for text in texts):
        raise CannotCarry("section_mark_in_text")


def refuse_titles(texts: Iterable[str], reference: str) -> None:
    """Raises `CannotCarry` with `section_title_in_text` where a text would be taken for another section."""
    if _FEEDBACK_TITLE in reference or any(title in text for text in (*texts, reference) for title in _TITLES):
        raise CannotCarry("section_title_in_text")


def refuse_long(*texts: str, most: int) -> None:
    """Raises `CannotCarry` with `too_long` above `most` tokens, estimated as UTF-8 bytes divided by 4."""
    if sum(len(text.encode()) for text in texts) > most * _BYTES_PER_TOKEN:
        raise CannotCarry("too_long")


def output_text(feedback: str, result: str) -> str:
    """`FEEDBACK [RESULT] RESULT`, with nothing before the mark that a parser could take for the result.

    `result` is `1` to `5`, `A` or `B`. Raises `CannotCarry`: `no_feedback`, `section_mark_in_text`,
    `result_in_feedback` and, of a score, `score_in_feedback` (`Score 3`, `Score: 3`; `a score of 3` is none).
    """
    text = without_label(feedback)
    if not text:
        raise CannotCarry("no_feedback")
    refuse_sections(text)
    if _RESULT.search(text):
        raise CannotCarry("result_in_feedback")
    if result.isdigit() and _SCORE.search(text):
        raise CannotCarry("score_in_feedback")
    return f"{text} {RESULT} {result}"


def chat_row(system: str, prompt: str, output: str) -> Record:
    """A row in the chat form of Prometheus 2, which has no system role."""
    return {
        "messages": [{"role": "user", "content": f"{system}\n\n{prompt}"}, {"role": "assistant", "content": output}]
    }
