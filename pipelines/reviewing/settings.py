"""The recipe's `review:` block: which pairs people review, how, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field, SerializeAsAny, field_validator

from ...curation.desks import Asked, Desk
from ...curation.desks.jsonl import Jsonl
from ...curation.merging import Merge
from ...schemas.errors import known
from ...schemas.frozen import Frozen

GUIDELINES = """Which of the two answers serves the person who asked better?

1. Read the question, then both answers to the end, before you decide.
2. Correct before complete, complete before well written. A wrong answer does not become better by its style.
3. Length is no merit, and neither is markdown. What was not asked for does not count.
4. Where there is a reference answer, hold both against it. Where it says what counts, go by that.
5. A tie is for answers that serve equally well or equally badly. "Cannot judge" is for what you do not know enough
   about: do not guess.
6. Do not look the answers up with a language model."""


class Sizes(Frozen):
    """How many pairs are reviewed, by the reason for which they are."""

    audit: int = Field(400, ge=0)
    """Pairs drawn at random, at most: the only ones by which the teachers are measured."""
    disagreement: int = Field(200, ge=0)
    """Pairs of which the teachers are least sure, at most: where a correction is most often one."""
    slices: int = Field(100, ge=0)
    """Further pairs of categories, and of pairs of models, of which few are drawn otherwise, at most."""
    share: float = Field(0.02, gt=0, le=1)
    """Each of the three is also at most this share of the labels, but `least` of them."""
    least: int = Field(50, ge=0)
    """What `share` does not go below, where there are as many."""
    of: Literal["kept", "judged"] = "kept"
    """What is drawn from: the labels that are published, or all, whatever filters drop of them. A filter that keeps
    nothing before people have reviewed (`confident`) needs `judged`."""

    def at_most(self, limit: int, population: int) -> int:
        """How many pairs of a stratum with this limit are drawn from so many."""
        return min(limit, population, max(self.least, round(self.share * population)))


SCALE = (0, 10)
"""What ratings may reach: Argilla's rating questions take whole numbers from 0 to 10."""
CRITERIA = 10
"""How many criteria there may be."""


class Reviewing(Frozen):
    """How people review a run. All of it may change under an existing run directory."""

    desk: SerializeAsAny[Desk] = Jsonl()
    """Where they review: a name, or `{desk: NAME, …}`."""
    sample: Sizes = Sizes()
    """How many pairs, and which."""
    double: float = Field(0.15, ge=0, le=1)
    """Share of the pairs that two annotators get: how far people agree is the most that a teacher can reach."""
    gold: float = Field(0.03, ge=0, le=1)
    """Pairs with a known right answer, as a share of the others: an answer beside a refusal, or beside itself cut off.
    They come from the run's probes, as many as it has."""
    blind: bool = True
    """Do not show what the teachers said. Nobody ever sees which models answered."""
    seed: int | None = None
    """Draws pairs, orders and annotators; None: the recipe's."""
    target: float = Field(0.03, gt=0, lt=0.5)
    """Half-width of the 95 % interval that the audit is to reach: `status` says how many labels are missing."""
    guidelines: str = GUIDELINES
    """What annotators are told about how to decide."""
    ratings: tuple[int, int] | None = None
    """Both answers are also rated, each by a whole number from the first to the second, within 0 to 10; nobody has to.
    None: no ratings."""
    criteria: tuple[Annotated[str, Field(min_length=1, max_length=60)], ...] = Field((), max_length=CRITERIA)
    """Names by each of which annotators also say which answer is better; nobody has to."""
    merge: Merge = "majority"
    """What several people's reviews of a pair add up to: what more than half of them say, or `dawid_skene`, by which
    somebody who errs more often weighs less (`curation/merging.py`)."""

    @field_validator("ratings")
    @classmethod
    def _ascends(cls, scale: tuple[int, int] | None) -> tuple[int, int] | None:
        if scale is not None and not SCALE[0] <= scale[0] < scale[1] <= SCALE[1]:
            raise ValueError(f"a scale goes from a lower to a higher number, from {SCALE[0]} to {SCALE[1]} at most")
        return scale

    @field_validator("criteria")
    @classmethod
    def _named_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for place, name in enumerate(names):
            if name != name.strip():
                raise ValueError(f"{name!r} begins or ends with a blank")
            if name.casefold() in {one.casefold() for one in names[:place]}:
                raise ValueError(f"{name!r} stands there twice")
        return names

    @property
    def asked(self) -> Asked:
        """What annotators are asked besides the choice."""
        return Asked(scale=self.ratings, criteria=self.criteria)

    def unasked(self, ratings: Sequence[float | None] | None, criteria: Iterable[str]) -> str | None:
        """What in a label was not asked for, as `KEY: …`; None where all of it was."""
        given = [rating for rating in ratings or () if rating is not None]
        if given and self.ratings is None:
            return f"ratings: none are asked for (got {given[0]:g}). The recipe's `review: {{ratings: [1, 5]}}` does."
        for rating in given:
            if self.ratings and not self.ratings[0] <= rating <= self.ratings[1]:
                low, high = self.ratings
                return f"ratings: from {low} to {high}, as the recipe's `review: ratings` says (got {rating:g})."
        for name in criteria:
            if name not in self.criteria:
                return f"criteria.{name}: not in the recipe's `review: criteria`. {known(name, self.criteria)}"
        return None
