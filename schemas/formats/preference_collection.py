"""Prometheus' Preference-Collection: two answers, a criterion, comparative feedback and the better one, A or B.

Source: the data set `prometheus-eval/Preference-Collection` (14 columns of text; its card), read by
`train/recipes/prometheus-v2.0/prepare_dataset.py` of github.com/prometheus-eval/prometheus-eval at dcfb442, which also
makes the chat form. Answers are called A and B in the order in which they were judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..chat_text import question_text
from ..contents import Content
from ..errors import CannotCarry
from ..prometheus_prompt import (
    RELATIVE_SYSTEM,
    Version,
    relative_prompt,
    relative_shows_reference,
    without_label,
)
from ..rows import Example, Judgment, Loss, Winner
from . import Format, Record
from ._lines import lines_of, rows
from ._pair import pair_of
from ._prometheus_pair import judgments_of, named_as_responses, sides
from ._prometheus_pair_reading import example_of
from ._prometheus_provenance import SHARED, shared_columns
from ._prometheus_text import chat_row, output_text, refuse_long, refuse_sections

if TYPE_CHECKING:
    import pyarrow as pa

ROWS, CHAT = "preference_collection.json", "preference_collection_chat.jsonl"
COLUMNS = (
    "orig_criteria", "orig_feedback_A", "orig_feedback_B", "orig_instruction", "orig_reference_answer",
    "orig_response_A", "orig_response_B", "output", "orig_feedback", "input", "instruction", "orig_score_A",
    "orig_score_B", "orig_preference",
)  # fmt: skip


class PreferenceCollection(Format):
    """Prometheus' training rows for relative grading: prompt, feedback and `[RESULT]` with A or B."""

    files: ClassVar[tuple[str, ...]] = (ROWS, CHAT)
    carries: ClassVar[frozenset[Content]] = frozenset(
        {"reference", "criteria", "winner", "order", "rationale", "grades", "feedback"}
    )
    loses: ClassVar[tuple[str, ...]] = (
        "ties",
        "the judges' own scores and the margin (better or worse is left of them)",
        "what the rubric says of each score",
        "models, teacher and the source's own id (kept with `provenance`)",
        "every judgment but one, and every grade of an answer but its first",
        "the scores that graded answers were written to deserve",
        "the comparison's own order, where only a judgment of the reverse order can be written",
        "origin and model of the reference",
        "the division of a chat into turns (it becomes one instruction)",
        "category and licence",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    template: Version = "training"
    """Which published prompt stands in `instruction`: `training` (the published rows'), `evaluation`
    (`eval/prompts.py`), `package-0.1.20` or `package-dcfb442`; only the last two show a reference. Take the one that
    the trained judge will be asked with."""
    aimed: bool = True
    """Where answers have no grades but were written to deserve scores (a recipe's `aim`), write those scores into
    `orig_score_A` and `orig_score_B`, as the published set does. A pair whose verdict says otherwise is refused
    (`aims_do_not_fit`)."""
    scored_only: bool = False
    """Refuse (`no_scores`) pairs of answers that were neither graded nor written to deserve a score. Their
    `orig_score_A` and `orig_score_B` stay empty otherwise; in the published set they never are. No trainer reads
    them."""
    chat: bool = False
    """Also write `preference_collection_chat.jsonl`: each row as `messages`, for trainers that read chats."""
    provenance: bool = False
    """Add columns that the published set lacks: `instruction_id`, `rubric_id`, `source_id`, `teacher`, `model_A`,
    `model_B`."""
    max_tokens: int = Field(4096, ge=1)
    """Refuse a row (`too_long`) whose prompt and output are longer. An estimate: UTF-8 bytes divided by 4. Prometheus 2
    trains with 4096 and cuts off the end, which is the result."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row, and its chat form where asked for.

        Where the judgment of the preferred order cannot be exported, another that agrees with the verdict stands in.
        `Assistant 1` in its explanation becomes `Response A`. Raises `CannotCarry`: what `Pair.chosen_and_rejected`,
        `judgments_of`, `named_as_responses`, `output_text` and `sides` refuse, `no_rubric`, `no_scores`,
        `section_mark_in_text` and `too_long`.
        """
        pair = pair_of(example)
        pair.chosen_and_rejected()
        row, judgment = self._first_row(example, judgments_of(example, pair.winner()))
        first, second = (example.answers[index].model for index in judgment.shown)
        models = {"model_A": first, "model_B": second}
        extra = {**shared_columns(example.task, judgment.teacher), **models} if self.provenance else {}
        yield ROWS, {**row, **extra}
        if self.chat:
            yield CHAT, chat_row(RELATIVE_SYSTEM, row["instruction"], row["output"])

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the rows, the published set's too; the chat file repeats them and is not read.

        The comparison's order is A, B. Winner and feedback are read from `output`; `orig_preference` must agree, and
        so must the scores. They come back as grades, or where no answer has feedback of its own as what the answers
        were written to deserve; the preference comes back as scores of 1 and 0.
        """
        return rows(lines_of(files, ROWS), example_of)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import MESSAGES, schema, texts

        extra = (*SHARED, "model_A", "model_B") if self.provenance else ()
        return {ROWS: texts(*COLUMNS, *extra), CHAT: schema(messages=MESSAGES)}

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            f"The prompts are the template {self.template!r}. Prometheus has published several, which ask differently; "
            "ask the trained judge with the one it was trained on.",
            "`output` follows the prompt at once: the prompt ends with a blank of its own.",
            "Count A and B before training: the published set holds each as often as the other.",
            "`orig_score_A` and `orig_score_B` are grades where `orig_feedback_A` or `orig_feedback_B` says why; where "
            "neither does, they are the scores that the answers were written to deserve, or empty.",
            f"Rows are refused above {self.max_tokens} tokens, estimated as bytes / 4.",
        )

    def _first_row(self, example: Example, judgments: tuple[Judgment, ...]) -> tuple[Record, Judgment]:
        """The row of the first judgment that can be exported; raises the first one's refusal where none can."""
        refusals = []
        for judgment in judgments:
            try:
                return self._row(example, judgment), judgment
            except CannotCarry as refusal:
                refusals.append(refusal)
        raise refusals[0]

    def _row(self, example: Example, judgment: Judgment) -> Record:
        task, shown = example.task, judgment.shown
        if task.rubric is None:
            raise CannotCarry("no_rubric")
        better = shown.index(_WINNERS[pair_of(example).winner()])
        a, b = sides(example, shown, better, self.aimed)
        if self.scored_only and not a.score:
            raise CannotCarry("no_scores")
        question, criteria = question_text(task), task.rubric.criteria
        reference = task.reference.text if task.reference else ""
        refuse_sections(question, a.text, b.text, criteria, reference, a.feedback, b.feedback)
        shows = relative_shows_reference(self.template) and judgment.with_reference and bool(reference.strip())
        prompt = relative_prompt(self.template, question, (a.text, b.text), criteria, reference if shows else None)
        feedback = named_as_responses(judgment.rationale)
        output = output_text(feedback, "AB"[better])
        refuse_long(RELATIVE_SYSTEM, prompt, output, most=self.max_tokens)
        return {
            "orig_criteria": criteria,
            "orig_feedback_A": a.feedback,
            "orig_feedback_B": b.feedback,
            "orig_instruction": question,
            "orig_reference_answer": reference,
            "orig_response_A": a.text,
            "orig_response_B": b.text,
            "output": output,
            "orig_feedback": without_label(feedback),
            "input": "",
            "instruction": prompt,
            "orig_score_A": a.score,
            "orig_score_B": b.score,
            "orig_preference": "AB"[better],
        }


_WINNERS: dict[Winner, int] = {"first": 0, "second": 1}
