"""TRL's explicit preference format, conversational: `prompt`, `chosen` and `rejected` as lists of messages.

Source: TRL's data set formats as `DPOTrainer` and `RewardTrainer` of TRL 1.16 read them. All three columns are message
lists, since the trainers cannot join text with messages. `margin` is the column of that name that `RewardTrainer`
reads; trainers ignore the others (`id`, `chosen_model`, `rejected_model`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from ..errors import CannotCarry
from ..rows import Answer, Comparison, Example, Message, Task, Verdict
from . import Format, Record
from ._lines import Line, lines_of
from ._split import held_out

TRAIN, TEST = "train.jsonl", "test.jsonl"


class Preference(Format):
    """Prompt, chosen and rejected answer, for reward models and DPO."""

    files: ClassVar[tuple[str, ...]] = (TRAIN, TEST)
    loses: ClassVar[tuple[str, ...]] = (
        "ties",
        "the order in which the answers met",
        "judgments: scores, explanations, teachers, consistency (the margin stays)",
        "reference, rubric, category, licence and the source's own id",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    test_share: float = Field(0.05, ge=0, le=1)
    """Expected share of tasks, 0 to 1, that go to `test.jsonl`; chosen by a hash of the question's text."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row, in the training or the test file.

        Raises `CannotCarry`: `more_than_two_answers`, `failed_verdict`, `tie`, `failed_answer`, `empty_answer`,
        `identical_answers` (blanks at the ends do not count), `no_margin` (TRL cannot train on a column with gaps) and
        `margin_contradicts_winner`.
        """
        chosen, rejected = _chosen_and_rejected(example)
        yield (
            TEST if held_out(example.task, self.test_share) else TRAIN,
            {
                "prompt": [message.model_dump() for message in example.task.messages],
                "chosen": [{"role": "assistant", "content": chosen.text}],
                "rejected": [{"role": "assistant", "content": rejected.text}],
                "margin": _margin(example.verdict),
                "id": example.verdict.id,
                "chosen_model": chosen.model,
                "rejected_model": rejected.model,
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example]:
        """Examples of the training file, then of the test file; `index` counts on from one to the other.

        Which answer came first is not in the file; it is drawn from the answers' content, so that the winner is not
        always the first. Columns other than `prompt`, `chosen` and `rejected` may be absent.
        """
        rows = (line for name in self.files for line in lines_of(files, name))
        for index, line in enumerate(rows):
            yield _example(line, index)

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "`margin` is the difference of the judge's scores; RewardTrainer uses it, DPOTrainer does not. Remove the "
            "column to train without it.",
            "RewardTrainer drops rows longer than its max_length, DPOTrainer only those whose prompt alone fills it.",
        )


def _chosen_and_rejected(example: Example) -> tuple[Answer, Answer]:
    if len(example.answers) != 2:
        raise CannotCarry("more_than_two_answers")
    winner, (first, second) = example.verdict.winner, example.answers
    if winner is None:
        raise CannotCarry("failed_verdict")
    if winner == "tie":
        raise CannotCarry("tie")
    if first.text is None or second.text is None:
        raise CannotCarry("failed_answer")
    if not first.text.strip() or not second.text.strip():
        raise CannotCarry("empty_answer")
    if first.text.strip() == second.text.strip():
        raise CannotCarry("identical_answers")
    return (first, second) if winner == "first" else (second, first)


def _margin(verdict: Verdict) -> float:
    if verdict.margin is None:
        raise CannotCarry("no_margin")
    if (verdict.margin > 0) != (verdict.winner == "first") and verdict.margin != 0:
        raise CannotCarry("margin_contradicts_winner")
    return abs(verdict.margin)


def _example(line: Line, index: int) -> Example:
    task = Task(messages=_prompt(line), source=line.file, line=line.number)
    chosen, rejected = (_answer(line, task, column) for column in ("chosen", "rejected"))
    answers = tuple(sorted((chosen, rejected), key=lambda answer: answer.id))
    comparison = Comparison(
        task_id=task.id,
        answer_ids=tuple(answer.id for answer in answers),
        models=tuple(answer.model for answer in answers),
    )
    margin = line.number_at("margin") if line.has("margin") else None
    won_first = answers[0] is chosen
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="unknown",
        judgment_ids=(),
        winner="first" if won_first else "second",
        margin=margin if margin is None or won_first else -margin,
    )
    return Example(index=index, task=task, answers=answers, comparison=comparison, judgments=(), verdict=verdict)


def _prompt(line: Line) -> tuple[Message, ...]:
    messages = tuple(_message(turn) for turn in line.each("prompt"))
    if not messages or messages[-1].role != "user":
        raise line.wrong("prompt", "the last message must be the user's")
    return messages


def _message(turn: Line) -> Message:
    content = turn.text("content")
    match turn.text("role"):
        case "system" | "user" | "assistant" as role:
            return Message(role=role, content=content)
        case other:
            raise turn.wrong("role", f"no such role (got {other!r}). Known: assistant, system, user.")


def _answer(line: Line, task: Task, column: str) -> Answer:
    turns = tuple(_message(turn) for turn in line.each(column))
    if len(turns) != 1 or turns[0].role != "assistant":
        raise line.wrong(column, "expected one message of the assistant")
    key = f"{column}_model"
    model = line.text(key) if line.has(key) else "unknown"
    return Answer(task_id=task.id, model=model, text=turns[0].content, origin="recorded")
