"""UltraFeedback, binarized: the best answer and another one, as conversations with their scores.

Source: the data set `HuggingFaceH4/ultrafeedback_binarized` and its `create_dataset.py` (`train_prefs` and
`test_prefs`; `prompt_id` is the SHA-256 of the prompt). There the best is the one of the highest overall score, and two
answers of the same score may meet; here it is the mean of the ratings, as argilla's corrected version has it, and such
rows are dropped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from ..chat_text import question_text
from ..contents import Content
from ..errors import CannotCarry
from ..labels import margin_between
from ..row import digest
from ..rows import Answer, Example, Loss, Task
from . import Format, Record
from ._answer_scores import By, answer_scores
from ._chat import dialogue, reply, turns
from ._lines import Line, lines_of, rows
from ._preferred import Side, preferred
from ._split import held_out
from ._ultrafeedback_choice import agrees

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN, TEST = "train_prefs.jsonl", "test_prefs.jsonl"


class UltraFeedbackBinarized(Format):
    """Of two or more scored answers the best and one of the others, in the layout of the Zephyr recipes."""

    files: ClassVar[tuple[str, ...]] = (TRAIN, TEST)
    carries: ClassVar[frozenset[Content]] = frozenset({"system_prompt", "earlier_turns", "winner", "scores"})
    loses: ClassVar[tuple[str, ...]] = (
        "ties, and the answers that are neither chosen nor rejected",
        "the order in which the answers met",
        "names of the answering models, and of teachers, judges and protocols",
        "explanations, aspects, margin and consistency (each answer's mean score stays)",
        "reference, rubric, category, licence and the source's own id",
        "what people said",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    by: By = "aspects"
    """What the answers are ordered by: the mean of their ratings under all aspects, or the score under the aspect
    `overall`, as the published set does. A judgment or grade without aspects counts by its score."""
    rejected: Literal["random", "lowest"] = "random"
    """Which answer of a lower score is rejected: one drawn by hashing, as in the published set, or the lowest."""
    test_share: float = Field(0.05, ge=0, le=1)
    """Expected share of tasks, 0 to 1, that go to `test_prefs.jsonl`; chosen by a hash of the question's text."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row, in the training or the test file.

        Raises `CannotCarry`: `no_comparison`, `no_verdict`, `failed_verdict`, `tie`, `failed_answer`, `no_judgment`,
        `no_rating` (an answer to which no aspect applies), `no_overall_score`, `equal_scores` (no answer has a lower
        score than the best), `scores_contradict_verdict`, `empty_answer` and `identical_answers` (blanks at the ends do
        not count).
        """
        chosen, rejected, scores = self._choice(example)
        asked, prompt = turns(example.task.messages), question_text(example.task)
        conversation = [*asked, *reply(chosen.text or "")]
        yield (
            TEST if held_out(example, self.test_share) else TRAIN,
            {
                "prompt": prompt,
                "prompt_id": hashlib.sha256(prompt.encode()).hexdigest(),
                "chosen": conversation,
                "rejected": [*asked, *reply(rejected.text or "")],
                "messages": conversation,
                "score_chosen": scores[0],
                "score_rejected": scores[1],
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Pairs of the training file, then of the test file; `index` counts on from one to the other.

        Which answer came first is not in the file; it is drawn from the answers' content. A published row whose two
        scores are equal comes as a loss: which one is `chosen` was drawn there.
        """
        return rows((line for name in self.files for line in lines_of(files, name)), _example)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import MESSAGES, NUMBER, TEXT, schema

        columns = schema(
            prompt=TEXT,
            prompt_id=TEXT,
            chosen=MESSAGES,
            rejected=MESSAGES,
            messages=MESSAGES,
            score_chosen=NUMBER,
            score_rejected=NUMBER,
        )
        return dict.fromkeys(self.files, columns)

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "TRL's RewardTrainer and DPOTrainer fail on this layout, since `prompt` is a text and `chosen` a list of "
            "messages: use the format `preference` for TRL, or select the columns `chosen` and `rejected` alone.",
            "`chosen`, `rejected` and `messages` hold the whole conversation, a system prompt included.",
            "`prompt` is the question; of a chat of several turns it is all turns as one text.",
        )

    def _choice(self, example: Example) -> tuple[Answer, Answer, tuple[float, float]]:
        """The chosen and the rejected answer, and their scores."""
        comparison, verdict = example.comparison, example.verdict
        if comparison is None:
            raise CannotCarry("no_comparison")
        if verdict is None or verdict.failure is not None:
            raise CannotCarry("no_verdict" if verdict is None else "failed_verdict")
        if verdict.winner == "tie":
            raise CannotCarry("tie")
        if any(answer.text is None for answer in example.answers):
            raise CannotCarry("failed_answer")
        scores = answer_scores(example, self.by)
        if len(set(scores)) == 1:
            raise CannotCarry("equal_scores")
        if not agrees(scores, verdict):
            raise CannotCarry("scores_contradict_verdict")
        # Drawn among equals, too, so that no slot is favoured.
        drawn = sorted(range(len(scores)), key=lambda place: digest("drawn", example.answers[place].id, comparison.id))
        best = max(drawn, key=scores.__getitem__)
        others = [place for place in drawn if scores[place] < scores[best]]
        if self.rejected == "lowest":
            others.sort(key=scores.__getitem__)
        other = _usable(example, best, others)
        return example.answers[best], example.answers[other], (scores[best], scores[other])


def _usable(example: Example, best: int, others: list[int]) -> int:
    """The first of `others` that has a text of its own."""
    texts = [(answer.text or "").strip() for answer in example.answers]
    if not texts[best]:
        raise CannotCarry("empty_answer")
    for other in others:
        if texts[other] and texts[other] != texts[best]:
            return other
    raise CannotCarry("identical_answers" if texts[best] in [texts[other] for other in others] else "empty_answer")


def _example(line: Line, index: int) -> Example:
    asked, chosen = dialogue(line, "chosen")
    also_asked, rejected = dialogue(line, "rejected")
    if asked != also_asked:
        raise line.wrong("rejected", "does not begin as `chosen` does")
    task = Task(messages=asked, source=line.file, line=line.number)
    if line.text("prompt") not in (question_text(task), task.instruction):
        raise line.wrong("prompt", "is not what `chosen` asks")
    scores = line.number_at("score_chosen"), line.number_at("score_rejected")
    if scores[0] <= scores[1]:
        raise line.wrong("score_chosen", f"expected more than score_rejected (got {scores[0]:g} and {scores[1]:g})")
    sides = Side(chosen, score=scores[0]), Side(rejected, score=scores[1])
    return preferred(index, task, *sides, margin=margin_between(scores))
