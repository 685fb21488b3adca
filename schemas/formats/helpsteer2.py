"""HelpSteer2-Preference: two responses, how much better one is, and what the annotators wrote.

Source: the file `preference/preference.jsonl.gz` of the data set `nvidia/HelpSteer2` and its card, "Preferences";
"HelpSteer2-Preference: Complementing Ratings with Preferences" (arXiv 2410.01257). One file; its rows name their split.
`preference_strength` is -3 to 3, positive where response 2 is better. `all_preferences_unprocessed` has every
annotator's label (-100 where one could not judge), `three_most_similar_preferences` those that the strength is the
rounded mean of; there, what the annotator wrote is divided into a statement and its elaboration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..contents import Content
from ..errors import CannotCarry
from ..rows import Example, Loss, Task
from . import Format, Record
from ._helpsteer import Vote, labelled, most_similar, overall, strength_at, strength_of_verdict, vote
from ._helpsteer2_prompt import prompt_messages, prompt_text, refuse_marks
from ._lines import Line, lines_of, rows
from ._pair import pair_of
from ._split import held_out

if TYPE_CHECKING:
    import pyarrow as pa

PREFERENCE = "preference.jsonl"
CANNOT_JUDGE = -100
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class HelpSteer2(Format):
    """Two responses with people's strength of preference and their reasons."""

    files: ClassVar[tuple[str, ...]] = (PREFERENCE,)
    carries: ClassVar[frozenset[Content]] = frozenset(
        {"earlier_turns", "winner", "order", "reviews", "strength", "comment"}
    )
    loses: ClassVar[tuple[str, ...]] = (
        "system prompts",
        "ties, without the option `ties`",
        "names of answering models",
        "margins and strengths beyond whole steps from 1 to 3",
        "judgments: scores, explanations, teachers, consistency; of a pair that people have judged also the verdict",
        "annotators' names and their time",
        "reference, rubric, category, licence and the source's own id",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    validation_share: float = Field(0.05, ge=0, le=1)
    """Expected share of tasks, 0 to 1, whose rows have the split `validation`; chosen by a hash of the question's
    text."""
    margin_step: float = Field(1.0, gt=0)
    """How much of a verdict's margin makes a strength of 1; larger margins are cut at 3. With scores from 1 to 10, 3
    makes the largest margin (9) a strength of 3."""
    strength_step: float = Field(1.0, gt=0)
    """How much of a person's strength, on the source's scale, makes a strength of 1; larger ones are cut at 3."""
    unstated_strength: int | None = Field(None, ge=1, le=3)
    """Strength of people who say which answer is better but not by how much. Without it their pairs are refused."""
    ties: bool = False
    """Also write pairs of strength 0, which the published recipe removes before training."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row: from people's reviews where there are any, else from the verdict, with empty lists and texts.

        The strength is the rounded mean of the three votes that are nearest to each other; statement and elaboration
        are the comment of the one of them that is nearest to it.

        Raises `CannotCarry`: `no_comparison`, `more_than_two_answers`, `failed_answer`, `empty_answer`,
        `system_prompt`, `turns_do_not_alternate`, `prompt_marker_in_text`, and `tie` without `ties`. From reviews:
        `no_winner` (nobody could judge), `no_strength` without `unstated_strength`, `strength_contradicts_winner`. From
        the verdict: `no_verdict`, `failed_verdict`, `no_margin`, `margin_contradicts_winner`.
        """
        pair = pair_of(example)
        if not all(text.strip() for text in pair.texts):
            raise CannotCarry("empty_answer")
        refuse_marks(pair.texts)
        votes = [vote(review, self.strength_step, self.unstated_strength) for review in example.reviews]
        nearest = most_similar(votes) if votes else ()
        strength = overall(nearest) if nearest else strength_of_verdict(pair, self.margin_step)
        if strength == 0 and not self.ties:
            raise CannotCarry("tie")
        statement, elaboration = _divided(_nearest_comment(nearest, strength))
        yield (
            PREFERENCE,
            {
                "split": "validation" if held_out(example, self.validation_share) else "train",
                "prompt": prompt_text(example.task),
                "response_1": pair.texts[0],
                "response_2": pair.texts[1],
                "preference_strength": strength,
                "preference_statement": statement,
                "preference_elaboration": elaboration,
                "three_most_similar_preferences": [_similar(each) for each in nearest],
                "all_preferences_unprocessed": [_unprocessed(each) for each in votes],
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples in the order of the file; the comparison's own order is that of the responses.

        Every annotator's label becomes a review, from `all_preferences_unprocessed`, or where that is empty from
        `three_most_similar_preferences`, or from the overall strength where a statement is all there is. The overall
        strength becomes the verdict (protocol `people`, or `unknown` where no people are named). A strength of 1 is
        `strength_step` in a review and `margin_step` in the verdict.
        """
        return rows(lines_of(files, PREFERENCE), self._example)

    def features(self) -> Mapping[str, pa.Schema]:
        import pyarrow as pa

        from ._features import TEXT, WHOLE, schema

        return {
            PREFERENCE: schema(
                split=TEXT,
                prompt=TEXT,
                response_1=TEXT,
                response_2=TEXT,
                preference_strength=WHOLE,
                preference_statement=TEXT,
                preference_elaboration=TEXT,
                three_most_similar_preferences=pa.list_(
                    pa.struct([("statement", TEXT), ("elaboration", TEXT), ("strength", WHOLE)])
                ),
                all_preferences_unprocessed=pa.list_(pa.struct([("strength", WHOLE), ("justification", TEXT)])),
            )
        }

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "Positive strengths mean that response 2 is better.",
            "Training and validation rows are in one file; the column `split` divides them.",
            "Rows with empty lists were judged by models, not by people.",
            "HelpSteer3 has other field names (`response1`, without the underscore) in other files.",
        )

    def _example(self, line: Line, index: int) -> Example:
        task = Task(messages=prompt_messages(line, "prompt"), source=line.file, line=line.number)
        strength = strength_at(line, "preference_strength")
        texts = line.text("response_1"), line.text("response_2")
        return labelled(
            line,
            index,
            task,
            texts,
            strength=strength,
            votes=_votes(line, strength),
            margin_step=self.margin_step,
            strength_step=self.strength_step,
        )


def _nearest_comment(votes: tuple[Vote, ...], strength: int) -> str:
    """The comment of the vote that is nearest to `strength`, of those that have one; the first of equally near ones."""
    commented = [each for each in votes if each.comment]
    return min(commented, key=lambda each: abs((each.strength or 0) - strength)).comment if commented else ""


def _divided(comment: str) -> tuple[str, str]:
    """The first sentence, and all that follows."""
    statement, *elaboration = _SENTENCE_END.split(comment, maxsplit=1)
    return statement, elaboration[0] if elaboration else ""


def _similar(each: Vote) -> Record:
    statement, elaboration = _divided(each.comment)
    return {"statement": statement, "elaboration": elaboration, "strength": each.strength}


def _unprocessed(each: Vote) -> Record:
    strength = CANNOT_JUDGE if each.strength is None else each.strength
    return {"strength": strength, "justification": each.comment}


def _votes(line: Line, strength: int) -> tuple[Vote, ...]:
    key = "all_preferences_unprocessed"
    if line.has(key) and (labels := line.each(key)):
        return tuple(
            Vote(
                None if label.whole("strength") == CANNOT_JUDGE else strength_at(label, "strength"),
                label.text("justification"),
            )
            for label in labels
        )
    key = "three_most_similar_preferences"
    if line.has(key) and (labels := line.each(key)):
        return tuple(Vote(strength_at(label, "strength"), _joined(label, "")) for label in labels)
    statement = _joined(line, "preference_")
    return (Vote(strength, statement),) if statement else ()


def _joined(line: Line, prefix: str) -> str:
    keys = (f"{prefix}statement", f"{prefix}elaboration")
    return " ".join(text for key in keys if line.has(key) and (text := line.text(key)))
