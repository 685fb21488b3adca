"""Judged pairs as examples, for the tests of what reads rows."""

from __future__ import annotations

from collections.abc import Sequence

from prefmill.schemas.rows import Answer, Comparison, Example, Judgment, Message, Review, Task, Verdict, Winner

BOTH: Sequence[tuple[int, ...]] = ((0, 1), (1, 0))


def judged_pair(
    number: int,
    margins: Sequence[float] = (2, 2),
    *,
    models: tuple[str, str] = ("a", "b"),
    texts: tuple[str, str] = ("one two", "one"),
    families: tuple[str | None, str | None] = (None, None),
    shown: Sequence[tuple[int, ...]] = BOTH,
    teacher: str = "gpt",
    people: Sequence[Winner | None] = (),
    task: int | None = None,
) -> Example:
    """An example whose judgments have `margins` (first minus second answer), one for each order in `shown`."""
    question = Task(source_id=str(number if task is None else task), messages=(Message(role="user", content="Why?"),))
    answers = tuple(
        Answer(task_id=question.id, model=model, family=family, text=text, sample=number)
        for model, family, text in zip(models, families, texts, strict=True)
    )
    comparison = Comparison(task_id=question.id, answer_ids=tuple(answer.id for answer in answers), models=models)
    judgments = tuple(
        Judgment(
            comparison_id=comparison.id,
            task_id=question.id,
            teacher=teacher,
            judge="judgelm",
            shown=order,
            scores=(5 + margin, 5) if order == (0, 1) else (5, 5 + margin),
        )
        for margin, order in zip(margins, shown, strict=True)
    )
    mean = sum(margins) / len(margins)
    winner: Winner = "tie" if mean == 0 else "first" if mean > 0 else "second"
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=question.id,
        protocol="both_orders",
        judgment_ids=tuple(judgment.id for judgment in judgments),
        winner=winner,
        margin=mean,
        consistent=None if len(margins) < 2 else min(margins) * max(margins) > 0,
    )
    reviews = tuple(
        Review(comparison_id=comparison.id, task_id=question.id, annotator=str(place), winner=vote)
        for place, vote in enumerate(people)
    )
    return Example(
        index=number,
        task=question,
        answers=answers,
        comparison=comparison,
        judgments=judgments,
        verdict=verdict,
        reviews=reviews,
    )
