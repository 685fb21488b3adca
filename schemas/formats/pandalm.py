"""PandaLM's files: the training file of its trainer, and the test file in which three people judge each pair.

Source: `Datasets` in `pandalm/core/datasets.py` (with `use_raw_data`) and `data/testset-v1.json` of
github.com/WeOpenML/PandaLM at 3871806; the README there documents further fields that neither has. Both are JSON
arrays. The published training file has the first two columns alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..chat_text import question_text
from ..contents import Content
from ..errors import CannotCarry
from ..pandalm_prompt import breaks_prompt, prompt, without_input
from ..rows import Example, Loss, Winner
from . import Format, Record
from ._lines import lines_of, rows
from ._pair import Pair, pair_of
from ._pandalm_evaluation import Evaluation, evaluation_of, supporting
from ._pandalm_reading import ANNOTATORS, LABELS, read_test, read_train

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN, TEST = "pandalm_train.json", "pandalm_test.json"
_BYTES_PER_TOKEN = 4
_LABEL_OF: Mapping[Winner, int] = {winner: label for label, winner in LABELS.items()}


class PandaLM(Format):
    """Two responses: result, reason and reference to train on, or the labels of three people to test with."""

    files: ClassVar[tuple[str, ...]] = (TRAIN, TEST)
    carries: ClassVar[frozenset[Content]] = frozenset(
        {"category", "models", "winner", "order", "rationale", "reference", "reviews"}
    )
    loses: ClassVar[tuple[str, ...]] = (
        "the source's own id (`idx` is the example's index)",
        "scores, margin, consistency, teachers and judgments but one",
        "in training rows the reviews, and the task's reference where the teacher wrote one of its own",
        "in test rows the teachers' judgments and the reference; names, comments and strengths of the people",
        "blanks at the ends of answers, in training rows",
        "the division of a chat into turns (it becomes one instruction)",
        "licence, rubric and origin of the reference",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    max_tokens: int = Field(1024, ge=1)
    """Refuse a training row (`too_long`) whose prompt and target are longer. An estimate: UTF-8 bytes divided by 4.
    PandaLM's trainer has 1024 as its default and cuts off the end, which is reason and reference or all of the target.
    """

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """A test row where exactly three people have decided, a training row of the verdict otherwise.

        Raises `CannotCarry`: what `pair_of`, `supporting` and `evaluation_of` refuse, `not_three_reviews` and
        `undecided_review` where no teacher has judged, `prompt_mark_in_text` where a text contains a heading of
        PandaLM's prompt or a special token (its code removes those from responses without a word),
        `underscore_in_model_name` (`cmp_key` joins the two names with one) and `too_long`.
        """
        pair = pair_of(example)
        if pair.verdict is None or _labels(example) is not None:
            yield TEST, self._test(example, pair)
        else:
            yield TRAIN, self._train(example, pair)

    def _test(self, example: Example, pair: Pair) -> Record:
        """The order of the answers is the comparison's."""
        if len(example.reviews) != len(ANNOTATORS):
            raise CannotCarry("not_three_reviews")
        labels = _labels(example)
        if labels is None:
            raise CannotCarry("undecided_review")
        models = pair.first.model, pair.second.model
        if any("_" in model for model in models):
            raise CannotCarry("underscore_in_model_name")
        instruction, given = without_input(question_text(example.task))
        _refuse_marks(instruction, given, *pair.texts)
        return {
            "idx": example.index,
            "motivation_app": example.task.category,
            "cmp_key": "_".join(models),
            "instruction": instruction,
            "input": given,
            "response1": pair.texts[0],
            "response2": pair.texts[1],
            **dict(zip(ANNOTATORS, labels, strict=True)),
        }

    def _train(self, example: Example, pair: Pair) -> Record:
        """The row of the first judgment that can be exported; raises the first one's refusal where none can."""
        refusals = []
        reference = example.task.reference.text if example.task.reference else None
        for judgment in supporting(example, pair):
            try:
                return self._train_row(example, evaluation_of(judgment, reference))
            except CannotCarry as refusal:
                refusals.append(refusal)
        raise refusals[0]

    def _train_row(self, example: Example, evaluation: Evaluation) -> Record:
        """The order of the answers is the one in which the teacher saw them."""
        question = question_text(example.task)
        first, second = (example.answers[index] for index in evaluation.shown)
        texts = first.text or "", second.text or ""
        _refuse_marks(*without_input(question), *texts, evaluation.reason, evaluation.reference)
        sequence = prompt(question, texts)
        if len((sequence + evaluation.target).encode()) > self.max_tokens * _BYTES_PER_TOKEN:
            raise CannotCarry("too_long")
        return {
            "input_sequence": sequence,
            "output_sequence": evaluation.target,
            "motivation_app": example.task.category,
            "model1": first.model,
            "model2": second.model,
        }

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the training file, then of the test file; the comparison's order is the row's.

        Training rows are read as written here, as published (without the last three columns), and as the README
        documents them (`inputs` and `outputs`). `motivation_app` is the task's category, `cmp_key` the models' names,
        `idx` the example's index and, as text, the task's source id; the annotators are reviews, nobody's verdict.
        Rows whose response is no text, of which the published set has six, come as losses.
        """
        yield from rows(lines_of(files, TRAIN), read_train)
        yield from rows(lines_of(files, TEST), read_test, "idx")

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import TEXT, WHOLE, schema, texts

        named = dict.fromkeys(("motivation_app", "cmp_key", "instruction", "input", "response1", "response2"), TEXT)
        return {
            TRAIN: texts("input_sequence", "output_sequence", "motivation_app", "model1", "model2"),
            TEST: schema(idx=WHOLE, **named, **dict.fromkeys(ANNOTATORS, WHOLE)),
        }

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "Train with `--use_raw_data True`. PandaLM's trainer then puts one more newline between prompt and target "
            "than its inference does; `input_sequence` ends as the published rows do.",
            "PandaLM's parser counts every first line but 1 and 2 as a tie, whatever it says: check the share of ties.",
            "The trainer reads a column called `input` if there is one; there is none here.",
            "A majority of the three annotators does not always exist: decide what a three-way split is, rather than "
            "to draw it at random as some loaders do.",
            f"Training rows are refused above {self.max_tokens} tokens, estimated as bytes / {_BYTES_PER_TOKEN}.",
        )


def _labels(example: Example) -> list[int] | None:
    """The labels of three people who have all decided; None otherwise."""
    winners = [review.winner for review in example.reviews if review.winner is not None]
    if not len(winners) == len(example.reviews) == len(ANNOTATORS):
        return None
    return [_LABEL_OF[winner] for winner in winners]


def _refuse_marks(*texts: str) -> None:
    if any(map(breaks_prompt, texts)):
        raise CannotCarry("prompt_mark_in_text")
