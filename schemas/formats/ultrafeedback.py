"""UltraFeedback's raw layout: all answers to an instruction in one row, each annotated under four aspects.

Source: the data set `openbmb/UltraFeedback` and its card, and `annotate_preference.py`, `annotate_critique.py` and
`fix_overall_score_issue.py` of github.com/OpenBMB/UltraFeedback at bf80fd4. The published rows have four completions;
here they have two or more. Ratings are texts ("1" to "5", or "N/A"); `fine-grained_score` is the mean of those that are
numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from ..chat_text import question_text
from ..contents import Content
from ..errors import CannotCarry
from ..rows import Example, Loss
from ..ultrafeedback_aspects import ASPECTS, means
from . import Format, Record
from ._lines import lines_of, rows
from ._ultrafeedback_annotation import annotation, overall
from ._ultrafeedback_choice import annotated
from ._ultrafeedback_reading import example_at

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "ultrafeedback.jsonl"
NONE = "None"
"""What stands for a missing reference answer."""


class UltraFeedbackFormat(Format):
    """Two or more answers to an instruction, with ratings and rationales under UltraFeedback's four aspects."""

    files: ClassVar[tuple[str, ...]] = (FILE,)
    carries: ClassVar[frozenset[Content]] = frozenset(
        {"system_prompt", "reference", "models", "winner", "order", "scores", "aspects"}
    )
    loses: ClassVar[tuple[str, ...]] = (
        "all judgments but one, and the order in which it saw the answers",
        "scores that are not the mean of the four ratings, and other criteria",
        "ids and names of teachers, judges and protocols; margin and consistency over several judgments",
        "the division of a chat into turns (it becomes one instruction), save for the system prompt",
        "the source's own id, category, licence, rubric and who wrote the reference",
        "what people said",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row: the answers in the comparison's order, annotated by the first judgment that agrees with the verdict.

        The task's system prompt is the `custom_system_prompt` of every completion. `overall_score` and `critique` come
        from a criterion called `overall`; without one they are null and empty. Raises `CannotCarry`: `no_comparison`,
        `failed_answer`, `failed_verdict`, `no_aspects` (no judgment has all four), `no_rating` (N/A under all four),
        `rating_off_scale` (not a whole number from 1 to 5), `ratings_contradict_verdict`, `empty_system_prompt` and
        `reference_reads_as_none` (the text "None" stands for no reference).
        """
        if example.comparison is None:
            raise CannotCarry("no_comparison")
        if any(answer.text is None for answer in example.answers):
            raise CannotCarry("failed_answer")
        task = example.task
        reference = task.reference.text if task.reference else NONE
        if task.reference and reference == NONE:
            raise CannotCarry("reference_reads_as_none")
        if task.system == "":
            raise CannotCarry("empty_system_prompt")
        aspects = annotated(example)
        scores = means([aspects[name] for name in ASPECTS])
        completions = []
        for place, answer in enumerate(example.answers):
            score, critique = overall(aspects, place)
            completions.append(
                {
                    "annotations": {name: annotation(aspects[name], place) for name in sorted(ASPECTS)},
                    "custom_system_prompt": task.system or "",
                    "model": answer.model,
                    "principle": "",
                    "response": answer.text,
                    "critique": critique,
                    "overall_score": score,
                    "fine-grained_score": scores[place],
                }
            )
        row = {
            "source": task.source,
            "instruction": question_text(task.model_copy(update={"messages": task.turns})),
            "models": [answer.model for answer in example.answers],
            "completions": completions,
            "correct_answers": [reference],
            "incorrect_answers": [NONE],
        }
        yield FILE, row

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples with one judgment; the winner, or the scores of more than two answers, follow from its ratings.

        A published row's completions follow principles of their own, which an Example has no place for: only a
        `custom_system_prompt` that all of them share comes back. Of several correct answers the first is the reference.
        Also read: annotations in a list of one, and `Type` as the text "None", as in the first published version.
        """
        return rows(lines_of(files, FILE), example_at)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._ultrafeedback_features import ROW

        return {FILE: ROW}

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "`overall_score` is null and `critique` empty unless the judge gave an overall score: choose answers by "
            "`fine-grained_score`, the mean of the aspects' ratings, and not by `overall_score` as the published "
            "binarized set does.",
            "`completions` has as many entries as answers met, which need not be four.",
            "No completion follows a principle: `principle` is empty, and `custom_system_prompt` is the task's own "
            "system prompt.",
            'A rating of "N/A" counts in no mean. `Type` of a typed aspect is an empty list where the judge names none '
            'and ["None"] where it says that there is none.',
        )
