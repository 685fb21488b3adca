"""Votes: rows of which each says what one judge, a person or a model, thinks of a pair of answers.

People's votes are an example's reviews, a model's is its verdict. Votes on one pair that follow each other become one
example again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..rows import Answer, Comparison, Example, Loss, Message, Review, Task, Verdict, Winner
from ._lines import Line, lost

BOTH_BAD = "both bad"
"""The comment of a vote for a tie that says that neither answer is good; rows know one kind of tie."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one judge decided."""

    winner: Winner
    judge: str
    """The annotator of a review; the teachers behind a verdict."""
    person: bool
    both_bad: bool = False
    """A person's tie: neither answer is good."""
    inconsistent: bool = False
    """A model's tie: each order had another winner."""


@dataclass(frozen=True, slots=True)
class Vote:
    """A row that was read."""

    task: Task
    answers: tuple[Answer, Answer]
    ballot: Ballot

    @property
    def pair(self) -> tuple[object, ...]:
        """What makes two rows votes on one pair, but for the name that the row has."""
        return self.task.messages, tuple((answer.model, answer.text) for answer in self.answers)


def votes_of_people(example: Example) -> list[Ballot]:
    """The reviews of those who could judge it."""
    return [
        Ballot(review.winner, review.annotator, True, review.winner == "tie" and review.comment == BOTH_BAD)
        for review in example.reviews
        if review.winner is not None
    ]


def judged_by(example: Example) -> str:
    """The teachers behind the verdict; for one that came without judgments, the name that stood in their place."""
    teachers = sorted({judgment.teacher for judgment in example.judgments})
    return ", ".join(teachers) or (example.verdict.protocol if example.verdict else "unknown")


def vote(line: Line, ballot: Ballot, name: str | None, chat: Iterable[Message], texts: tuple[str, str]) -> Vote:
    """The row at `line`, with the columns `model_a` and `model_b`; `name` is the one that it has, if any."""
    task = Task(source_id=name, messages=tuple(chat), source=line.file, line=line.number)
    models = [line.text("model_a"), line.text("model_b")]
    first, second = (
        Answer(
            task_id=task.id,
            model=model,
            sample=number if models[0] == models[1] else 0,
            text=text,
            origin="recorded",
        )
        for number, (model, text) in enumerate(zip(models, texts, strict=True))
    )
    return Vote(task, (first, second), ballot)


def gathered(
    lines: Iterable[Line], read: Callable[[Line], Vote], name: str, *, same_name: bool = True
) -> Iterator[Example | Loss]:
    """Examples of votes; a line that `read` refuses (`ValueError`) comes as a loss.

    Votes on one pair that follow each other are one example. `name` is the key under which records have a name of their
    own; `same_name` says that it is the same for all votes on a pair.
    """
    for index, found in enumerate(_groups(lines, read, name, same_name)):
        yield found if isinstance(found, Loss) else _example(index, found)


def _groups(
    lines: Iterable[Line], read: Callable[[Line], Vote], name: str, same_name: bool
) -> Iterator[list[Vote] | Loss]:
    together: list[Vote] = []
    for line in lines:
        try:
            found: Vote | Loss = read(line)
        except ValueError as problem:
            found = lost(line, str(problem), name)
        if together and (isinstance(found, Loss) or not _belongs(found, together, same_name)):
            yield together
            together = []
        if isinstance(found, Loss):
            yield found
        else:
            together.append(found)
    if together:
        yield together


def _belongs(found: Vote, together: list[Vote], same_name: bool) -> bool:
    if found.pair != together[0].pair or (same_name and found.task.source_id != together[0].task.source_id):
        return False
    return found.ballot.person or all(one.ballot.person for one in together)  # an example has one verdict


def _example(index: int, votes: list[Vote]) -> Example:
    task, answers = votes[0].task, votes[0].answers
    comparison = Comparison(
        task_id=task.id,
        answer_ids=tuple(answer.id for answer in answers),
        models=tuple(answer.model for answer in answers),
    )
    return Example(
        index=index,
        task=task,
        answers=answers,
        comparison=comparison,
        verdict=next((_verdict(comparison, one.ballot) for one in votes if not one.ballot.person), None),
        reviews=tuple(_review(comparison, one.ballot) for one in votes if one.ballot.person),
    )


def _review(comparison: Comparison, ballot: Ballot) -> Review:
    return Review(
        comparison_id=comparison.id,
        task_id=comparison.task_id,
        annotator=ballot.judge,
        winner=ballot.winner,
        comment=BOTH_BAD if ballot.both_bad else "",
    )


def _verdict(comparison: Comparison, ballot: Ballot) -> Verdict:
    return Verdict(
        comparison_id=comparison.id,
        task_id=comparison.task_id,
        protocol=ballot.judge,
        judgment_ids=(),
        winner=ballot.winner,
        consistent=False if ballot.inconsistent else None,
    )
