"""The training row of JudgeLM's format, and the ids of rows."""

from __future__ import annotations

from ..chat_text import question_text
from ..row import digest
from ..rows import Answer, Example, Judgment, Task
from ..sampling import Sampling
from . import Record
from ._judgelm_choice import Choice
from ._judgelm_text import judgment_text

_SHORTUUID = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"  # the alphabet of the package `shortuuid`


def row_of(example: Example, choice: Choice, question_id: int) -> Record:
    """The training row; a missing judgment is replaced by the other one of the same order.

    Raises `CannotCarry` as `judgment_text`.
    """
    plain, with_reference = (text_and_score(judgment) for judgment in _both(choice))
    first, second = (example.answers[index] for index in choice.shown)
    return identified(
        {
            "question_id": question_id,
            "answer1_id": "",
            "answer2_id": "",
            "reviewer_id": 1,
            "metadata": {},
            "text": plain[0],
            "score": plain[1],
            "question_body": question_text(example.task),
            "answer1_body": first.text,
            "answer2_body": second.text,
            "answer1_model_id": first.model,
            "answer2_model_id": second.model,
            "answer1_metadata": {"decoding_method": decoding_method(first)},
            "answer2_metadata": {"decoding_method": decoding_method(second)},
            "reference": reference_of(example.task),
            "score_w_reference": with_reference[1],
            "text_w_reference": with_reference[0],
        }
    )


def _both(choice: Choice) -> tuple[Judgment, Judgment]:
    plain, with_reference = choice.plain or choice.referenced, choice.referenced or choice.plain
    assert plain is not None and with_reference is not None  # a Choice has at least one
    return plain, with_reference


def text_and_score(judgment: Judgment) -> tuple[str, list[float]]:
    """The columns `text` and `score` of a readable judgment of two answers."""
    scores = judgment.scores or ()
    return judgment_text(scores, judgment.rationale), list(scores)


def reference_of(task: Task) -> Record:
    """The published set keeps the seed's id in `model`; so does this, with the reference's model in its absence."""
    reference = task.reference
    model = task.source_id or (reference.model if reference else None) or ""
    return {"decoding_method": "None", "model": model, "text": reference.text if reference else ""}


def decoding_method(answer: Answer) -> str:
    sampling = answer.sampling
    if sampling.temperature == 0 or sampling.top_k == 1:
        return "greedy"
    return "recorded" if answer.origin == "recorded" and sampling == Sampling() else "top_p_sampling"


def identified(row: Record, purpose: str = "") -> Record:
    """The row with the `review_id` of its content and purpose in front."""
    return {"review_id": short_id(purpose, row), **{key: value for key, value in row.items() if key != "review_id"}}


def short_id(purpose: str, row: Record) -> str:
    """22 characters, as the package `shortuuid` writes 128 bits; of the row's content, so it survives a decode.

    `purpose` tells apart ids of one content in several files.
    """
    content = {key: value for key, value in row.items() if key != "review_id"}
    number = int(digest("judgelm", purpose, content, size=16), 16)
    digits = []
    for _ in range(22):
        number, digit = divmod(number, len(_SHORTUUID))
        digits.append(_SHORTUUID[digit])
    return "".join(reversed(digits))
