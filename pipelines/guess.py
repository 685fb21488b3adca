"""What a run would cost, guessed from the lengths of its texts alone: no model is asked.

A token is taken for four bytes (https://help.openai.com/en/articles/4936856, for English), a reply for as long as the
recipe allows, or else `REPLY_TOKENS`. Nobody knows how long replies will be before one was made, so there is no range.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ..generators.providers import Provider
from ..schemas.errors import Unaskable
from ..schemas.rows import Answer, Loss, Message, Task
from .admission import admitted
from .extrapolate import Amount, Use
from .own_references import foreseen
from .probe_calls import at_most, kind_of
from .recipe import Recipe

BYTES_A_TOKEN = 4
REPLY_TOKENS = 400
"""Length of a reply where the recipe sets no `max_tokens`."""
AUTHOR_TOKENS = 600
"""Tokens of a prompt for an author: demonstrations or a rubric, and what is asked."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a recipe leads to."""

    tasks: int
    lost: int
    """Source lines that are no task, or one that was there before, or one that a filter drops."""
    uses: dict[tuple[str, str], Use]
    """Stage and model -> calls at most (failed answers make fewer, replies that cannot be read make more), tokens."""
    probing: int
    """Of the calls to each teacher, those about probe pairs."""


def guess(recipe: Recipe) -> Guess:
    """Count the tasks and what they would use of each stage and model; no model is touched. Raises `SourceError`."""
    panel, slots = recipe.judge, recipe.slots()
    pairs = recipe.compare.wanted(slots)
    tasks = lost = answered = asking = judged = judging = probing = 0
    for place, task in enumerate(_lines(recipe)):
        if isinstance(task, Loss):
            lost += 1
            continue
        tasks += 1
        prompts = list(_prompts(task, recipe))
        answered += len(prompts)
        asking += sum(map(_tokens, prompts))
        shown = _answers(task, recipe)
        seen = foreseen(panel.protocol, task, "x" * (BYTES_A_TOKEN * REPLY_TOKENS))
        references = panel.judge.asks_with_reference(seen)
        try:
            asked = [panel.judge.questions(seen, shown, reference) for reference in references]
        except Unaskable:
            continue
        calls = panel.calls(len(slots), pairs, len(references))
        judged += calls * len(asked[0])
        # Every question is asked equally often, whether with the reference or without.
        judging += calls * sum(_tokens(part) for parts in asked for part in parts) // len(references)
        probes = at_most(recipe, kind_of(recipe, task, place)) * len(asked[0])
        probing += probes
        judging += probes * sum(map(_tokens, asked[0])) // len(asked[0])
        if seen is not task and calls:
            judged += 1
            judging += _tokens(task.messages)
    authoring = recipe.tasks.authoring_calls()
    uses = {("tasks", p.label): _author(p, authoring[p.label]) for p in recipe.tasks.authors()}
    for p in recipe.answers:
        each = 0 if p.local else p.samples
        uses["answers", p.label] = _use(p, answered * each, asking * each)
    uses |= {("judgments", p.label): _use(p, judged + probing, judging) for p in panel.teachers}
    return Guess(tasks, lost, uses, probing)


def _lines(recipe: Recipe) -> Iterator[Task | Loss]:
    """The tasks that would be gone into; stand-ins for those that models are to write, which no filter has seen."""
    if recipe.tasks.authors():
        return recipe.tasks.sketch()
    return admitted(recipe)


def _prompts(task: Task, recipe: Recipe) -> Iterator[tuple[Message, ...]]:
    """What an answering model is asked of a task: the task itself, or for an answer of each score."""
    if recipe.aim is None:
        yield task.messages
        return
    for score in recipe.aim.scores:
        with suppress(Unaskable):
            yield recipe.aim.messages(task, score)


def _author(provider: Provider, calls: int) -> Use:
    return _use(provider, calls, calls * AUTHOR_TOKENS)


def _use(provider: Provider, calls: int, prompt_tokens: int) -> Use:
    return Use(Amount(calls, None), Amount(prompt_tokens, None), Amount(calls * _reply(provider), None))


def _reply(provider: Provider) -> int:
    """Tokens of one reply at most, or the default."""
    return provider.sampling.max_tokens or provider.sampling.max_completion_tokens or REPLY_TOKENS


def _answers(task: Task, recipe: Recipe) -> list[Answer]:
    """As many answers as are shown at once, of the mean length."""
    together = len(recipe.slots()) if recipe.compare.pairs == "together" else 2
    replies = [_reply(provider) for provider in recipe.answers] or [REPLY_TOKENS]
    text = "x" * (BYTES_A_TOKEN * sum(replies) // len(replies))
    shown = 1 if recipe.judge.judge.single else together
    return [Answer(task_id=task.id, model=f"model-{number}", text=text) for number in range(shown)]


def _tokens(messages: Iterable[Message]) -> int:
    return sum(len(message.content.encode()) for message in messages) // BYTES_A_TOKEN
