"""From a row of UltraFeedback to an Example."""

from __future__ import annotations

from collections import Counter

from ..labels import margin_between, winner_at
from ..rows import Answer, Aspect, Comparison, Example, Judgment, Message, Reference, Task, Verdict
from ..ultrafeedback_aspects import ASPECTS, OVERALL, means, rationale_of
from ._lines import Line
from ._ultrafeedback_annotation import read_annotation

_NONE = "None"
_NEAR = 0.01
"""How far a stored mean may be from that of the ratings; published ones are rounded."""


def example_at(line: Line, index: int) -> Example:
    """The example of a row. Raises `ValueError` where it is none."""
    completions = line.each("completions")
    if len(completions) < 2:
        raise line.wrong("completions", f"expected two or more (got {len(completions)})")
    task = _task(line, completions)
    answers = _answers(task, completions)
    comparison = Comparison(
        task_id=task.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    aspects = _aspects(completions)
    scores = _scores(completions, aspects)
    judgment = Judgment(
        comparison_id=comparison.id,
        task_id=task.id,
        teacher="unknown",
        judge="ultrafeedback",
        shown=tuple(range(len(answers))),
        scores=scores,
        rationale=rationale_of(aspects),
        aspects=aspects,
    )
    verdict = _verdict(judgment, scores)
    return Example(
        index=index, task=task, answers=answers, comparison=comparison, judgments=(judgment,), verdict=verdict
    )


def _task(line: Line, completions: tuple[Line, ...]) -> Task:
    prompts = {completion.text("custom_system_prompt") for completion in completions}
    system = prompts.pop() if len(prompts) == 1 else ""
    messages = [Message(role="system", content=system)] if system else []
    messages.append(Message(role="user", content=line.text("instruction")))
    correct = line.record.get("correct_answers")
    if not isinstance(correct, list) or not all(isinstance(entry, str) for entry in correct):
        raise line.wrong("correct_answers", f"expected a list of texts (got {correct!r})")
    known = [entry for entry in correct if entry != _NONE]
    reference = Reference(text=known[0]) if known else None
    return Task(messages=tuple(messages), reference=reference, source=line.text("source"))


def _answers(task: Task, completions: tuple[Line, ...]) -> tuple[Answer, ...]:
    seen: Counter[str] = Counter()
    answers = []
    for completion in completions:
        model = completion.text("model")
        answers.append(
            Answer(
                task_id=task.id, model=model, sample=seen[model], text=completion.text("response"), origin="recorded"
            )
        )
        seen[model] += 1
    return tuple(answers)


def _aspects(completions: tuple[Line, ...]) -> tuple[Aspect, ...]:
    aspects = []
    for name in ASPECTS:
        read = [read_annotation(completion.inside("annotations"), name) for completion in completions]
        ratings, feedback = zip(*read, strict=True)
        aspects.append(Aspect(criterion=name, scores=ratings, feedback=feedback))
    scored = [completion for completion in completions if completion.has("overall_score")]
    if scored:
        aspects.append(
            Aspect(
                criterion=OVERALL,
                scores=tuple(c.number_at("overall_score") if c.has("overall_score") else None for c in completions),
                feedback=tuple(c.text("critique") if c.has("critique") else "" for c in completions),
            )
        )
    return tuple(aspects)


def _scores(completions: tuple[Line, ...], aspects: tuple[Aspect, ...]) -> tuple[float, ...]:
    scores = []
    for completion, mean in zip(completions, means(aspects), strict=True):
        if mean is None:
            raise completion.wrong("annotations", "no aspect is rated")
        if completion.has("fine-grained_score"):
            stored = completion.number_at("fine-grained_score")
            if abs(stored - mean) > _NEAR:
                raise completion.wrong("fine-grained_score", f"the ratings' mean is {mean:g} (got {stored:g})")
        scores.append(mean)
    return tuple(scores)


def _verdict(judgment: Judgment, scores: tuple[float, ...]) -> Verdict:
    common = {
        "comparison_id": judgment.comparison_id,
        "task_id": judgment.task_id,
        "protocol": "unknown",
        "judgment_ids": (judgment.id,),
    }
    if len(scores) != 2:
        return Verdict.model_validate({**common, "scores": scores})
    margin = margin_between(scores)
    winner = winner_at(margin)
    return Verdict.model_validate({**common, "winner": winner, "margin": margin})
