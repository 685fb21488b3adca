"""What the published examples say about themselves: counted while they are written, told on the card."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ...schemas.rows import Example


@dataclass
class Seen:
    """Counts over the examples of a set, each counted once however many formats carry it."""

    examples: int = 0
    simulated: int = 0
    licences: Counter[str | None] = field(default_factory=Counter)
    """Licence of the task as the source writes it -> examples."""
    writers: Counter[str] = field(default_factory=Counter)
    """Models that wrote reference answers -> examples."""
    answered: Counter[str] = field(default_factory=Counter)
    """Names of answering models -> answers."""
    winners: Counter[str] = field(default_factory=Counter)
    """`first`, `second`, `tie` -> verdicts."""
    consistent: Counter[bool] = field(default_factory=Counter)
    """Whether both orders agree -> verdicts that were read in both."""
    reviewed: int = 0
    """Examples with at least one person's review."""

    def add(self, example: Example) -> None:
        """Count one example."""
        task, verdict = example.task, example.verdict
        self.examples += 1
        self.simulated += example.simulated
        self.licences[task.licence] += 1
        self.reviewed += bool(example.reviews)
        self.answered.update(answer.model for answer in example.answers)
        if task.reference is not None and task.reference.model is not None:
            self.writers[task.reference.model] += 1
        if verdict is not None and verdict.winner is not None:
            self.winners[verdict.winner] += 1
            if verdict.consistent is not None:
                self.consistent[verdict.consistent] += 1
