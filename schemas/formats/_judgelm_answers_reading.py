"""JudgeLM's files for several answers back into Examples: the ones written here and the published set's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, zip_longest

from ..errors import Unreadable
from ..judgelm_prompt import FEWEST, MOST, read_scores
from ..labels import margin_between
from ..rows import Answer, Comparison, Example, Judgment, Loss, Message, Task, Verdict
from ..sampling import Sampling
from . import Record
from ._judgelm_choice import winner_of
from ._judgelm_reading import decoding_method_at, task_of
from ._lines import Line, lines_of, lost


@dataclass(frozen=True, slots=True)
class Names:
    """What the files are called."""

    samples: str
    judgments: str
    with_reference: str
    references: str
    answers: tuple[str, ...]


def read(files: Mapping[str, Iterable[Record]], names: Names) -> Iterator[Example | Loss]:
    """Examples of the files, which align by line. Raises `ValueError` where they do not."""
    samples = lines_of(files, names.samples) if names.samples in files else _joined(files, names.answers)
    beside = [name for name in (names.judgments, names.with_reference, names.references) if name in files]
    for number, aligned in enumerate(zip_longest(samples, *(lines_of(files, name) for name in beside)), start=1):
        for name, line in zip((names.samples, *beside), aligned, strict=True):
            if line is None:
                raise ValueError(f"{name}:{number}: ends here while others go on; the files align by line")
        sample, *others = aligned
        for line in others:
            if line.record.get("question_id", None) not in (None, sample.record.get("question_id")):
                raise line.wrong("question_id", f"differs from line {number} of {sample.file}")
        found = dict(zip(beside, others, strict=True))
        try:
            yield _example(
                sample, found.get(names.judgments), found.get(names.with_reference), found.get(names.references)
            )
        except ValueError as problem:
            yield lost(sample, str(problem), "question_id")


def _joined(files: Mapping[str, Iterable[Record]], names: Sequence[str]) -> Iterator[Line]:
    """Samples made of the answer files."""
    present = [name for name in names if name in files]
    for number, lines in enumerate(zip_longest(*(lines_of(files, name) for name in present)), start=1):
        row: Record = {}
        for place, (name, line) in enumerate(zip(present, lines, strict=True), start=1):
            if line is None:
                raise ValueError(f"{name}:{number}: ends here while others go on; the answer files align by line")
            for key in ("question_id", "question_body"):
                if line.record.get(key) != lines[0].record.get(key):
                    raise line.wrong(key, f"differs from line {number} of {present[0]}")
                row[key] = line.record.get(key)
            metadata = {"decoding_method": line.record.get("decoding_method")}
            row[f"answer{place}_body"] = line.record.get("text")
            row[f"answer{place}_model_id"] = line.record.get("model")
            row[f"answer{place}_metadata"] = metadata
        yield Line(present[0], number, row)


def _example(line: Line, plain: Line | None, referenced: Line | None, reference: Line | None) -> Example:
    task = task_of(line, reference) if reference else _plain_task(line)
    answers = tuple(_answers(line, task))
    if not FEWEST <= len(answers) <= MOST:
        raise line.wrong("answer1_body", f"expected {FEWEST} to {MOST} answers (got {len(answers)})")
    comparison = Comparison(
        task_id=task.id,
        answer_ids=tuple(answer.id for answer in answers),
        models=tuple(answer.model for answer in answers),
    )
    judgments: list[Judgment] = []
    for judged, with_reference in ((plain, False), (referenced, True)):
        if judged is not None:
            judgment = _judgment(comparison, judged, with_reference)
            if judgment.raw not in [other.raw for other in judgments]:
                judgments.append(judgment)
    return Example(
        index=line.whole("question_id"),
        task=task,
        answers=answers,
        comparison=comparison,
        judgments=tuple(judgments),
        verdict=_verdict(judgments[0]) if judgments else None,
    )


def _plain_task(line: Line) -> Task:
    messages = (Message(role="user", content=line.text("question_body")),)
    return Task(messages=messages, source=line.file, line=line.number)


def _answers(line: Line, task: Task) -> Iterator[Answer]:
    models: list[str] = []
    for number in count(1):
        if f"answer{number}_body" not in line.record:
            return
        key = f"answer{number}_model_id"
        model = line.text(key) if line.has(key) else "unknown"
        method = decoding_method_at(line, number)
        yield Answer(
            task_id=task.id,
            model=model,
            sample=models.count(model),
            text=line.text(f"answer{number}_body"),
            sampling=Sampling(temperature=0) if method == "greedy" else Sampling(),
            # A name of its own for sampled answers, whose parameters are not in the file; others are as recorded.
            origin="judgelm" if method == "top_p_sampling" else "recorded",
        )
        models.append(model)


def _judgment(comparison: Comparison, line: Line, with_reference: bool) -> Judgment:
    text, stated = line.text("text"), line.numbers("score")
    answers = len(comparison.answer_ids)
    try:
        scores, rationale = read_scores(text, answers)
    except Unreadable as problem:
        raise line.wrong("text", str(problem)) from problem
    if stated != scores:
        raise line.wrong("score", f"{list(stated)} is not what text says ({list(scores)})")
    return Judgment(
        comparison_id=comparison.id,
        task_id=comparison.task_id,
        teacher="unknown",
        judge="judgelm",
        shown=tuple(range(answers)),
        with_reference=with_reference,
        scores=scores,
        rationale=rationale,
        raw=text,
    )


def _verdict(judgment: Judgment) -> Verdict:
    """What the judgment alone says: of a pair the winner, of more answers their scores."""
    scores = judgment.scores or ()
    pair = len(scores) == 2
    return Verdict(
        comparison_id=judgment.comparison_id,
        task_id=judgment.task_id,
        protocol="unknown",
        judgment_ids=(judgment.id,),
        winner=winner_of(scores) if pair else None,
        margin=margin_between(scores) if pair else None,
        scores=() if pair else scores,
    )
