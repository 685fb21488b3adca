"""A row of the Preference-Collection back into an Example: the ones written here and the published set's."""

from __future__ import annotations

from ..errors import Unreadable
from ..prometheus_prompt import LEVELS, REFERENCE_SECTION, read_better
from ..rows import Answer, Comparison, Example, Grade, Judgment, Message, Reference, Task, Verdict
from ..rubric import Rubric
from ._lines import Line
from ._prometheus_provenance import name, source_id

_SCORES = {"": None, **{str(score): score for score in LEVELS}}


def example_of(line: Line, index: int) -> Example:
    """The pair of one row, A first. Raises `ValueError` where columns are missing or contradict each other."""
    reference = line.text("orig_reference_answer")
    task = Task(
        source_id=source_id(line),
        messages=(Message(role="user", content=line.text("orig_instruction")),),
        reference=Reference(text=reference) if reference else None,
        rubric=Rubric(criteria=line.text("orig_criteria")),
        source=line.file,
        line=line.number,
    )
    better, comparative = _result(line)
    feedback = line.text("orig_feedback_A"), line.text("orig_feedback_B")
    graded, scores = any(feedback), _scores(line)
    if graded and scores == (None, None):
        raise line.wrong("orig_score_A", "empty, while there is feedback on the answers")
    answers = _answers(line, task, (None, None) if graded else scores)
    comparison = Comparison(
        task_id=task.id,
        answer_ids=tuple(answer.id for answer in answers),
        models=tuple(answer.model for answer in answers),
    )
    judgment = Judgment(
        comparison_id=comparison.id,
        task_id=task.id,
        teacher=name(line, "teacher"),
        judge="prometheus_relative",
        shown=(0, 1),
        with_reference=REFERENCE_SECTION in line.text("instruction"),
        scores=(1.0, 0.0) if better == "A" else (0.0, 1.0),
        rationale=comparative,
        raw=line.text("output"),
    )
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="unknown",
        judgment_ids=(judgment.id,),
        winner="first" if better == "A" else "second",
        margin=1.0 if better == "A" else -1.0,
    )
    return Example(
        index=index,
        task=task,
        answers=answers,
        comparison=comparison,
        judgments=(judgment,),
        verdict=verdict,
        grades=_grades(answers, scores, feedback, judgment.with_reference) if graded else (),
    )


def _result(line: Line) -> tuple[str, str]:
    """`A` or `B` and the comparative feedback, from `output`. `orig_preference` must be the same."""
    try:
        better, feedback = read_better(line.text("output"))
    except Unreadable as problem:
        raise line.wrong("output", str(problem)) from problem
    if line.choice("orig_preference", {"A": "A", "B": "B"}) != better:
        raise line.wrong("orig_preference", f"{line.text('orig_preference')!r} is not what output says ({better!r})")
    return better, feedback


def _scores(line: Line) -> tuple[int | None, int | None]:
    """The answers' scores, or None twice. They must say the same as `orig_preference`."""
    first, second = (line.choice(f"orig_score_{side}", _SCORES) for side in "AB")
    if first is None and second is None:
        return None, None
    if first is None or second is None:
        raise line.wrong(f"orig_score_{'A' if first is None else 'B'}", "empty, while the other answer has a score")
    if first == second or (first > second) != (line.text("orig_preference") == "A"):
        raise line.wrong("orig_preference", f"contradicts the scores {first} and {second}")
    return first, second


def _answers(line: Line, task: Task, aims: tuple[int | None, int | None]) -> tuple[Answer, Answer]:
    models = name(line, "model_A"), name(line, "model_B")
    first, second = (
        Answer(
            task_id=task.id,
            model=model,
            sample=place if models[0] == models[1] else 0,
            intended=aims[place],
            text=line.text(f"orig_response_{side}"),
            origin="recorded",
        )
        for place, (side, model) in enumerate(zip("AB", models, strict=True))
    )
    return first, second


def _grades(
    answers: tuple[Answer, Answer], scores: tuple[int | None, int | None], feedback: tuple[str, str], shown: bool
) -> tuple[Grade, ...]:
    """The grades of the answers; `shown`: whether the judge saw the reference."""
    return tuple(
        Grade(
            answer_id=answer.id,
            task_id=answer.task_id,
            teacher="unknown",
            judge="prometheus_absolute",
            with_reference=shown,
            score=score,
            feedback=text,
        )
        for answer, score, text in zip(answers, scores, feedback, strict=True)
    )
