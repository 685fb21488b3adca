"""A row of Flow-Judge's format back into an Example, in the library's shape or the published sets'."""

from __future__ import annotations

from ..flow_judge_prompt import SCALES, blocks, question_of, scale_of
from ..rows import Answer, Example, Grade, Message, Reference, Task
from ..rubric import Level, Rubric
from ._lines import Line


def read_row(line: Line, index: int) -> Example:
    """One graded answer. Raises `ValueError` that names what the row lacks."""
    inputs = tuple(named for entry in _inputs(line) for named in _named(entry))
    try:
        question, shown = question_of(inputs)
    except ValueError as problem:
        raise line.wrong("inputs", str(problem)) from problem
    reference = shown
    if line.has("unshown_reference"):
        reference = line.text("unshown_reference")
        if shown is not None:  # then `reference_answer` is part of the question
            question, shown = blocks(inputs), None
    rubric = _rubric(line)
    task = Task(
        source_id=_id(line),
        messages=(Message(role="user", content=question),),
        reference=None if reference is None else Reference(text=reference),
        rubric=rubric,
        source=line.file,
        line=line.number,
    )
    answer = Answer(task_id=task.id, model="unknown", text=_output(line), origin="recorded")
    score = line.whole("score")
    if score not in (level.score for level in rubric.levels):
        raise line.wrong("score", f"no level of the rubric (got {score})")
    grade = Grade(
        answer_id=answer.id,
        task_id=task.id,
        teacher="unknown",
        judge="flow_judge",
        with_reference=shown is not None,
        score=float(score),
        feedback=line.text("feedback"),
    )
    return Example(index=index, task=task, answers=(answer,), grades=(grade,))


def _id(line: Line) -> str | None:
    if not line.has("id"):
        return None
    return line.text("id") if isinstance(line.record["id"], str) else str(line.whole("id"))


def _inputs(line: Line) -> tuple[Line, ...]:
    return line.each("inputs") if line.has("inputs") else ()


def _named(entry: Line) -> tuple[tuple[str, str], ...]:
    """Names and texts in `{name: text}` or `{"name": name, "content": text}`."""
    if set(entry.record) == {"name", "content"}:
        return ((entry.text("name"), entry.text("content")),)
    return tuple((name, entry.text(name)) for name in entry.record)


def _output(line: Line) -> str:
    outputs = _named(line.inside("output"))
    if len(outputs) != 1:
        raise line.wrong("output", f"expected one named text (got {len(outputs)})")
    return outputs[0][1]


def _rubric(line: Line) -> Rubric:
    levels = [Level(score=at.whole("score"), description=at.text("description")) for at in line.each("rubric")]
    levels.sort(key=lambda level: level.score)
    rubric = Rubric(criteria=line.text("criteria"), levels=tuple(levels))
    if scale_of(rubric) is None:
        known = "; ".join(", ".join(map(str, scale)) for scale in SCALES)
        raise line.wrong("rubric", f"no such scale (got {[level.score for level in levels]}). Known: {known}.")
    return rubric
