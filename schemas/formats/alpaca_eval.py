"""AlpacaEval's annotations: which of two outputs an annotator prefers, as one number.

Source: `annotations.json` as `src/alpaca_eval/main.py` of github.com/tatsu-lab/alpaca_eval at cd543a1 writes and reads
it, and `results/*/*/annotations.json` there. `preference` is 1 where output_1 is better, 2 where output_2 is, 1.5 for a
tie, and in between for annotators that weigh both (1 plus the share of output_2); null where the annotator's reply
could not be read; 0 for a tie in older files. Win rates are those of output_2's generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import TYPE_CHECKING, ClassVar

from ..contents import Content
from ..errors import CannotCarry
from ..labels import margin_between
from ..rows import Answer, Comparison, Example, Judgment, Loss, Message, Task, Verdict, Winner
from . import Format, Record
from ._chat import only_question
from ._lines import Line, lines_of, rows
from ._pair import pair_of

if TYPE_CHECKING:
    import pyarrow as pa

ANNOTATIONS = "annotations.json"
_PREFERENCE: dict[Winner, float] = {"first": 1.0, "tie": 1.5, "second": 2.0}


class AlpacaEval(Format):
    """Two outputs and the annotator's preference, for AlpacaEval's win rates and analyses."""

    files: ClassVar[tuple[str, ...]] = (ANNOTATIONS,)
    carries: ClassVar[frozenset[Content]] = frozenset({"category", "models", "winner", "order", "teacher"})
    loses: ClassVar[tuple[str, ...]] = (
        "chats",
        "margins and scores, save the shares of annotators that weigh both outputs",
        "explanations, the single judgments and their consistency",
        "what people said",
        "reference, rubric, licence and the source's own id",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    baseline: str | None = None
    """Model whose answer is always output_1, as AlpacaEval's leaderboards have it; pairs without it are refused. None
    keeps each comparison's own order."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One annotation. `annotator` names the teachers, joined by `+` where there are several.

        The preference is the verdict's; where it rests on judgments whose two scores are shares (0 to 1, adding up to
        1) and agrees with their mean, it is 1 plus the mean share of output_2.

        Raises `CannotCarry`: `no_comparison`, `more_than_two_answers`, `failed_answer`, `no_verdict`, `failed_verdict`,
        `not_single_turn`, `no_baseline`, and `identical_answers` where one of two equal outputs won (AlpacaEval turns
        that into a tie).
        """
        pair = pair_of(example)
        winner = pair.winner()
        if winner != "tie" and pair.first.text == pair.second.text:
            raise CannotCarry("identical_answers")
        preference, outputs = _preference(example, winner), (pair.first, pair.second)
        if self.baseline is not None and self.baseline != pair.first.model:
            if self.baseline != pair.second.model:
                raise CannotCarry("no_baseline")
            preference, outputs = 3 - preference, outputs[::-1]
        teachers = dict.fromkeys(
            [*(each.teacher for each in example.judgments), *(each.teacher for each in example.grades)]
        )
        yield (
            ANNOTATIONS,
            {
                "dataset": example.task.category,
                "instruction": only_question(example.task),
                "output_1": outputs[0].text,
                "generator_1": outputs[0].model,
                "output_2": outputs[1].text,
                "generator_2": outputs[1].model,
                "annotator": "+".join(teachers) or "unknown",
                "preference": preference,
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples in the order of the file. The annotator's judgment has the shares of both outputs as its scores, and
        the margin is their difference (-1 to 1).

        A failed annotation (null or NaN) comes as a loss. `dataset`, the generators and `annotator` may be absent;
        other keys (`raw_completion`, prices, times) are not read.
        """
        return rows(lines_of(files, ANNOTATIONS), _example)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import NUMBER, TEXT, schema

        return {
            ANNOTATIONS: schema(
                dataset=TEXT,
                instruction=TEXT,
                output_1=TEXT,
                generator_1=TEXT,
                output_2=TEXT,
                generator_2=TEXT,
                annotator=TEXT,
                preference=NUMBER,
            )
        }

    def notes(self) -> tuple[str, ...]:
        """What a person who evaluates with this file must know; printed with the export and written on its card."""
        return (
            "AlpacaEval's win rate is that of output_2's generator over all rows, whichever models they are: keep one "
            "pair of models in a file, and set `baseline` to have the reference model as output_1.",
            "Length-controlled win rates need AlpacaEval's own instructions, in their order.",
        )


def _preference(example: Example, winner: Winner) -> float:
    used = example.verdict.judgment_ids if example.verdict else ()
    judgments = [each for each in example.judgments if each.id in used] or example.judgments
    shares = [each.by_answer for each in judgments if each.by_answer]
    if shares and all(min(both) >= 0 and sum(both) == 1 for both in shares):
        mean = 1 + fmean(second for _, second in shares)
        if _winner(mean) == winner:
            return mean
    return _PREFERENCE[winner]


def _winner(preference: float) -> Winner:
    return "tie" if preference == 1.5 else "first" if preference < 1.5 else "second"


def _example(line: Line, index: int) -> Example:
    preference = _read_preference(line)
    task = Task(
        messages=(Message(role="user", content=line.text("instruction")),),
        category=line.text("dataset") if line.has("dataset") else None,
        source=line.file,
        line=line.number,
    )
    models = [line.text(key) if line.has(key) else "unknown" for key in ("generator_1", "generator_2")]
    answers = tuple(
        Answer(
            task_id=task.id,
            model=model,
            sample=place if models[0] == models[1] else 0,
            text=line.text(f"output_{place + 1}"),
            origin="recorded",
        )
        for place, model in enumerate(models)
    )
    comparison = Comparison(task_id=task.id, answer_ids=tuple(answer.id for answer in answers), models=tuple(models))
    # Both differences are exact for numbers from 1 to 2, so that the preference can be written again as it stood.
    scores = (2 - preference, preference - 1)
    judgment = Judgment(
        comparison_id=comparison.id,
        task_id=task.id,
        teacher=line.text("annotator") if line.has("annotator") else "unknown",
        judge="alpaca_eval",
        shown=(0, 1),
        scores=scores,
    )
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="unknown",
        judgment_ids=(judgment.id,),
        winner=_winner(preference),
        margin=margin_between(scores),
    )
    return Example(
        index=index, task=task, answers=answers, comparison=comparison, judgments=(judgment,), verdict=verdict
    )


def _read_preference(line: Line) -> float:
    if "preference" in line.record and not line.has("preference"):
        raise line.wrong("preference", "the annotation failed (null)")
    preference = line.number_at("preference")
    if math.isnan(preference):
        raise line.wrong("preference", "the annotation failed (NaN)")
    if preference == 0:
        return 1.5
    if not 1 <= preference <= 2:
        raise line.wrong("preference", f"expected 1 to 2, or 0 for a tie (got {preference})")
    return preference
