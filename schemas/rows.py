"""The rows that flow through a run: frozen, with content-hash ids and their parents' ids.

    Task -> Answer -> Comparison -> Judgment -> Verdict -> Review -> Example
                   -> Grade (one answer under a rubric)            -> Example

A row's `id` is the hash of what makes it that row, never of when or in which order it was made: two runs that ask the
same and hear the same have the same ids. A failure is a row too, with a `Failure` where its content would stand.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import orjson
from pydantic import Field, FieldSerializationInfo, field_serializer, field_validator, model_validator

from .frozen import Frozen
from .row import Failure, Row, Usage
from .rubric import Rubric
from .sampling import AS_ARROW, Sampling

Role = Literal["system", "user", "assistant"]


class Message(Frozen):
    """One turn of a chat."""

    role: Role
    content: str


class Reference(Frozen):
    """A reference answer and where it comes from."""

    text: str
    origin: str = "gold"
    """`gold` (people or a key), `model` (a strong model wrote it) or `retrieved`."""
    model: str | None = None
    """The model that wrote it, or the id under which the source lists it."""


class Task(Row):
    """A task seed: what the answering models are asked."""

    identity: ClassVar[tuple[str, ...]] = ("source_id", "messages", "reference", "rubric")

    source_id: str | None = None
    """The id the source gives, as text; None where it gives none."""
    messages: tuple[Message, ...] = Field(min_length=1)
    """The chat up to and including the user's last message; a system prompt comes first."""
    category: str | None = None
    licence: str | None = None
    reference: Reference | None = None
    rubric: Rubric | None = None
    source: str = ""
    """Where it was read: file name, or data set name and split."""
    line: int | None = None
    """1-based line (jsonl, csv) or row (parquet, hub) in the source."""

    @model_validator(mode="after")
    def _ends_with_user(self) -> Self:
        if self.messages[-1].role != "user":
            raise ValueError(f"the last message must be the user's (got {self.messages[-1].role!r})")
        return self

    @property
    def system(self) -> str | None:
        """The system prompt, where there is one."""
        return self.messages[0].content if self.messages[0].role == "system" else None

    @property
    def turns(self) -> tuple[Message, ...]:
        """The messages without the system prompt."""
        return self.messages[1:] if self.messages[0].role == "system" else self.messages

    @property
    def instruction(self) -> str:
        """The user's last message."""
        return self.messages[-1].content


class Answer(Row):
    """One model's answer to a Task, or why there is none."""

    identity: ClassVar[tuple[str, ...]] = ("task_id", "model", "sample", "text", "failure")
    identity_if_set: ClassVar[tuple[str, ...]] = ("intended",)

    task_id: str
    model: str
    """The name the recipe gives the answering model."""
    family: str | None = None
    """Model family, for self-preference checks: a teacher should not judge its own."""
    sample: int = 0
    """0-based number of the sample, where a model answers a task several times."""
    intended: int | None = None
    """The score that it was asked to deserve, on the scale of the task's rubric (`generators/authoring/aimed.py`); None
    where it was asked for as a plain answer. What it does deserve is said by grades."""
    text: str | None = None
    finish_reason: str | None = None
    """As the endpoint says: `stop`, `length`, `content_filter`, …; None for recorded answers that do not say."""
    sampling: Sampling = Sampling()
    usage: Usage = Usage()
    origin: str = ""
    """The provider's name: `openai`, `recorded`, `simulated`, ...; whatever is simulated says so here."""
    failure: Failure | None = None

    @model_validator(mode="after")
    def _text_or_failure(self) -> Self:
        if (self.text is None) == (self.failure is None):
            raise ValueError("an answer has either a text or a failure")
        return self


class Comparison(Row):
    """A Task and two or more Answers that meet, in a stated order."""

    identity: ClassVar[tuple[str, ...]] = ("task_id", "answer_ids")

    task_id: str
    answer_ids: tuple[str, ...] = Field(min_length=2)
    """In the comparison's own order, which is drawn at random from the run's seed."""
    models: tuple[str, ...]
    """Names of the answering models, aligned with `answer_ids`."""

    def swapped(self) -> Comparison:
        """The same answers in reverse order."""
        return self.model_copy(update={"answer_ids": self.answer_ids[::-1], "models": self.models[::-1]})


class Aspect(Frozen):
    """What a teacher thinks of the answers under one named criterion, in the order in which it saw them."""

    criterion: str
    scores: tuple[float | None, ...]
    """One score an answer, on the criterion's own scale; None where the teacher says that it does not apply."""
    feedback: tuple[str, ...] = ()
    """One text an answer, or none at all."""


class Judgment(Row):
    """One teacher's reply about a Comparison, or why it could not be read.

    `scores` and `rationale` are as the teacher gave them, in the order in which the answers were *shown*; `by_answer`
    puts the scores back into the comparison's order.
    """

    identity: ClassVar[tuple[str, ...]] = (
        "comparison_id", "teacher", "judge", "shown", "with_reference", "sample", "raw", "failure",
    )  # fmt: skip
    identity_if_set: ClassVar[tuple[str, ...]] = ("expected", "own_reference")

    comparison_id: str
    task_id: str
    teacher: str
    """The name the recipe gives the teacher."""
    judge: str
    """Name of the judge plug-in (prompt and reader)."""
    shown: tuple[int, ...]
    """Indexes into the comparison's answers, in the order in which the teacher saw them."""
    with_reference: bool = False
    own_reference: str | None = None
    """The teacher's own answer to the task, where that was the reference it was shown; None: it was the task's."""
    sample: int = 0
    """0 for the first reply, k for the k-th time the question was asked again."""
    scores: tuple[float, ...] | None = None
    """One score an answer, in the order shown, on the judge's scale; where it asks for several criteria, their sum or
    mean, as the judge says."""
    expected: tuple[float, ...] | None = None
    """Scores weighed by their probabilities, in the order shown; None where they were not asked for, or where the
    endpoint gave none that fit the reply."""
    rationale: str = ""
    aspects: tuple[Aspect, ...] = ()
    """The criteria behind the scores, where the judge names any."""
    raw: str | None = None
    """The reply as it came; kept for unreadable ones too. Of a judge that asks in several parts, a JSON list."""
    usage: Usage = Usage()
    origin: str = ""
    """The teacher's provider; whatever is simulated says so here."""
    failure: Failure | None = None

    @model_validator(mode="after")
    def _scores_or_failure(self) -> Self:
        if (self.scores is None) == (self.failure is None):
            raise ValueError("a judgment has either scores or a failure")
        return self

    @property
    def by_answer(self) -> tuple[float, ...] | None:
        """The scores in the comparison's order, or None for a failed judgment."""
        if self.scores is None:
            return None
        return tuple(score for _, score in sorted(zip(self.shown, self.scores, strict=True)))

    @property
    def weighed_by_answer(self) -> tuple[float, ...] | None:
        """As `by_answer`, of the expected scores where there are any."""
        if self.expected is None:
            return self.by_answer
        return tuple(score for _, score in sorted(zip(self.shown, self.expected, strict=True)))


class Grade(Row):
    """One teacher's reply about one Answer under a rubric, or why it could not be read."""

    identity: ClassVar[tuple[str, ...]] = (
        "answer_id", "teacher", "judge", "with_reference", "sample", "raw", "failure",
    )  # fmt: skip

    answer_id: str
    task_id: str
    teacher: str
    """The name the recipe gives the teacher."""
    judge: str
    """Name of the judge plug-in (prompt and reader)."""
    with_reference: bool = False
    sample: int = 0
    """0 for the first reply, k for the k-th time the question was asked again."""
    score: float | None = None
    """On the rubric's scale."""
    feedback: str = ""
    raw: str | None = None
    """The reply as it came; kept for unreadable ones too."""
    usage: Usage = Usage()
    origin: str = ""
    """The teacher's provider; whatever is simulated says so here."""
    failure: Failure | None = None

    @model_validator(mode="after")
    def _score_or_failure(self) -> Self:
        if (self.score is None) == (self.failure is None):
            raise ValueError("a grade has either a score or a failure")
        return self


Winner = Literal["first", "second", "tie"]
"""Which answer of a pair won, in the comparison's order."""


class Verdict(Row):
    """What all judgments (or grades) of one Comparison add up to, or why they add up to nothing."""

    identity: ClassVar[tuple[str, ...]] = ("comparison_id", "judgment_ids", "winner", "margin", "scores", "failure")
    identity_if_set: ClassVar[tuple[str, ...]] = ("debiased",)
    later: ClassVar[tuple[str, ...]] = ("confidence",)

    comparison_id: str
    task_id: str
    protocol: str
    judgment_ids: tuple[str, ...]
    """The judgments, or grades, that were used: readable ones only."""
    winner: Winner | None = None
    """Of a pair; None where more than two answers meet."""
    margin: float | None = None
    """Score of the first answer minus the second's, averaged over the judgments used; positive favours the first. None
    where more than two answers meet."""
    scores: tuple[float, ...] = ()
    """Final score of each answer, in the comparison's order, where more than two meet."""
    debiased: float | None = None
    """The margin without the biases that the recipe removes; the winner follows it then. None: nothing is removed."""
    confidence: float | None = None
    """Probability that people agree with the winner, where a calibration says so; None for ties and without one."""
    consistent: bool | None = None
    """Whether both orders agree on the winner; None where only one order was read."""
    flags: tuple[str, ...] = ()
    """`order_inconsistent`, `one_order_failed`, `asked_again`; of protocols that learn from a pilot, where it did not
    tell what they need, `offset_unknown`, `no_gap_information`; `no_probabilities` where scores that should have been
    weighed stand as they were said; `people` where people decided the winner."""
    usage: Usage = Usage()
    """Of every call made for this comparison, unreadable ones included."""
    failure: Failure | None = None

    @model_validator(mode="after")
    def _winner_or_failure(self) -> Self:
        if (self.winner is None and not self.scores) == (self.failure is None):
            raise ValueError("a verdict has either a winner (or tie, or scores of several answers) or a failure")
        return self

    @property
    def final_margin(self) -> float | None:
        """The margin that the winner follows: debiased, where biases are removed."""
        return self.margin if self.debiased is None else self.debiased


class Review(Row):
    """One person's decision on a Comparison, whether or not they saw a Verdict of it."""

    identity: ClassVar[tuple[str, ...]] = (
        "comparison_id", "verdict_id", "annotator", "winner", "strength", "comment",
    )  # fmt: skip
    identity_if_set: ClassVar[tuple[str, ...]] = ("ratings", "criteria")
    later: ClassVar[tuple[str, ...]] = ("stratum",)

    comparison_id: str
    task_id: str
    verdict_id: str | None = None
    """The verdict that was reviewed; None for people's judgments that come with a source."""
    annotator: str
    winner: Winner | None = None
    """None: this person cannot judge it."""
    strength: float | None = None
    """How much better, on the source's own scale; positive favours the comparison's first answer."""
    ratings: tuple[float | None, float | None] | None = None
    """Of both answers, in the comparison's order, on the scale that was asked for; None where nothing was rated."""
    criteria: dict[str, Winner | None] | None = None
    """Criterion -> which answer is better by it, or null for cannot judge; None where nothing was said by any."""
    comment: str = ""
    seconds: float | None = None
    """Time spent on the record."""
    stratum: str | None = None
    """Which sample it was drawn in: `audit` is a uniform random one of all verdicts, the only one that says something
    about those that nobody looked at; None for a review that came with a source's pair."""

    @field_validator("ratings", "criteria", mode="before")
    @classmethod
    def _nothing_said(cls, value: object) -> object:
        """One form for what was not said, so that it has one id; criteria come from Arrow as JSON text."""
        value = orjson.loads(value) if isinstance(value, str) else value
        return None if value == {} or (isinstance(value, list | tuple) and list(value) == [None, None]) else value

    @field_serializer("criteria")
    def _as_text(self, value: dict[str, Winner | None] | None, info: FieldSerializationInfo) -> object:
        return orjson.dumps(value).decode() if value is not None and info.context is AS_ARROW else value


class Split(Frozen):
    """Where an example stands between train and test: said by the run it is of (`pipelines/splitting`)."""

    group: str
    """16 hex digits. Examples of one group are on one side; the smaller the number, the sooner they are held out."""
    held_out: bool = False
    """Held out by whatever share is held out at all."""
    never_train: Literal["held_out_model", "held_out_rubric"] | None = None
    """Why it may only be held out, and is dropped where its group is trained on."""


class Example(Row):
    """A row ready to publish, with everything it was made from: a comparison with its verdict, or one graded answer."""

    identity: ClassVar[tuple[str, ...]] = ("task", "answers", "comparison", "verdict", "grades", "reviews")

    index: int
    """0-based position in the run's canonical order (task order, then pair or answer order): no call's timing enters
    it."""
    task: Task
    answers: tuple[Answer, ...] = Field(min_length=1)
    """In the comparison's order; a single one where there is no comparison."""
    comparison: Comparison | None = None
    judgments: tuple[Judgment, ...] = ()
    """Readable ones, in the order in which the protocol asked."""
    verdict: Verdict | None = None
    """None where only people have judged."""
    grades: tuple[Grade, ...] = ()
    """Readable ones of the answers: in the order of the answers, then as asked."""
    reviews: tuple[Review, ...] = ()
    """What people say of the comparison: in the order of the source, then as they were collected."""
    split: Split | None = None
    """None: its task is a group of its own."""

    @model_validator(mode="after")
    def _comparison_or_one_answer(self) -> Self:
        if self.comparison is None and (len(self.answers) != 1 or self.verdict is not None):
            raise ValueError("an example without a comparison is one graded answer")
        if self.comparison is not None and len(self.comparison.answer_ids) != len(self.answers):
            raise ValueError("the answers are not those of the comparison")
        return self

    @property
    def task_id(self) -> str:
        """Id of the task that was answered. `task` has another one where a teacher's own reference was put into it."""
        return self.answers[0].task_id

    @property
    def simulated(self) -> bool:
        """Whether any part of it comes from the simulated world."""
        rows: tuple[Answer | Judgment | Grade, ...] = (*self.answers, *self.judgments, *self.grades)
        return any(row.origin == "simulated" for row in rows)


class Loss(Row):
    """A row that did not go on: dropped by a filter, or failed. Kept in `dropped/` with its reason."""

    identity: ClassVar[tuple[str, ...]] = ("stage", "status", "row_id", "task_id", "reason", "detail")

    stage: str
    status: Literal["dropped", "failed"]
    row_id: str
    """Id of the row that was lost; for a source line that is no row, `FILE:LINE`."""
    task_id: str | None = None
    by: str = ""
    """The filter that dropped it, or the model whose call failed."""
    reason: str
    """A fixed string: a filter's reason or a `FailureKind`."""
    detail: str = ""
    """One line for a person; for a malformed source line, what stood there."""
