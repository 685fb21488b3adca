"""Flow-Judge's rows: named inputs, an output, a criterion with a level for each score, feedback and a whole score.

Source: the columns of the held-out sets `flowaicom/Flow-Judge-v0.1-{binary,3-likert,5-likert}-heldout` (its training
set is not published) and the types of github.com/flowaicom/flow-judge at 9865fc0 (`flow_judge/eval_data_types.py`,
`flow_judge/metrics/metric.py`). The sets have inputs and output as `{"name": …, "content": …}`, which is written here;
the library takes `{name: text}`, whose keys differ from row to row, so that no table has such columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from ..chat_text import question_text
from ..contents import Content
from ..errors import CannotCarry
from ..flow_judge_prompt import OUTPUT, breaks_prompt, inputs_of, judgment_text, scale_of, user_message
from ..rows import Example, Loss
from ..rubric import Rubric
from . import Format, Record
from ._flow_judge_reading import read_row
from ._graded import graded
from ._lines import lines_of, rows

if TYPE_CHECKING:
    import pyarrow as pa

ROWS, CHAT = "flow_judge.jsonl", "flow_judge_chat.jsonl"
_LEVEL_LINE = re.compile(r"^- Score \d", re.MULTILINE)


class FlowJudge(Format):
    """Single answers graded under a rubric of 0-1, 1-3 or 1-5, for Flow-Judge and judges trained like it."""

    takes: ClassVar[Literal["comparison", "grade"]] = "grade"
    files: ClassVar[tuple[str, ...]] = (ROWS, CHAT)
    carries: ClassVar[frozenset[Content]] = frozenset(
        {"source_id", "reference", "criteria", "levels", "grades", "feedback"}
    )
    loses: ClassVar[tuple[str, ...]] = (
        "names of the answering model and of the teacher",
        "every grade but the first",
        "origin and model of the reference",
        "the division of a chat into turns (it becomes one input)",
        "category and licence",
        "capitals and blanks in names of inputs, and the name of the output (it becomes `response`)",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    chat: bool = False
    """Also write `flow_judge_chat.jsonl`: each row as `messages`, Flow-Judge's prompt and the judgment, for trainers
    that read chats."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row, and its chat form where asked for.

        The question is the input `query`; one that is nothing but `<name>` blocks is the inputs of those names. A
        reference that the teacher was shown is the last input, `reference_answer`; one that it was not shown stands in
        the column `unshown_reference`, which no consumer reads.

        Raises `CannotCarry`: what `graded` refuses, `no_rubric`, `other_scale` (levels that are none of 0-1, 1-3, 1-5),
        `decimal_score`, `score_is_no_level`, `no_feedback`, and `prompt_tag_in_text` where a text contains a tag of the
        prompt, a chat token of the model or, in a level's description, a line that reads as another level.
        """
        _, text, grade, score = graded(example)
        task, rubric = example.task, _rubric(example, score)
        if not grade.feedback.strip():
            raise CannotCarry("no_feedback")
        reference = task.reference.text if task.reference else None
        shown = reference if grade.with_reference else None
        inputs = inputs_of(question_text(task), shown)
        names, descriptions = [name for name, _ in inputs], [level.description for level in rubric.levels]
        texts = (*(value for _, value in inputs), text, rubric.criteria, *descriptions, grade.feedback)
        if any(breaks_prompt(one, (*names, OUTPUT)) for one in texts) or any(map(_LEVEL_LINE.search, descriptions)):
            raise CannotCarry("prompt_tag_in_text")
        levels = sorted(rubric.levels, key=lambda level: level.score)
        yield (
            ROWS,
            {
                "id": task.source_id,
                "inputs": [_named(name, value) for name, value in inputs],
                "output": _named(OUTPUT, text),
                "criteria": rubric.criteria,
                "rubric": [level.model_dump() for level in levels],
                "feedback": grade.feedback,
                "score": int(score),
                "unshown_reference": None if grade.with_reference else reference,
            },
        )
        if self.chat:
            said = {"user": user_message(inputs, text, rubric), "assistant": judgment_text(grade.feedback, int(score))}
            yield CHAT, {"messages": [{"role": role, "content": content} for role, content in said.items()]}

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the rows, those of the published sets and the library's `{name: text}` too; the chat file repeats
        them and is not read.

        Without an `id`, a row has no source id; a number is read as text.
        """
        return rows(lines_of(files, ROWS), read_row, "id")

    def features(self) -> Mapping[str, pa.Schema]:
        import pyarrow

        from ._features import MESSAGES, TEXT, WHOLE, schema

        named = pyarrow.struct([("name", TEXT), ("content", TEXT)])
        columns = schema(
            id=TEXT,
            inputs=pyarrow.list_(named),
            output=named,
            criteria=TEXT,
            rubric=pyarrow.list_(pyarrow.struct([("score", WHOLE), ("description", TEXT)])),
            feedback=TEXT,
            score=WHOLE,
            unshown_reference=TEXT,
        )
        return {ROWS: columns, CHAT: schema(messages=MESSAGES)}

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "The package flow-judge turns a reply that it cannot parse (`1.0`, words) into a score of -1 with the "
            "feedback `Error`, in silence: leave out negative scores before averaging.",
            "The package compares the names of a row's inputs with the metric's `required_inputs` as a set: build a "
            "metric for the rows with `reference_answer` and another for those without.",
            "Inputs and output are named as in the published held-out sets; the package's EvalInput takes "
            '{entry["name"]: entry["content"]} of each.',
            "Flow-Judge is served with a context of 8192 tokens, of which the reply takes up to 1024; its authors warn "
            "of Phi-3 models above 4096.",
        )


def _named(name: str, text: str) -> Record:
    return {"name": name, "content": text}


def _rubric(example: Example, score: float) -> Rubric:
    """The rubric, where it is on one of the three scales and the score is one of its levels."""
    rubric = example.task.rubric
    if rubric is None or not rubric.levels:
        raise CannotCarry("no_rubric")
    scale = scale_of(rubric)
    if scale is None:
        raise CannotCarry("other_scale")
    if not score.is_integer():
        raise CannotCarry("decimal_score")
    if score not in scale:
        raise CannotCarry("score_is_no_level")
    return rubric
