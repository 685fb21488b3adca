"""PandaLM's rows back into Examples: the ones written here and the published ones."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import Unreadable
from ..pandalm_prompt import RESULTS, SCORES, read_evaluation, read_prompt, target, with_input
from ..rows import Answer, Comparison, Example, Judgment, Message, Reference, Review, Task, Verdict, Winner
from ._lines import Line
from ._pandalm_evaluation import JUDGE

ANNOTATORS = ("annotator1", "annotator2", "annotator3")
LABELS: Mapping[int, Winner] = {0: "tie", 1: "first", 2: "second"}


def read_train(line: Line, index: int) -> Example:
    """A pair with one judgment; who judged is not in the file."""
    if line.has("inputs"):
        question, texts, output = _documented(line)
    else:
        question, texts, output = *_sequence(line), line.text("output_sequence")
    try:
        winner, reason, reference = read_evaluation(output)
    except Unreadable as problem:
        raise line.wrong("output_sequence", str(problem)) from problem
    task = _task(line, question, Reference(text=reference, origin="model"))
    models = [line.text(key) if line.has(key) else "unknown" for key in ("model1", "model2")]
    answers, comparison = _met(task, models, texts)
    judgment = Judgment(
        comparison_id=comparison.id,
        task_id=task.id,
        teacher="unknown",
        judge=JUDGE,
        shown=(0, 1),
        scores=SCORES[winner],
        rationale=reason,
        raw=output,
    )
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="unknown",
        judgment_ids=(judgment.id,),
        winner=winner,
        margin=SCORES[winner][0] - SCORES[winner][1],
    )
    return Example(
        index=index, task=task, answers=answers, comparison=comparison, judgments=(judgment,), verdict=verdict
    )


def read_test(line: Line, _: int) -> Example:
    """A pair that three people have judged."""
    number = line.whole("idx")
    task = _task(line, _question(line), None, str(number))
    first, mark, second = line.text("cmp_key").partition("_")
    if not mark or "_" in second:
        raise line.wrong("cmp_key", f"expected two names joined by the only underscore (got {line.text('cmp_key')!r})")
    answers, comparison = _met(task, [first, second], (line.text("response1"), line.text("response2")))
    reviews = tuple(
        Review(comparison_id=comparison.id, task_id=task.id, annotator=annotator, winner=_label(line, annotator))
        for annotator in ANNOTATORS
    )
    return Example(index=number, task=task, answers=answers, comparison=comparison, reviews=reviews)


def _sequence(line: Line) -> tuple[str, tuple[str, str]]:
    try:
        question, first, second = read_prompt(line.text("input_sequence"))
    except Unreadable as problem:
        raise line.wrong("input_sequence", str(problem)) from problem
    return question, (first, second)


def _documented(line: Line) -> tuple[str, tuple[str, str], str]:
    """Question, responses and target of a row as the README documents them."""
    given, said = line.inside("inputs"), line.inside("outputs")
    winner = said.choice("evaluation_result", RESULTS)
    output = target(winner, said.text("evaluation_reason"), said.text("reference_response"))
    return _question(given), (given.text("response1"), given.text("response2")), output


def _question(line: Line) -> str:
    instruction, given = line.text("instruction"), line.text("input")
    try:
        return with_input(instruction, given)
    except ValueError as problem:
        raise line.wrong("instruction", str(problem)) from problem


def _task(line: Line, question: str, reference: Reference | None, source_id: str | None = None) -> Task:
    return Task(
        source_id=source_id,
        messages=(Message(role="user", content=question),),
        category=line.text("motivation_app") if line.has("motivation_app") else None,
        reference=reference,
        source=line.file,
        line=line.number,
    )


def _met(task: Task, models: list[str], texts: tuple[str, str]) -> tuple[tuple[Answer, ...], Comparison]:
    answers = tuple(
        Answer(
            task_id=task.id,
            model=model,
            sample=index if models[0] == models[1] else 0,
            text=text,
            origin="recorded",
        )
        for index, (model, text) in enumerate(zip(models, texts, strict=True))
    )
    ids = tuple(answer.id for answer in answers)
    return answers, Comparison(task_id=task.id, answer_ids=ids, models=tuple(models))


def _label(line: Line, annotator: str) -> Winner:
    label = line.whole(annotator)
    if label not in LABELS:
        raise line.wrong(annotator, f"no such label (got {label}). Known: 0, 1, 2.")
    return LABELS[label]
