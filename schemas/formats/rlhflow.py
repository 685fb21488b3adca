"""RLHFlow's standard preference format: two whole chats that differ in their last message, with scores.

Source: `pair-pm/process_pair_data.py` of github.com/RLHFlow/RLHF-Reward-Modeling at fc39179, whose filter keeps rows
with chats of equal, even length that alternate between user and assistant, share all but the last message and have no
empty message; every other row is dropped without a word. `chosen_score` and `rejected_score` are columns of the
published sets (`RLHFlow/*-standard`); null where no scores are known. Its pair model's prompt encloses the texts in
`[CONTEXT]`, `[RESPONSE A]`, `[RESPONSE B]` and `<turn>` marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..contents import Content
from ..errors import CannotCarry
from ..rows import Example, Loss, Task
from . import Format, Record
from ._chat import dialogue, reply, turns
from ._conversations import alternating
from ._lines import Line, lines_of, rows
from ._pair import Pair, pair_of
from ._preferred import Side, model_at, preferred, sides_of, source_id_at, verdict_of
from ._split import held_out

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN, TEST = "train.jsonl", "test.jsonl"
_MARKS = ("[CONTEXT]", "[RESPONSE A]", "[RESPONSE B]", "<turn> user", "<turn> assistant")


class RLHFlow(Format):
    """Chosen and rejected chat with the judge's scores, for RLHFlow's reward and pair models."""

    files: ClassVar[tuple[str, ...]] = (TRAIN, TEST)
    carries: ClassVar[frozenset[Content]] = frozenset({"source_id", "earlier_turns", "models", "winner", "scores"})
    loses: ClassVar[tuple[str, ...]] = (
        "ties",
        "the order in which the answers met",
        "explanations, teachers, consistency, and scores of the single judgments (their means stay)",
        "a margin without scores",
        "what people said",
        "reference, rubric, category and licence",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    test_share: float = Field(0.05, ge=0, le=1)
    """Expected share of tasks, 0 to 1, that go to `test.jsonl`; chosen by a hash of the question's text. RLHFlow's own
    scripts read a training file only."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row, in the training or the test file. A score is the mean over the judgments that the verdict used.

        Raises `CannotCarry`: `no_comparison`, `more_than_two_answers`, `failed_answer`, `no_verdict`, `failed_verdict`,
        `tie`, `empty_answer`, `identical_answers`; what the filter would drop: `system_prompt`,
        `turns_do_not_alternate`, `empty_message`; `prompt_marker_in_text` where a text contains one of the pair model's
        marks; and `scores_contradict_winner`.
        """
        pair = pair_of(example)
        chosen, rejected = sides_of(pair)
        task = example.task
        _check(task, chosen, rejected)
        scores = _scores(example, pair)
        yield (
            TEST if held_out(example, self.test_share) else TRAIN,
            {
                "chosen": turns(task.messages) + reply(chosen.text),
                "rejected": turns(task.messages) + reply(rejected.text),
                "chosen_score": scores[0] if scores else None,
                "rejected_score": scores[1] if scores else None,
                "source_id": task.source_id,
                "chosen_model": chosen.model,
                "rejected_model": rejected.model,
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the training file, then of the test file; `index` counts on from one to the other.

        With both scores an example has one judgment, and the margin between them. Which answer came first is drawn from
        the answers' content. Columns other than `chosen` and `rejected` may be absent.
        """
        return rows((line for name in self.files for line in lines_of(files, name)), _example)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import MESSAGES, NUMBER, TEXT, schema

        columns = schema(
            chosen=MESSAGES,
            rejected=MESSAGES,
            chosen_score=NUMBER,
            rejected_score=NUMBER,
            source_id=TEXT,
            chosen_model=TEXT,
            rejected_model=TEXT,
        )
        return dict.fromkeys(self.files, columns)

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "RLHFlow places the chosen answer at random as A or B when it builds pair-model prompts; these rows carry "
            "no order.",
            "Scores are on the judge's scale; sets judged on different scales must not be joined by score.",
        )


def _check(task: Task, chosen: Side, rejected: Side) -> None:
    alternating(task)
    if not all(message.content for message in task.messages):
        raise CannotCarry("empty_message")
    texts = (*(message.content for message in task.messages), chosen.text, rejected.text)
    if any(mark in text for text in texts for mark in _MARKS):
        raise CannotCarry("prompt_marker_in_text")


def _scores(example: Example, pair: Pair) -> tuple[float, float] | None:
    """The winner's and the other's mean score; None where there are no judgments."""
    verdict = verdict_of(pair)
    judgments = [each for each in example.judgments if each.id in verdict.judgment_ids] or example.judgments
    scores = [each.by_answer for each in judgments if each.by_answer]
    if not scores:
        return None
    first, second = (fmean(both[place] for both in scores) for place in (0, 1))
    chosen, rejected = (first, second) if verdict.winner == "first" else (second, first)
    if chosen < rejected:
        raise CannotCarry("scores_contradict_winner")
    return chosen, rejected


def _example(line: Line, index: int) -> Example:
    asked, chosen = dialogue(line, "chosen")
    asked_too, rejected = dialogue(line, "rejected")
    if asked != asked_too:
        raise line.wrong("rejected", "its messages before the last are not those of chosen")
    task = Task(source_id=source_id_at(line), messages=asked, source=line.file, line=line.number)
    scores = [line.number_at(key) if line.has(key) else None for key in ("chosen_score", "rejected_score")]
    known = [score for score in scores if score is not None]
    return preferred(
        index,
        task,
        Side(chosen, model_at(line, "chosen_model"), scores[0]),
        Side(rejected, model_at(line, "rejected_model"), scores[1]),
        known[0] - known[1] if len(known) == 2 else None,
    )
