"""Prometheus' Feedback-Collection: one answer, a rubric with five levels, feedback and a score from 1 to 5.

Source: the data set `prometheus-eval/Feedback-Collection` (one JSON array, 14 columns of text), read by the trainer
`train/ft_datasets/feedback_collection_dataset.py` of github.com/prometheus-eval/prometheus at 60e2c58 and by
`train/recipes/prometheus-v2.0/prepare_dataset.py` of github.com/prometheus-eval/prometheus-eval at dcfb442. The chat
form is what the latter makes of a row: no system role, the system prompt before the instruction in the user's turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from ..chat_text import question_text
from ..contents import Content
from ..errors import CannotCarry, Unreadable
from ..prometheus_prompt import (
    ABSOLUTE_SYSTEM,
    LEVELS,
    REFERENCE_SECTION,
    Version,
    absolute_prompt,
    absolute_shows_reference,
    read_score,
    without_label,
)
from ..rows import Answer, Example, Grade, Loss, Message, Reference, Task
from ..rubric import Level, Rubric
from . import Format, Record
from ._graded import graded
from ._lines import Line, lines_of, rows
from ._prometheus_provenance import SHARED, name, shared_columns, source_id
from ._prometheus_text import chat_row, output_text, refuse_long, refuse_sections, refuse_titles

if TYPE_CHECKING:
    import pyarrow as pa

ROWS, CHAT = "feedback_collection.json", "feedback_collection_chat.jsonl"
COLUMNS = (
    "instruction", "output", "input", "orig_instruction", "orig_response", "orig_reference_answer", "orig_criteria",
    *(f"orig_score{score}_description" for score in LEVELS), "orig_feedback", "orig_score",
)  # fmt: skip
_SCORES = {str(score): float(score) for score in LEVELS}
_INTENDED = {"": None, **{str(score): score for score in LEVELS}}


class FeedbackCollection(Format):
    """Prometheus' training rows for absolute grading: prompt, feedback and `[RESULT]` with a score from 1 to 5."""

    takes: ClassVar[Literal["comparison", "grade"]] = "grade"
    files: ClassVar[tuple[str, ...]] = (ROWS, CHAT)
    carries: ClassVar[frozenset[Content]] = frozenset({"reference", "criteria", "levels", "grades", "feedback"})
    loses: ClassVar[tuple[str, ...]] = (
        "models, teacher, intended scores and the source's own id (kept with `provenance`)",
        "every grade but the first",
        "origin and model of the reference",
        "the division of a chat into turns (it becomes one instruction)",
        "category and licence",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    template: Version = "training"
    """Which published prompt stands in `instruction`: `training` (the published rows'), `evaluation`
    (`eval/prompts.py`, never with a reference), `package-0.1.20` or `package-dcfb442`. Take the one that the trained
    judge will be asked with."""
    without_reference: bool = False
    """Also write answers that were graded without a reference, with the template that shows none. The published set has
    no such row, and loaders that expect a reference find none."""
    chat: bool = False
    """Also write `feedback_collection_chat.jsonl`: each row as `messages`, for trainers that read chats."""
    provenance: bool = False
    """Add columns that the published set lacks: `instruction_id`, `rubric_id`, `source_id`, `teacher`, `model` and
    `intended_score` (the score that the answer was written to deserve; empty for plain answers)."""
    max_tokens: int = Field(4096, ge=1)
    """Refuse a row (`too_long`) whose prompt and output are longer. An estimate: UTF-8 bytes divided by 4. Prometheus 2
    trains with 4096, Prometheus 1 with 2048; both cut off the end, which is the score."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row, and its chat form where asked for.

        Raises `CannotCarry`: what `graded` and `output_text` refuse, `no_rubric`, `rubric_without_levels_1_to_5`,
        `score_not_1_to_5`, `empty_answer`, `no_reference` and `judged_without_reference` (see `without_reference`),
        `template_shows_no_reference`, `section_mark_in_text` and `section_title_in_text` (a text that the prompt's
        readers would take for a part of it), and `too_long`.
        """
        answer, text, grade, score = graded(example)
        task = example.task
        rubric, reference = _rubric(task), task.reference.text if task.reference else ""
        if score not in LEVELS:
            raise CannotCarry("score_not_1_to_5")
        if not text.strip():
            raise CannotCarry("empty_answer")
        shows = grade.with_reference and bool(reference.strip())
        if not shows and not self.without_reference:
            raise CannotCarry("judged_without_reference" if reference.strip() else "no_reference")
        if shows and not absolute_shows_reference(self.template):
            raise CannotCarry("template_shows_no_reference")
        question, descriptions = question_text(task), [level.description for level in rubric.levels]
        texts = (question, text, rubric.criteria, *descriptions)
        refuse_sections(*texts, reference)
        refuse_titles(texts, reference)
        prompt = absolute_prompt(self.template, question, text, rubric, reference if shows else None)
        output = output_text(grade.feedback, str(int(score)))
        refuse_long(ABSOLUTE_SYSTEM, prompt, output, most=self.max_tokens)
        described = {f"orig_score{level.score}_description": level.description for level in rubric.levels}
        row = {
            "instruction": prompt,
            "output": output,
            "input": "",
            "orig_instruction": question,
            "orig_response": text,
            "orig_reference_answer": reference,
            "orig_criteria": rubric.criteria,
            **described,
            "orig_feedback": without_label(grade.feedback),
            "orig_score": str(int(score)),
        }
        yield ROWS, {**row, **_provenance(task, answer, grade)} if self.provenance else row
        if self.chat:
            yield CHAT, chat_row(ABSOLUTE_SYSTEM, prompt, output)

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the rows, the published set's too; the chat file repeats them and is not read.

        Feedback and score are read from `output`, with whatever blanks stand before its mark; `orig_score` must agree.
        """
        return rows(lines_of(files, ROWS), _example)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import MESSAGES, schema, texts

        extra = (*SHARED, "model", "intended_score") if self.provenance else ()
        return {ROWS: texts(*COLUMNS, *extra), CHAT: schema(messages=MESSAGES)}

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            f"The prompts are the template {self.template!r}. Prometheus has published several, which differ in rule "
            "3; ask the trained judge with the one it was trained on.",
            "`output` follows the prompt at once: the prompt ends with a blank of its own.",
            "Scores are text, as in the published set. They are judgments of answers that exist; the published set "
            "wrote an answer for each score, 20% each. Check how often each score occurs.",
            f"Rows are refused above {self.max_tokens} tokens, estimated as bytes / 4. Prometheus 1 trains with 2048.",
        )


def _provenance(task: Task, answer: Answer, grade: Grade) -> Record:
    intended = "" if answer.intended is None else str(answer.intended)
    return {**shared_columns(task, grade.teacher), "model": answer.model, "intended_score": intended}


def _rubric(task: Task) -> Rubric:
    if task.rubric is None:
        raise CannotCarry("no_rubric")
    if tuple(level.score for level in task.rubric.levels) != LEVELS:
        raise CannotCarry("rubric_without_levels_1_to_5")
    return task.rubric


def _example(line: Line, index: int) -> Example:
    reference = line.text("orig_reference_answer")
    levels = tuple(Level(score=score, description=line.text(f"orig_score{score}_description")) for score in LEVELS)
    task = Task(
        source_id=source_id(line),
        messages=(Message(role="user", content=line.text("orig_instruction")),),
        reference=Reference(text=reference) if reference else None,
        rubric=Rubric(criteria=line.text("orig_criteria"), levels=levels),
        source=line.file,
        line=line.number,
    )
    answer = Answer(
        task_id=task.id,
        model=name(line, "model"),
        intended=line.choice("intended_score", _INTENDED) if line.has("intended_score") else None,
        text=line.text("orig_response"),
        origin="recorded",
    )
    try:
        score, feedback = read_score(line.text("output"))
    except Unreadable as problem:
        raise line.wrong("output", str(problem)) from problem
    if line.choice("orig_score", _SCORES) != score:
        raise line.wrong("orig_score", f"{line.text('orig_score')!r} is not what output says ({int(score)})")
    grade = Grade(
        answer_id=answer.id,
        task_id=task.id,
        teacher=name(line, "teacher"),
        judge="prometheus_absolute",
        with_reference=REFERENCE_SECTION in line.text("instruction"),
        score=score,
        feedback=feedback,
        raw=line.text("output"),
    )
    return Example(index=index, task=task, answers=(answer,), grades=(grade,))
