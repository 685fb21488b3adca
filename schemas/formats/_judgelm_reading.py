"""JudgeLM's files back into Examples: the ones written here and the published set's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest

from ..errors import Unreadable
from ..judgelm_prompt import read_scores
from ..labels import margin_between
from ..rows import Answer, Comparison, Example, Judgment, Loss, Message, Reference, Task, Verdict
from ..sampling import Sampling
from . import Record
from ._judgelm_choice import winner_of
from ._lines import Line, lines_of, lost, rows


def read_train(files: Mapping[str, Iterable[Record]], name: str) -> Iterator[Example | Loss]:
    """Examples of the training file."""

    def example(line: Line, _: int) -> Example:
        return _example(line, (line, "text", "score"), (line, "text_w_reference", "score_w_reference"), line)

    return rows(lines_of(files, name), example, "question_id")


def read_validation(
    files: Mapping[str, Iterable[Record]], questions: str, judgments: str, with_reference: str, references: str
) -> Iterator[Example | Loss]:
    """Examples of the four validation files, which align by line; none where all four are absent."""
    names = (questions, judgments, with_reference, references)
    present = [name for name in names if name in files]
    if not present:
        return
    for name in names:
        if name not in files:
            raise ValueError(f"{name}: missing beside {present[0]}; the four validation files belong together")
    for number, aligned in enumerate(zip_longest(*(lines_of(files, name) for name in names)), start=1):
        for name, line in zip(names, aligned, strict=True):
            if line is None:
                raise ValueError(f"{name}:{number}: ends here while others go on; the validation files align by line")
        question, plain, referenced, reference = aligned
        for line in (plain, referenced, reference):
            if line.has("question_id") and line.whole("question_id") != question.whole("question_id"):
                raise line.wrong("question_id", f"differs from line {number} of {questions}")
        try:
            yield _example(question, (plain, "text", "score"), (referenced, "text", "score"), reference)
        except ValueError as problem:
            yield lost(question, str(problem), "question_id")


def _example(line: Line, plain: tuple[Line, str, str], referenced: tuple[Line, str, str], reference: Line) -> Example:
    task = task_of(line, reference)
    answers = _answers(line, task)
    comparison = Comparison(
        task_id=task.id,
        answer_ids=tuple(answer.id for answer in answers),
        models=tuple(answer.model for answer in answers),
    )
    first, second = _judgment(comparison, *plain, False), _judgment(comparison, *referenced, True)
    scores = first.scores or ()
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="unknown",
        judgment_ids=(first.id,),
        winner=winner_of(scores),
        margin=margin_between(scores),
    )
    return Example(
        index=line.whole("question_id"),
        task=task,
        answers=answers,
        comparison=comparison,
        judgments=(first,) if first.raw == second.raw else (first, second),
        verdict=verdict,
    )


def task_of(line: Line, at: Line) -> Task:
    """`reference.model` names the reference, or the task where there is no reference."""
    reference = at.inside("reference")
    text = reference.text("text")
    name = (reference.text("model") or None) if reference.has("model") else None
    return Task(
        source_id=None if text else name,
        messages=(Message(role="user", content=line.text("question_body")),),
        reference=Reference(text=text, model=name) if text else None,
        source=line.file,
        line=line.number,
    )


def _answers(line: Line, task: Task) -> tuple[Answer, Answer]:
    models = [line.text(f"answer{number}_model_id") for number in (1, 2)]
    first, second = (
        Answer(
            task_id=task.id,
            model=models[index],
            sample=index if models[0] == models[1] else 0,
            text=line.text(f"answer{index + 1}_body"),
            sampling=Sampling(temperature=0) if method == "greedy" else Sampling(),
            # A name of its own for sampled answers, whose parameters are not in the file; others are as recorded.
            origin="judgelm" if method == "top_p_sampling" else "recorded",
        )
        for index, method in enumerate(decoding_method_at(line, number) for number in (1, 2))
    )
    return first, second


def decoding_method_at(line: Line, number: int) -> str:
    if not line.has(f"answer{number}_metadata"):
        return ""
    metadata = line.inside(f"answer{number}_metadata")
    return metadata.text("decoding_method") if metadata.has("decoding_method") else ""


def _judgment(comparison: Comparison, line: Line, text_key: str, score_key: str, with_reference: bool) -> Judgment:
    text, stated = line.text(text_key), line.numbers(score_key)
    try:
        scores, rationale = read_scores(text, 2)
    except Unreadable as problem:
        raise line.wrong(text_key, str(problem)) from problem
    if stated != scores:
        raise line.wrong(score_key, f"{list(stated)} is not what {text_key} says ({list(scores)})")
    return Judgment(
        comparison_id=comparison.id,
        task_id=comparison.task_id,
        teacher="unknown",
        judge="judgelm",
        shown=(0, 1),
        with_reference=with_reference,
        scores=scores,
        rationale=rationale,
        raw=text,
    )
