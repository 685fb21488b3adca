"""TRL's unpaired preference format, conversational: single answers with a label, for KTO.

Source: TRL's data set formats as `KTOTrainer` of TRL 1.16 reads them: `prompt`, `completion` (message lists) and
`label` (a boolean: with text labels its count of both kinds fails). Trainers ignore the other columns. A pair becomes
two rows that follow each other, with the same `pair_id`; a graded answer becomes one row without.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from ..contents import Content
from ..errors import CannotCarry
from ..row import digest
from ..rows import Example, Loss, Task
from . import Format, Record
from ._chat import reply, turns
from ._graded import graded
from ._pair import pair_of
from ._preferred import Side, sides_of
from ._split import held_out
from ._unpaired_reading import read_unpaired

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN, TEST = "train.jsonl", "test.jsonl"


class Unpaired(Format):
    """Single answers labelled good or bad, for KTO."""

    takes: ClassVar[Literal["comparison", "grade", "both"]] = "both"
    files: ClassVar[tuple[str, ...]] = (TRAIN, TEST)
    carries: ClassVar[frozenset[Content]] = frozenset(
        {"source_id", "system_prompt", "earlier_turns", "models", "winner"}
    )
    loses: ClassVar[tuple[str, ...]] = (
        "ties",
        "the order in which the answers met",
        "margins, and judgments: scores, explanations, teachers, consistency",
        "grades, save on which side of the threshold they are",
        "what people said",
        "reference, rubric, category and licence",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    test_share: float = Field(0.05, ge=0, le=1)
    """Expected share of tasks, 0 to 1, that go to `test.jsonl`; chosen by a hash of the question's text."""
    desirable_from: float | None = None
    """For single graded answers: the lowest score, on the rubric's scale, of an answer labelled good. Without it they
    are refused."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """Two rows for a pair, the winner's first, or one for a graded answer; in the training or the test file.

        Raises `CannotCarry`: `no_comparison` (a graded answer, without `desirable_from`), `no_grade`, and
        `more_than_two_answers`, `failed_answer`, `no_verdict`, `failed_verdict`, `tie`, `empty_answer`,
        `identical_answers` (blanks at the ends do not count).
        """
        file = TEST if held_out(example, self.test_share) else TRAIN
        if example.comparison is None and self.desirable_from is not None:
            answer, text, _, score = graded(example)
            if not text.strip():
                raise CannotCarry("empty_answer")
            yield file, _row(example.task, Side(text, answer.model), score >= self.desirable_from, None)
            return
        chosen, rejected = sides_of(pair_of(example))
        pair_id = digest("pair", example.task.messages, chosen.text, rejected.text)
        yield file, _row(example.task, chosen, True, pair_id)
        yield file, _row(example.task, rejected, False, pair_id)

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the training file, then of the test file.

        Two rows that follow each other with the same `pair_id` are a pair; in published sets, which have no such
        column, two that follow each other with the same prompt and different labels. Any other row is a graded answer
        with score 1 (good) or 0 (bad). Which answer of a pair came first is drawn from the answers' content. Columns
        other than `prompt`, `completion` and `label` may be absent.
        """
        yield from read_unpaired(files, self.files)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import MESSAGES, TEXT, YES, schema

        columns = schema(prompt=MESSAGES, completion=MESSAGES, label=YES, source_id=TEXT, model=TEXT, pair_id=TEXT)
        return dict.fromkeys(self.files, columns)

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "A pair's two rows follow each other. Shuffle before training, and keep the file: shuffled rows can no "
            "longer be joined to pairs.",
            "Pairs give as many good rows as bad ones. After filtering rows, or with graded answers, set KTOConfig's "
            "desirable_weight and undesirable_weight so that both kinds count alike.",
            "KTOTrainer compares an answer with those of other prompts in its batch: use a batch size of several rows.",
        )


def _row(task: Task, side: Side, label: bool, pair_id: str | None) -> Record:
    return {
        "prompt": turns(task.messages),
        "completion": reply(side.text),
        "label": label,
        "source_id": task.source_id,
        "model": side.model,
        "pair_id": pair_id,
    }
