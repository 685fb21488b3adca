"""Rows of JudgeLM's files for several answers."""

from __future__ import annotations

from collections.abc import Iterator

from ..chat_text import question_text
from ..rows import Example
from . import Record
from ._judgelm_choice import Choice
from ._judgelm_row import decoding_method, reference_of, short_id


def sample_row(example: Example, choice: Choice) -> Record:
    """All answers in the order shown, with the keys in the order of `judgelm_preprocess.py`: those of two answers
    first, then three for each further one."""
    shown = [example.answers[place] for place in choice.shown]
    parts = [
        {
            f"answer{number}_body": answer.text,
            f"answer{number}_model_id": answer.model,
            f"answer{number}_metadata": {"decoding_method": decoding_method(answer)},
        }
        for number, answer in enumerate(shown, start=1)
    ]
    first, second, *more = parts
    row: Record = {
        "question_id": example.index,
        "score": [None] * len(shown),
        "question_body": question_text(example.task),
    }
    for (one, text), (other, other_text) in zip(first.items(), second.items(), strict=True):
        row |= {one: text, other: other_text}
    for part in more:
        row |= part
    return row


def answer_rows(sample: Record) -> Iterator[Record]:
    """The rows of the answer files that the sample is made of."""
    for number in range(1, len(sample["score"]) + 1):
        yield {
            "question_id": sample["question_id"],
            "question_body": sample["question_body"],
            "decoding_method": sample[f"answer{number}_metadata"]["decoding_method"],
            "model": sample[f"answer{number}_model_id"],
            "text": sample[f"answer{number}_body"],
            "scores": None,
        }


def judgment_row(choice: Choice, sample: Record, with_reference: bool) -> Record:
    """The judgment made without or with the reference, or the other one where only that was made."""
    judgment = choice.of(with_reference) or choice.of(not with_reference)
    assert judgment is not None and judgment.scores is not None  # a Choice has at least one, and it was read
    scores = list(judgment.scores)
    line = " ".join(str(int(score)) if score == int(score) else repr(score) for score in scores)
    row: Record = {
        "question_id": sample["question_id"],
        "answer1_id": "",
        "answer2_id": "",
        "reviewer_id": 1,
        "text": f"{line}\n{judgment.rationale.strip()}",
        "score": scores,
    }
    purpose = "several answers, with reference" if with_reference else "several answers"
    return {"review_id": short_id(purpose, {**sample, **row}), **row}


def reference_row(example: Example) -> Record:
    """The reference, with an empty text where there is none."""
    return {"question_id": example.index, "reference": reference_of(example.task)}
