"""Examples from lines of MT-Bench judgments."""

from __future__ import annotations

from ..errors import Unreadable
from ..mt_bench_reply import read_rating, read_verdict
from ..rows import Answer, Comparison, Example, Grade, Judgment, Reference, Task, Verdict, Winner
from ._lines import Line
from ._mt_bench_games import GAMES, LETTERS, NAMES, outcome
from ._mt_bench_reading import Asked, read_prompt

_WINNERS = {name: winner for winner, name in NAMES.items()}
_SCORES = {"A": (1.0, 0.0), "B": (0.0, 1.0), "C": (0.5, 0.5)}
"""As the judge `mt_bench_pair` has it: of the answers in the order shown."""


def read_pair(line: Line, index: int) -> Example:
    """The comparison of a pair's line, with both games. Raises `ValueError`."""
    asked, second = (_asked(line, key) for key in ("g1_user_prompt", "g2_user_prompt"))
    if (second.chat, second.answers[::-1], second.reference) != (asked.chat, asked.answers, asked.reference):
        raise line.wrong("g2_user_prompt", "does not show what g1_user_prompt shows, with the answers exchanged")
    task = _task(line, asked)
    models = (line.text("model_1"), line.text("model_2"))
    answers = tuple(
        Answer(
            task_id=task.id, model=model, sample=number if models[0] == models[1] else 0, text=text, origin="recorded"
        )
        for number, (model, text) in enumerate(zip(models, asked.answers, strict=True))
    )
    comparison = Comparison(task_id=task.id, answer_ids=tuple(answer.id for answer in answers), models=models)
    winners = [_won(line, number) for number in (0, 1)]
    judgments = tuple(_game(line, comparison, number, winners[number], asked) for number in (0, 1))
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="both_orders",
        judgment_ids=tuple(judgment.id for judgment in judgments),
        winner=outcome(*winners),
        consistent=winners[0] == winners[1],
    )
    return Example(index=index, task=task, answers=answers, comparison=comparison, judgments=judgments, verdict=verdict)


def read_single(line: Line, index: int) -> Example:
    """The graded answer of a single line. Raises `ValueError`."""
    asked = _asked(line, "user_prompt")
    task = _task(line, asked)
    answer = Answer(task_id=task.id, model=line.text("model"), text=asked.answers[0], origin="recorded")
    score, reply = line.number_at("score"), line.text("judgment")
    if score == -1:
        raise line.wrong("score", "the judgment failed (-1)")
    try:
        said, feedback = read_rating(reply)
    except Unreadable as problem:
        raise line.wrong("judgment", str(problem)) from problem
    if said != score:
        raise line.wrong("score", f"{score} is not what judgment says ({said})")
    grade = Grade(
        answer_id=answer.id,
        task_id=task.id,
        teacher=_judge(line)[0],
        judge="mt_bench_single",
        with_reference=asked.reference is not None,
        score=score,
        feedback=feedback,
        raw=reply,
    )
    return Example(index=index, task=task, answers=(answer,), grades=(grade,))


def _judge(line: Line) -> tuple[str, str]:
    """The judge's model and its template."""
    judge = line.record.get("judge")
    if not isinstance(judge, list) or len(judge) != 2 or not all(isinstance(part, str) for part in judge):
        raise line.wrong("judge", f"expected a model and its template (got {judge!r})")
    model, template = judge
    return model, template


def _asked(line: Line, key: str) -> Asked:
    _, template = _judge(line)
    kind = "single" if key == "user_prompt" else "pair"
    if not template.startswith(kind):
        raise line.wrong("judge", f"expected a template for {kind} judgments (got {template!r})")
    text = line.text(key)
    try:
        asked = read_prompt(template, text)
    except ValueError as problem:
        raise line.wrong(key, str(problem)) from problem
    if line.whole("turn") != asked.turn:
        raise line.wrong("turn", f"{line.whole('turn')} is not what the template {template} is for ({asked.turn})")
    return asked


def _task(line: Line, asked: Asked) -> Task:
    return Task(
        source_id=str(line.whole("question_id")),
        messages=asked.chat,
        reference=None if asked.reference is None else Reference(text=asked.reference),
        source=line.file,
        line=line.number,
    )


def _won(line: Line, number: int) -> Winner:
    key = f"g{number + 1}_winner"
    if line.text(key) == "error":
        raise line.wrong(key, "the judgment failed (error)")
    return line.choice(key, _WINNERS)


def _game(line: Line, comparison: Comparison, number: int, winner: Winner, asked: Asked) -> Judgment:
    key = f"g{number + 1}_judgment"
    reply = line.text(key)
    try:
        letter, rationale = read_verdict(reply)
    except Unreadable as problem:
        raise line.wrong(key, str(problem)) from problem
    if letter != LETTERS[winner][number]:
        raise line.wrong(f"g{number + 1}_winner", f"{NAMES[winner]} is not what {key} says ([[{letter}]])")
    return Judgment(
        comparison_id=comparison.id,
        task_id=comparison.task_id,
        teacher=_judge(line)[0],
        judge="mt_bench_pair",
        shown=GAMES[number],
        with_reference=asked.reference is not None,
        scores=_SCORES[letter],
        rationale=rationale,
        raw=reply,
    )
