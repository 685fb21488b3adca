"""A run's verdicts beside what people said of the same pairs, for the run's manifest.

The reviews that come with a source are a benchmark of their own, not an audit of the run: the numbers are of the pairs
that people judged and that went through the filters. The error rate of all rows is read off a sample (`error_rate/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from ..schemas.labels import Label, PeopleSay, label_of, winner_at
from ..schemas.row import digest
from ..schemas.rows import Example, Judgment, Review, Winner
from .agreement.cohen import cohen_kappa
from .agreement.estimate import plain_or_why
from .agreement.krippendorff import krippendorff_alpha
from .agreement.share import share


@dataclass
class _Beside:
    """Somebody's winners beside the people's."""

    theirs: list[Winner] = field(default_factory=list)
    people: list[Winner] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)

    def add(self, theirs: Winner, people: Winner, task: str) -> None:
        self.theirs.append(theirs)
        self.people.append(people)
        self.tasks.append(task)

    def measured(self) -> dict[str, Any]:
        rows = list(zip(self.theirs, self.people, self.tasks, strict=True))
        decided = [row for row in rows if "tie" not in row[:2]]
        same, of_decided = ([one == other for one, other, _ in some] for some in (rows, decided))
        return {
            "agreement": plain_or_why(lambda: share(same, self.tasks)),
            "kappa": plain_or_why(lambda: cohen_kappa(self.theirs, self.people, self.tasks)),
            "agreement_without_ties": plain_or_why(lambda: share(of_decided, [task for _, _, task in decided])),
        }


def measure(examples: Iterable[Example], say: PeopleSay | None = None) -> dict[str, Any]:
    """How verdicts, teachers and people agree on which of two answers is better, as JSON values.

    `say`: what people say of each pair; without it, what more than half of those who decided chose. Keys: `pairs`
    (examples of two answers), `reviewed` (with a review), `left_out` (reviewed pairs by the reason why they have no
    winner of the people), `verdicts`, `teachers` (name -> the same as of verdicts; a teacher's winner is that of the
    mean of its scores over its replies) and `people` (`agreement` of two people on one pair, `alpha`). A number is an
    `Estimate` or `{"undefined": reason}`.
    """
    verdicts, teachers, people = _Beside(), dict[str, _Beside](), _People()
    pairs = reviewed = 0
    left_out: Counter[str] = Counter()
    for example in examples:
        if len(example.answers) != 2:
            continue
        pairs += 1
        if not example.reviews:
            continue
        reviewed += 1
        # Sources give an id to every row: the same question can come as several tasks.
        task = digest(*example.task.messages)
        people.add(example.reviews, task)
        label = label_of(example, say)
        if not isinstance(label, Label):
            left_out[label] += 1
            continue
        theirs = label.winner
        if example.verdict is not None and example.verdict.winner is not None:
            verdicts.add(example.verdict.winner, theirs, task)
        for teacher, winner in winners(example.judgments).items():
            teachers.setdefault(teacher, _Beside()).add(winner, theirs, task)
    return {
        "pairs": pairs,
        "reviewed": reviewed,
        "left_out": dict(sorted(left_out.items())),
        "verdicts": verdicts.measured(),
        "teachers": {name: beside.measured() for name, beside in sorted(teachers.items())},
        "people": people.measured(),
    }


def winners(judgments: Iterable[Judgment]) -> dict[str, Winner]:
    """Teacher -> the winner by the mean of its scores over all its readable replies about a pair."""
    gaps: dict[str, list[float]] = {}
    for judgment in judgments:
        if (scores := judgment.by_answer) is not None:
            gaps.setdefault(judgment.teacher, []).append(scores[0] - scores[1])
    return {teacher: winner_at(sum(found) / len(found)) for teacher, found in gaps.items()}


@dataclass
class _People:
    """What the people said of every reviewed pair."""

    units: list[list[Winner | None]] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)

    def add(self, reviews: Sequence[Review], task: str) -> None:
        self.units.append([review.winner for review in reviews])
        self.tasks.append(task)

    def measured(self) -> dict[str, Any]:
        met = [
            (one == other, task)
            for unit, task in zip(self.units, self.tasks, strict=True)
            for one, other in combinations([winner for winner in unit if winner is not None], 2)
        ]
        return {
            "agreement": plain_or_why(lambda: share([same for same, _ in met], [task for _, task in met])),
            "alpha": plain_or_why(lambda: krippendorff_alpha(self.units, self.tasks)),
        }
