"""TRL's explicit preference format, conversational: `prompt`, `chosen` and `rejected` as lists of messages.

Source: TRL's data set formats as `DPOTrainer` and `RewardTrainer` of TRL 1.16 read them. All three columns are message
lists, since the trainers cannot join text with messages. `margin` is the column of that name that `RewardTrainer`
reads; trainers ignore the others (`id`, `chosen_model`, `rejected_model`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..contents import Content
from ..rows import Example, Loss, Task
from . import Format, Record
from ._chat import prompt, reply, reply_at, turns
from ._lines import Line, lines_of, rows
from ._pair import pair_of
from ._preferred import Side, margin_of, model_at, preferred, sides_of, verdict_of
from ._split import held_out

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN, TEST = "train.jsonl", "test.jsonl"


class Preference(Format):
    """Prompt, chosen and rejected answer, for reward models and DPO."""

    files: ClassVar[tuple[str, ...]] = (TRAIN, TEST)
    carries: ClassVar[frozenset[Content]] = frozenset({"system_prompt", "earlier_turns", "models", "winner", "margin"})
    loses: ClassVar[tuple[str, ...]] = (
        "ties",
        "the order in which the answers met",
        "judgments: scores, explanations, teachers, consistency (the margin stays)",
        "what people said",
        "reference, rubric, category, licence and the source's own id",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    test_share: float = Field(0.05, ge=0, le=1)
    """Expected share of tasks, 0 to 1, that go to `test.jsonl`; chosen by a hash of the question's text."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row, in the training or the test file.

        Raises `CannotCarry`: `no_comparison`, `more_than_two_answers`, `failed_answer`, `no_verdict`, `failed_verdict`,
        `tie`, `empty_answer`, `identical_answers` (blanks at the ends do not count), `no_margin` (TRL cannot train on a
        column with gaps) and `margin_contradicts_winner`.
        """
        pair = pair_of(example)
        chosen, rejected = sides_of(pair)
        yield (
            TEST if held_out(example, self.test_share) else TRAIN,
            {
                "prompt": turns(example.task.messages),
                "chosen": reply(chosen.text),
                "rejected": reply(rejected.text),
                "margin": margin_of(pair),
                "id": verdict_of(pair).id,
                "chosen_model": chosen.model,
                "rejected_model": rejected.model,
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the training file, then of the test file; `index` counts on from one to the other.

        Which answer came first is not in the file; it is drawn from the answers' content, so that the winner is not
        always the first. Columns other than `prompt`, `chosen` and `rejected` may be absent.
        """
        return rows((line for name in self.files for line in lines_of(files, name)), _example)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import MESSAGES, NUMBER, TEXT, schema

        columns = schema(
            prompt=MESSAGES,
            chosen=MESSAGES,
            rejected=MESSAGES,
            margin=NUMBER,
            id=TEXT,
            chosen_model=TEXT,
            rejected_model=TEXT,
        )
        return dict.fromkeys(self.files, columns)

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "`margin` is the difference of the judge's scores; RewardTrainer uses it, DPOTrainer does not. Remove the "
            "column to train without it.",
            "RewardTrainer drops rows longer than its max_length, DPOTrainer only those whose prompt alone fills it.",
            "`rewardbench --load_json` looks for the question in `chosen` and loses it here, without a word: export "
            "`rewardbench` or `preference_implicit` for it.",
        )


def _example(line: Line, index: int) -> Example:
    task = Task(messages=prompt(line), source=line.file, line=line.number)
    chosen, rejected = (
        Side(reply_at(line, column), model_at(line, f"{column}_model")) for column in ("chosen", "rejected")
    )
    return preferred(index, task, chosen, rejected, line.number_at("margin") if line.has("margin") else None)
