"""TRL's preference format with an implicit prompt: `chosen` and `rejected` as whole chats that share their beginning.

Source: TRL's data set formats as `RewardTrainer` and `DPOTrainer` of TRL 1.16 read them; `RewardTrainer` recommends
this form. Both columns are message lists: of two texts TRL would take the prompt to end at the first character that
differs, in the middle of a word. `margin` is the column of that name that `RewardTrainer` reads; trainers ignore the
others (`source_id`, `chosen_model`, `rejected_model`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..contents import Content
from ..rows import Example, Loss, Task
from . import Format, Record
from ._chat import dialogue, reply, turns
from ._lines import Line, lines_of, rows
from ._pair import pair_of
from ._preferred import Side, margin_of, model_at, preferred, sides_of, source_id_at
from ._split import held_out

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN, TEST = "train.jsonl", "test.jsonl"


class PreferenceImplicit(Format):
    """The chosen and the rejected chat, for reward models and DPO."""

    files: ClassVar[tuple[str, ...]] = (TRAIN, TEST)
    carries: ClassVar[frozenset[Content]] = frozenset(
        {"source_id", "system_prompt", "earlier_turns", "models", "winner", "margin"}
    )
    loses: ClassVar[tuple[str, ...]] = (
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

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row, in the training or the test file.

        Raises `CannotCarry`: `no_comparison`, `more_than_two_answers`, `failed_answer`, `no_verdict`, `failed_verdict`,
        `tie`, `empty_answer`, `identical_answers` (TRL takes them without a word), `no_margin` (TRL cannot train on a
        column with gaps) and `margin_contradicts_winner`.
        """
        pair = pair_of(example)
        chosen, rejected = sides_of(pair)
        task = example.task
        yield (
            TEST if held_out(example, self.test_share) else TRAIN,
            {
                "chosen": turns(task.messages) + reply(chosen.text),
                "rejected": turns(task.messages) + reply(rejected.text),
                "margin": margin_of(pair),
                "source_id": task.source_id,
                "chosen_model": chosen.model,
                "rejected_model": rejected.model,
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the training file, then of the test file; `index` counts on from one to the other.

        The answer is the last message; all before it must be the same in both chats. Which answer came first is drawn
        from the answers' content. Columns other than `chosen` and `rejected` may be absent, and a `prompt` beside whole
        chats, as some published sets have it, is not read.
        """
        return rows((line for name in self.files for line in lines_of(files, name)), _example)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import MESSAGES, NUMBER, TEXT, schema

        columns = schema(
            chosen=MESSAGES,
            rejected=MESSAGES,
            margin=NUMBER,
            source_id=TEXT,
            chosen_model=TEXT,
            rejected_model=TEXT,
        )
        return dict.fromkeys(self.files, columns)

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "DPOTrainer takes the messages that both chats begin with as the prompt.",
            "`margin` is the difference of the judge's scores; RewardTrainer uses it, DPOTrainer does not. Remove the "
            "column to train without it.",
            "RewardTrainer drops rows longer than its max_length, DPOTrainer only those whose prompt alone fills it.",
        )


def _example(line: Line, index: int) -> Example:
    asked, chosen = dialogue(line, "chosen")
    asked_too, rejected = dialogue(line, "rejected")
    if asked != asked_too:
        raise line.wrong("rejected", "its messages before the last are not those of chosen")
    task = Task(source_id=source_id_at(line), messages=asked, source=line.file, line=line.number)
    return preferred(
        index,
        task,
        Side(chosen, model_at(line, "chosen_model")),
        Side(rejected, model_at(line, "rejected_model")),
        line.number_at("margin") if line.has("margin") else None,
    )
