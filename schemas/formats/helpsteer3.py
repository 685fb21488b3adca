"""HelpSteer3-Preference: a chat, two responses, how much better one is, and each annotator's label.

Source: the files `preference/{train,validation}.jsonl.gz` of the data set `nvidia/HelpSteer3` and its card,
"Preference"; "HelpSteer3-Preference" (arXiv 2505.11475). Scores are -3 to 3, positive where response 2 is better, 0
where both are about the same. Field names differ from HelpSteer2's: `response1` has no underscore.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..contents import Content
from ..errors import CannotCarry
from ..rows import Example, Loss, Task
from . import Format, Record
from ._chat import prompt, turns
from ._helpsteer import Vote, decided, labelled, most_similar, overall, strength_at, strength_of_verdict, vote
from ._lines import Line, lines_of, rows
from ._pair import pair_of
from ._split import held_out

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN, VALIDATION = "train.jsonl", "validation.jsonl"


class HelpSteer3(Format):
    """A chat and two responses with people's strength of preference and their reasons."""

    files: ClassVar[tuple[str, ...]] = (TRAIN, VALIDATION)
    carries: ClassVar[frozenset[Content]] = frozenset(
        {"system_prompt", "earlier_turns", "category", "winner", "order", "reviews", "strength", "comment"}
    )
    loses: ClassVar[tuple[str, ...]] = (
        "names of answering models",
        "margins and strengths beyond whole steps from 1 to 3",
        "people who could not judge a pair, and what they wrote",
        "judgments: scores, explanations, teachers, consistency; of a pair that people have judged also the verdict",
        "annotators' names and their time, and what they wrote about one response alone",
        "the language",
        "reference, rubric, licence and the source's own id",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    validation_share: float = Field(0.05, ge=0, le=1)
    """Expected share of tasks, 0 to 1, that go to `validation.jsonl`; chosen by a hash of the question's text."""
    domain: str = "general"
    """`domain` of rows whose task has no category; a category is the domain as it stands. The published set has
    `general`, `stem`, `code` and `multilingual`."""
    language: str = "english"
    """`language` of all rows, as the published set spells it: a natural or, for code, a programming language."""
    margin_step: float = Field(1.0, gt=0)
    """How much of a verdict's margin makes a strength of 1; larger margins are cut at 3. With scores from 1 to 10, 3
    makes the largest margin (9) a strength of 3."""
    strength_step: float = Field(1.0, gt=0)
    """How much of a person's strength, on the source's scale, makes a strength of 1; larger ones are cut at 3."""
    unstated_strength: int | None = Field(None, ge=1, le=3)
    """Strength of people who say which answer is better but not by how much. Without it their pairs are refused."""
    ties: bool = True
    """Write pairs of strength 0, which the published set has."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row: from people's reviews where there are any, else from the verdict, with an empty list of people.

        The overall preference is the rounded mean of the three votes that are nearest to each other.

        Raises `CannotCarry`: `no_comparison`, `more_than_two_answers`, `failed_answer`, `empty_answer`, and `tie`
        without `ties`. From reviews: `no_winner` (nobody could judge), `no_strength` without `unstated_strength`,
        `strength_contradicts_winner`. From the verdict: `no_verdict`, `failed_verdict`, `no_margin`,
        `margin_contradicts_winner`.
        """
        pair = pair_of(example)
        if not all(text.strip() for text in pair.texts):
            raise CannotCarry("empty_answer")
        votes = [vote(review, self.strength_step, self.unstated_strength) for review in example.reviews]
        strength = overall(most_similar(votes)) if votes else strength_of_verdict(pair, self.margin_step)
        if strength == 0 and not self.ties:
            raise CannotCarry("tie")
        yield (
            VALIDATION if held_out(example, self.validation_share) else TRAIN,
            {
                "domain": example.task.category or self.domain,
                "language": self.language,
                "context": turns(example.task.messages),
                "response1": pair.texts[0],
                "response2": pair.texts[1],
                "overall_preference": strength,
                "individual_preference": [
                    {"score": score, "reasoning": each.comment, "feedback1": "", "feedback2": ""}
                    for score, each in decided(votes)
                ],
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the training file, then of the validation file; `index` counts on from one to the other.

        The comparison's own order is that of the responses. Every annotator's label becomes a review, the overall
        preference the verdict (protocol `people`, or `unknown` where no people are named). A strength of 1 is
        `strength_step` in a review and `margin_step` in the verdict.
        """
        return rows((line for name in self.files for line in lines_of(files, name)), self._example)

    def features(self) -> Mapping[str, pa.Schema]:
        import pyarrow as pa

        from ._features import MESSAGES, TEXT, WHOLE, schema

        person = pa.struct([("score", WHOLE), ("reasoning", TEXT), ("feedback1", TEXT), ("feedback2", TEXT)])
        columns = schema(
            domain=TEXT,
            language=TEXT,
            context=MESSAGES,
            response1=TEXT,
            response2=TEXT,
            overall_preference=WHOLE,
            individual_preference=pa.list_(person),
        )
        return dict.fromkeys(self.files, columns)

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "Positive preferences mean that response 2 is better.",
            "NeMo-RL makes a row of preference 0 a pair whose chosen and rejected response are the same; write none "
            "(`ties: false`) to train with it.",
            "Rows without individual preferences were judged by models, not by people.",
        )

    def _example(self, line: Line, index: int) -> Example:
        task = Task(
            messages=prompt(line, "context"),
            category=line.text("domain") if line.has("domain") else None,
            source=line.file,
            line=line.number,
        )
        strength = strength_at(line, "overall_preference")
        texts = line.text("response1"), line.text("response2")
        people = line.each("individual_preference") if line.has("individual_preference") else ()
        votes = [
            Vote(strength_at(person, "score"), person.text("reasoning") if person.has("reasoning") else "")
            for person in people
        ]
        return labelled(
            line,
            index,
            task,
            texts,
            strength=strength,
            votes=votes,
            margin_step=self.margin_step,
            strength_step=self.strength_step,
        )
