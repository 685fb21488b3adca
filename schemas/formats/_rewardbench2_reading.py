"""Rows with lists of right and wrong answers back into Examples of several answers."""

from __future__ import annotations

from ..rows import Answer, Comparison, Example, Message, Task, Verdict
from ._lines import Line


def example_of(line: Line, index: int) -> Example:
    """The Example of one row, in which right answers have score 1 and wrong ones 0."""
    sides = _texts(line, "chosen"), _texts(line, "rejected")
    for key, number in (
        ("num_correct", len(sides[0])),
        ("num_incorrect", len(sides[1])),
        ("total_completions", len(sides[0]) + len(sides[1])),
    ):
        if line.has(key) and line.whole(key) != number:
            raise line.wrong(key, f"there are {number} (got {line.whole(key)})")
    if not all(sides):
        raise line.wrong("chosen" if sides[1] else "rejected", "expected at least one text")
    task = Task(
        source_id=line.text("id") if line.has("id") else None,
        messages=(Message(role="user", content=line.text("prompt")),),
        category=line.text("subset") if line.has("subset") else None,
        source=line.file,
        line=line.number,
    )
    return _compared(index, task, sides, _texts(line, "models") if line.has("models") else ())


def _compared(
    index: int, task: Task, sides: tuple[tuple[str, ...], tuple[str, ...]], models: tuple[str, ...]
) -> Example:
    texts = (*sides[0], *sides[1])
    if len(models) != len(texts):
        models = ("unknown",) * len(texts)
    scored = sorted(
        (
            (Answer(task_id=task.id, model=model, sample=place, text=text, origin="recorded"), place < len(sides[0]))
            for place, (text, model) in enumerate(zip(texts, models, strict=True))
        ),
        key=lambda entry: entry[0].id,
    )
    answers = tuple(answer for answer, _ in scored)
    comparison = Comparison(
        task_id=task.id,
        answer_ids=tuple(answer.id for answer in answers),
        models=tuple(answer.model for answer in answers),
    )
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="unknown",
        judgment_ids=(),
        scores=tuple(float(right) for _, right in scored),
    )
    return Example(index=index, task=task, answers=answers, comparison=comparison, verdict=verdict)


def _texts(line: Line, key: str) -> tuple[str, ...]:
    value = line.record.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise line.wrong(key, "expected a list of texts" if key in line.record else "there is no such key")
    return tuple(value)
