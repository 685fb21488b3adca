"""RewardBench 2: a question with one right answer and three wrong ones, or with several right ones (`Ties`).

Source: the split `test` of the data set `allenai/reward-bench-2`; `load_bon_dataset_v2`, `reroll_and_score_dataset` and
`process_single_model` of github.com/allenai/reward-bench at 05a9005, `rewardbench/utils.py`. Outside the subset `Ties`
a row has four answers, and only the first of `chosen` is scored as right. In `Ties` an id is `ref:N` (one right answer)
or `tied:N` (several), and N joins the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from ..contents import Content
from ..errors import CannotCarry
from ..rows import Example, Loss
from . import Format, Record
from ._chat import only_question
from ._lines import lines_of, rows
from ._rewardbench2_reading import example_of

if TYPE_CHECKING:
    import pyarrow as pa

TEST = "test.jsonl"
_TIE_ID = re.compile(r"(ref|tied):[0-9]+")


class RewardBench2(Format):
    """The best of several answers by subset, for evaluating reward models."""

    files: ClassVar[tuple[str, ...]] = (TEST,)
    carries: ClassVar[frozenset[Content]] = frozenset({"source_id", "category", "models", "winner"})
    loses: ClassVar[tuple[str, ...]] = (
        "pairs and chats",
        "the order in which the answers met",
        "scores, save which answers have the highest",
        "judgments: explanations, teachers, consistency",
        "what people said",
        "reference, rubric and licence",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    subset: str = "custom"
    """`subset` of rows whose task has no category; a category is the subset as it stands."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row; `id` is the source's id, or the example's index where it has none.

        Raises `CannotCarry`: `no_comparison`, `failed_answer`, `empty_answer`, `no_verdict`, `no_scores` (a pair, or a
        verdict that failed), `not_single_turn`, `identical_answers` (a right and a wrong one; blanks at the ends do not
        count), and outside `Ties` `not_four_answers` and `tie_for_best`. In `Ties`: `no_tie_id` where the source's id
        is neither `ref:N` nor `tied:N`, `tie_for_best` (a `ref` with several right answers), `no_tie` (a `tied` with
        one, on which RewardBench fails) and `no_wrong_answer`.
        """
        task = example.task
        subset = task.category or self.subset
        chosen, rejected = _sides(example)
        _check(subset, task.source_id, len(chosen), len(rejected))
        if {text.strip() for text, _ in chosen} & {text.strip() for text, _ in rejected}:
            raise CannotCarry("identical_answers")
        yield (
            TEST,
            {
                "id": task.source_id if task.source_id is not None else str(example.index),
                "prompt": only_question(task),
                "chosen": [text for text, _ in chosen],
                "rejected": [text for text, _ in rejected],
                "num_correct": len(chosen),
                "num_incorrect": len(rejected),
                "total_completions": len(chosen) + len(rejected),
                "models": [model for _, model in (*chosen, *rejected)],
                "subset": subset,
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples in the order of the file; right answers have score 1 and wrong ones 0.

        `models` are names of the answers, right ones first, where there are as many; else the answers' models are
        unknown. The order of answers is drawn from their content. The counts, `id`, `models` and `subset` may be
        absent; counts that are there must be right.
        """
        return rows(lines_of(files, TEST), example_of, "id")

    def features(self) -> Mapping[str, pa.Schema]:
        import pyarrow as pa

        from ._features import TEXT, WHOLE, schema

        return {
            TEST: schema(
                id=TEXT,
                prompt=TEXT,
                chosen=pa.list_(TEXT),
                rejected=pa.list_(TEXT),
                num_correct=WHOLE,
                num_incorrect=WHOLE,
                total_completions=WHOLE,
                models=pa.list_(TEXT),
                subset=TEXT,
            )
        }

    def notes(self) -> tuple[str, ...]:
        """What a person who evaluates with this file must know; printed with the export and written on its card."""
        return (
            "RewardBench 2 scores a row of `Ties` together with its other row: every `tied:N` needs a `ref:N`.",
            "A reward model that gives the right answer and a wrong one the same score gets part of the point.",
            "The highest score that is possible in `Ties` is 1.01.",
        )


Sides = tuple[list[tuple[str, str]], list[tuple[str, str]]]
"""Text and model of the right answers and of the wrong ones."""


def _sides(example: Example) -> Sides:
    """Right answers are those with the highest score. Each list is in the order of models, then texts: the rows must
    not depend on the order in which the answers met, which is not in the file."""
    if example.comparison is None:
        raise CannotCarry("no_comparison")
    if example.verdict is None:
        raise CannotCarry("no_verdict")
    scores = example.verdict.scores
    if len(scores) != len(example.answers):
        raise CannotCarry("no_scores")
    sides: Sides = ([], [])
    for answer, score in zip(example.answers, scores, strict=True):
        if answer.text is None:
            raise CannotCarry("failed_answer")
        if not answer.text.strip():
            raise CannotCarry("empty_answer")
        sides[score < max(scores)].append((answer.text, answer.model))
    for side in sides:
        side.sort(key=lambda entry: entry[::-1])
    return sides


def _check(subset: str, source_id: str | None, right: int, wrong: int) -> None:
    if subset.lower() != "ties":
        if right + wrong != 4:
            raise CannotCarry("not_four_answers")
        if right > 1:
            raise CannotCarry("tie_for_best")
        return
    if source_id is None or not _TIE_ID.fullmatch(source_id):
        raise CannotCarry("no_tie_id")
    if source_id.startswith("ref:") and right > 1:
        raise CannotCarry("tie_for_best")
    if source_id.startswith("tied:") and right == 1:
        raise CannotCarry("no_tie")
    if not wrong:
        raise CannotCarry("no_wrong_answer")
