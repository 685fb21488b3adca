"""TRL's explicit preference format in its standard form: `prompt`, `chosen` and `rejected` as plain text.

Source: TRL's data set formats ("standard") as `DPOTrainer` and `RewardTrainer` of TRL 1.16 read them: no chat template
is applied, a completion follows the prompt at once and so begins with the blank that divides them (`" blue."`), and the
end token is added unless it is there. `margin` is the column of that name that `RewardTrainer` reads; trainers ignore
the others (`source_id`, `chosen_model`, `rejected_model`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..chat_text import question_text
from ..contents import Content
from ..rows import Example, Loss, Message, Task
from . import Format, Record
from ._chat import only_question
from ._lines import Line, lines_of, rows
from ._pair import pair_of
from ._preferred import Side, margin_of, model_at, preferred, sides_of, source_id_at
from ._split import held_out

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN, TEST = "train.jsonl", "test.jsonl"


class PreferenceText(Format):
    """Prompt, chosen and rejected text, for models without a chat template."""

    files: ClassVar[tuple[str, ...]] = (TRAIN, TEST)
    carries: ClassVar[frozenset[Content]] = frozenset({"source_id", "models", "winner", "margin"})
    loses: ClassVar[tuple[str, ...]] = (
        "chats, or with `flatten` their division into turns",
        "ties",
        "the order in which the answers met",
        "judgments: scores, explanations, teachers, consistency (the margin stays)",
        "what people said",
        "reference, rubric, category and licence",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    test_share: float = Field(0.05, ge=0, le=1)
    """Expected share of tasks, 0 to 1, that go to `test.jsonl`; chosen by a hash of the question's text."""
    flatten: bool = False
    """Write a chat of several messages as one prompt of labelled paragraphs (`System: …`, `User: …`, `Assistant: …`,
    divided by empty lines) instead of refusing it."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row, in the training or the test file; an answer is written with one blank before it.

        Raises `CannotCarry`: `no_comparison`, `more_than_two_answers`, `failed_answer`, `no_verdict`, `failed_verdict`,
        `tie`, `empty_answer`, `identical_answers` (blanks at the ends do not count), `no_margin` (TRL cannot train on a
        column with gaps), `margin_contradicts_winner` and, without `flatten`, `not_single_turn`.
        """
        pair = pair_of(example)
        chosen, rejected = sides_of(pair)
        task = example.task
        yield (
            TEST if held_out(example, self.test_share) else TRAIN,
            {
                "prompt": question_text(task) if self.flatten else only_question(task),
                "chosen": f" {chosen.text}",
                "rejected": f" {rejected.text}",
                "margin": margin_of(pair),
                "source_id": task.source_id,
                "chosen_model": chosen.model,
                "rejected_model": rejected.model,
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the training file, then of the test file; `index` counts on from one to the other.

        The prompt becomes one message of the user. One blank before an answer is taken off; published sets that have
        none are read, too. Which answer came first is drawn from the answers' content. Columns other than `prompt`,
        `chosen` and `rejected` may be absent.
        """
        return rows((line for name in self.files for line in lines_of(files, name)), _example)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import NUMBER, TEXT, schema

        columns = schema(
            prompt=TEXT,
            chosen=TEXT,
            rejected=TEXT,
            margin=NUMBER,
            source_id=TEXT,
            chosen_model=TEXT,
            rejected_model=TEXT,
        )
        return dict.fromkeys(self.files, columns)

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "No chat template is applied to these rows: the model sees prompt, blank, answer and end token. For chat "
            "models use `preference`.",
            "Do not mix these rows with conversational ones: TRL looks at a single column to tell which they are.",
            "`margin` is the difference of the judge's scores; RewardTrainer uses it, DPOTrainer does not. Remove the "
            "column to train without it.",
            "RewardTrainer drops rows longer than its max_length, DPOTrainer only those whose prompt alone fills it.",
        )


def _example(line: Line, index: int) -> Example:
    task = Task(
        source_id=source_id_at(line),
        messages=(Message(role="user", content=line.text("prompt")),),
        source=line.file,
        line=line.number,
    )
    chosen, rejected = (
        Side(line.text(column).removeprefix(" "), model_at(line, f"{column}_model"))
        for column in ("chosen", "rejected")
    )
    return preferred(index, task, chosen, rejected, line.number_at("margin") if line.has("margin") else None)
