"""What lies in a run's parts, put together: every example with all that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..schemas.labels import winner_at
from ..schemas.rows import Answer, Comparison, Example, Grade, Judgment, Loss, Review, Task, Verdict, Winner
from .own_references import with_reference
from .reviews import collected
from .rundir import RunDirectory
from .splitting.groups import groups


def examples(directory: RunDirectory) -> Iterator[Example]:
    """The kept verdicts and graded answers of a run with everything they rest on, in canonical order.

    Verdicts and graded answers are counted apart. One part is in memory at a time.
    """
    count = {True: 0, False: 0}
    late = {loss.row_id for loss in directory.late_losses()}
    people, split = collected(directory), groups(directory)
    graded: set[str] = set()
    for number in range(directory.parts()):
        part = _Part.read(directory, number, people)
        lost = late | {loss.row_id for loss in part.losses if loss.stage in ("verdicts", "grades")}
        kept = [verdict for verdict in directory.labels(number) if verdict.id not in lost]
        for example in (*map(_as_published, part.compared(kept, lost)), *part.graded(lost)):
            # An answer that came with several comparisons was graded with each of them.
            if example.comparison is None and (answer := example.answers[0].id) in graded:
                continue
            if example.comparison is None:
                graded.add(answer)
            index = count[example.comparison is not None]
            place = {"split": split.place(example)} if split else {}
            yield example.model_copy(update={"index": index, **place})
            count[example.comparison is not None] += 1


def judged(directory: RunDirectory) -> Iterator[list[Example]]:
    """For each part, every comparison that teachers could judge, with their own verdict: no filter, no label counts.

    `index` counts all comparisons of the run, those that nobody could judge included.
    """
    people, count = collected(directory), 0
    for number in range(directory.parts()):
        part = _Part.read(directory, number, people)
        verdicts = {verdict.comparison_id: verdict for verdict in directory.rows(Verdict, number)}
        places = {comparison: count + place for place, comparison in enumerate(verdicts)}
        count += len(verdicts)
        found = part.compared([verdict for verdict in verdicts.values() if verdict.failure is None], set())
        yield [one.model_copy(update={"index": places[one.comparison.id]}) for one in found if one.comparison]


def asked(directory: RunDirectory, number: int) -> dict[str, list[Judgment]]:
    """Comparison -> every judgment that was asked of it, failed ones included, of a part."""
    found: dict[str, list[Judgment]] = {}
    for judgment in directory.rows(Judgment, number):
        found.setdefault(judgment.comparison_id, []).append(judgment)
    return found


@dataclass(frozen=True)
class _Part:
    """The rows of one part, by what refers to them."""

    losses: Sequence[Loss]
    tasks: Mapping[str, Task]
    answers: Mapping[str, Answer]
    comparisons: Mapping[str, Comparison]
    judgments: Mapping[str, Sequence[Judgment]]
    """Comparison -> its readable judgments, in the order asked."""
    grades: Mapping[str, Sequence[Grade]]
    """Answer -> its readable grades, in the order asked."""
    reviews: Mapping[str, Sequence[Review]]
    """Comparison -> what people said of it: those that came with it, then those collected."""

    @classmethod
    def read(cls, directory: RunDirectory, number: int, people: Mapping[str, Sequence[Review]]) -> _Part:
        """Part `number`; `people`: reviews collected since, by comparison."""
        judgments: dict[str, list[Judgment]] = {}
        for judgment in directory.rows(Judgment, number):
            if judgment.failure is None:
                judgments.setdefault(judgment.comparison_id, []).append(judgment)
        grades: dict[str, dict[str, Grade]] = {}
        for grade in directory.rows(Grade, number):
            if grade.failure is None:
                grades.setdefault(grade.answer_id, {})[grade.id] = grade
        reviews: dict[str, list[Review]] = {}
        for review in directory.rows(Review, number):
            reviews.setdefault(review.comparison_id, []).append(review)
        comparisons = {comparison.id: comparison for comparison in directory.rows(Comparison, number)}
        for comparison_id in comparisons.keys() & people.keys():
            reviews.setdefault(comparison_id, []).extend(people[comparison_id])
        return cls(
            losses=directory.rows(Loss, number),
            tasks={task.id: task for task in directory.rows(Task, number)},
            answers={answer.id: answer for answer in directory.rows(Answer, number)},
            comparisons=comparisons,
            judgments=judgments,
            grades={answer: tuple(some.values()) for answer, some in grades.items()},
            reviews=reviews,
        )

    def compared(self, verdicts: Sequence[Verdict], lost: set[str]) -> Iterator[Example]:
        """An example for each verdict; `lost`: ids of grades that are not kept."""
        for verdict in verdicts:
            comparison = self.comparisons[verdict.comparison_id]
            yield Example(
                index=0,
                task=self.tasks[verdict.task_id],
                answers=tuple(self.answers[answer] for answer in comparison.answer_ids),
                comparison=comparison,
                judgments=tuple(self.judgments.get(comparison.id, ())),
                verdict=verdict,
                grades=tuple(grade for answer in comparison.answer_ids for grade in self._kept(answer, lost)),
                reviews=tuple(self.reviews.get(comparison.id, ())),
            )

    def graded(self, lost: set[str]) -> Iterator[Example]:
        """An example for each answer with a grade that is kept."""
        for answer_id in self.grades:
            if some := self._kept(answer_id, lost):
                answer = self.answers[answer_id]
                yield Example(index=0, task=self.tasks[answer.task_id], answers=(answer,), grades=some)

    def _kept(self, answer_id: str, lost: set[str]) -> tuple[Grade, ...]:
        return tuple(grade for grade in self.grades.get(answer_id, ()) if grade.id not in lost)


def _as_published(example: Example) -> Example:
    """The example with the reference that its judgments were shown, where teachers wrote their own: that of the first
    judgment that supports the verdict, and without the judgments that were shown another."""
    own = [one for one in example.judgments if one.own_reference is not None]
    if not own or example.verdict is None:
        return example
    winner = example.verdict.winner
    chosen = next((one for one in own if _winner(one) == winner), own[0])
    kept = tuple(one for one in example.judgments if one.own_reference in (None, chosen.own_reference))
    task = with_reference(example.task, chosen.own_reference or "", chosen.teacher)
    return example.model_copy(update={"task": task, "judgments": kept})


def _winner(judgment: Judgment) -> Winner | None:
    scores = judgment.weighed_by_answer
    return winner_at(scores[0] - scores[1]) if scores is not None and len(scores) == 2 else None
