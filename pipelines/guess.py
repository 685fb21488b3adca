"""What a run would cost, guessed from the lengths of its texts alone: no model is asked.

A token is taken for four bytes (https://help.openai.com/en/articles/4936856, for English), a reply for as long as the
recipe allows, or else `REPLY_TOKENS`. Nobody knows how long replies will be before one was made, so there is no range.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..generators.providers import Provider
from ..schemas.rows import Answer, Loss, Message, Task
from .extrapolate import Amount, Use
from .recipe import Recipe

BYTES_A_TOKEN = 4
REPLY_TOKENS = 400
"""Length of a reply where the recipe sets no `max_tokens`."""


def guess(recipe: Recipe) -> tuple[int, dict[tuple[str, str], Use]]:
    """How many tasks there are, and what they would use of each stage and model. Raises `SourceError`."""
    panel, tasks = recipe.judge, 0
    pairs = recipe.compare.wanted([p.label for p in recipe.answers for _ in range(p.samples)])
    asked = asking = judged = judging = 0
    for task in recipe.tasks.tasks():
        if isinstance(task, Loss):
            continue
        tasks += 1
        asked += 1
        asking += _tokens(task.messages)
        shown = _answers(task, recipe.answers)
        references = panel.judge.asks_with_reference(task)
        calls = panel.protocol.calls(1, len(references))
        judged += pairs * calls
        # Every question is asked equally often, whether with the reference or without.
        judging += pairs * calls * sum(_tokens(panel.judge.ask(task, shown, r)) for r in references) // len(references)
    answers = {
        ("answers", p.label): _use(p, asked * p.samples, asking * p.samples) for p in recipe.answers if not p.local
    }
    return tasks, answers | {("judgments", p.label): _use(p, judged, judging) for p in panel.teachers}


def _use(provider: Provider, calls: int, prompt_tokens: int) -> Use:
    return Use(Amount(calls, None), Amount(prompt_tokens, None), Amount(calls * _reply(provider), None))


def _reply(provider: Provider) -> int:
    """Tokens of one reply at most, or the default."""
    return provider.sampling.max_tokens or provider.sampling.max_completion_tokens or REPLY_TOKENS


def _answers(task: Task, providers: Sequence[Provider]) -> list[Answer]:
    """Two answers of the mean length, to have something to show."""
    length = BYTES_A_TOKEN * sum(_reply(provider) for provider in providers) // len(providers)
    return [Answer(task_id=task.id, model=name, text="x" * length) for name in ("first", "second")]


def _tokens(messages: Iterable[Message]) -> int:
    return sum(len(message.content.encode()) for message in messages) // BYTES_A_TOKEN
