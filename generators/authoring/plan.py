"""What an author is to write: the parts of the recipe's `tasks:` block that are about the texts."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from ...schemas.frozen import Frozen

AT_ONCE = 10
"""Instructions asked for in one reply; more would be cut off, and a bad reply would cost them all."""


class Rubrics(Frozen):
    """How new rubrics come about: `rubrics:` in `tasks: {source: authored}`."""

    seeds: Path
    """Seed rubrics: JSON Lines with `criteria` and `levels`, all on one scale; looked up from the recipe's folder.

    `prefmill` ships twenty (`pipelines/recipes/seed_rubrics.jsonl`); the paper's authors wrote 50.
    """
    wanted: int = Field(ge=1)
    """New rubrics; the seeds themselves are demonstrations only. 1,000 in the paper."""
    demonstrations: int = Field(4, ge=1)
    """Seeds shown for each new rubric, drawn anew every time (paper, section 3.1: 4)."""
    paraphrase: bool = True
    """Put every new rubric into other words before it is used (paper, section 3.1)."""
    most_alike: float = Field(0.5, gt=0, le=1)
    """Share of words (0..1) in common with an earlier rubric or a seed at which a new one is dropped as its near
    duplicate; 1 drops only what has all words in common. Different rubrics have less than a quarter in common."""
    drafts: int | None = Field(None, ge=1)
    """Most drafts to ask for while duplicates and unreadable ones are replaced; None: three times `wanted`."""

    @model_validator(mode="after")
    def _enough_drafts(self) -> Self:
        if self.drafts is not None and self.drafts < self.wanted:
            raise ValueError(f"drafts must be at least wanted, {self.wanted} (got {self.drafts})")
        return self

    @property
    def most_drafts(self) -> int:
        """Drafts after which no further one is asked for."""
        return self.drafts or 3 * self.wanted


class Plan(Frozen):
    """What is written for a run."""

    rubrics: Rubrics
    """How new rubrics come about."""
    instructions_per_rubric: int = Field(20, ge=1)
    """Instructions, each with a reference answer, for every rubric (paper, section 3.1: 20)."""
    reference_words: int | None = Field(None, ge=1)
    """Words every reference answer is to have, about; None: what the request calls for."""
    retries: int = Field(2, ge=0)
    """How often a reply that cannot be read is asked for again, each time as a fresh sample."""
    limit: int | None = Field(None, ge=1)
    """Write at most this many tasks, the first ones; None: all."""

    @property
    def tasks(self) -> int:
        """Tasks wanted: every one of them ends as a Task or a Loss."""
        whole = self.rubrics.wanted * self.instructions_per_rubric
        return whole if self.limit is None else min(whole, self.limit)

    @property
    def least_calls(self) -> int:
        """Calls for rubrics and instructions where no draft is lost and no reply has to be asked for again."""
        drafts = self.rubrics_needed * (1 + self.rubrics.paraphrase)
        return drafts + self.rubrics_needed * -(-self.instructions_per_rubric // AT_ONCE)

    @property
    def rubrics_needed(self) -> int:
        """New rubrics for so many tasks."""
        return -(-self.tasks // self.instructions_per_rubric)
