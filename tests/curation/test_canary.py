"""The canary: when it says that a teacher is out of its band, and when it does not."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest

from prefmill.curation.canary import Band, Breach, Canary
from prefmill.schemas.probe import Probe, ProbeKind
from prefmill.schemas.row import Failure, FailureKind
from prefmill.schemas.rows import Answer, Comparison, Judgment

BANDS: dict[Band, float] = {"unreadable": 0.3, "fooled": 0.3, "one_sided": 0.8}
ANSWERS = (Answer(task_id="q", model="a", text="One."), Answer(task_id="q", model="a", text="Two."))
COMPARISON = Comparison(task_id="q", answer_ids=(ANSWERS[0].id, ANSWERS[1].id), models=("a", "a"))
FORWARD, BACKWARD = (0, 1), (1, 0)

Said = tuple[float, float] | FailureKind
"""Scores in the order shown, or why there are none."""


def judgment(said: Said, shown: tuple[int, int] = FORWARD, teacher: str = "t") -> Judgment:
    failure = Failure(kind=said, message=f"it is {said}") if isinstance(said, str) else None
    scores = None if isinstance(said, str) else said
    return Judgment(
        comparison_id=COMPARISON.id,
        task_id="q",
        teacher=teacher,
        judge="j",
        shown=shown,
        scores=scores,
        failure=failure,
    )


def probe(kind: ProbeKind, judgments: Sequence[Judgment], altered: int | None = None) -> Probe:
    return Probe(
        task_id="q", kind=kind, comparison=COMPARISON, answers=ANSWERS, altered=altered, judgments=tuple(judgments)
    )


def heard(probes: Iterable[Probe], most: int = 1000) -> tuple[int, Breach | None]:
    """How many probes it took to a breach, and which."""
    canary = Canary(BANDS)
    number = 0
    for number, each in zip(range(1, most + 1), probes, strict=False):
        if (broken := canary.hear(each)) is not None:
            return number, broken
    return number, None


def forever(*probes: Probe) -> Iterable[Probe]:
    while True:
        yield from probes


@pytest.mark.parametrize("kind", ["unreadable", "empty"])
def test_a_dead_reader_is_found_after_five_judgments(kind: FailureKind) -> None:
    number, broken = heard(forever(probe("identical", [judgment(kind)])))
    assert number == 5
    assert broken == Breach("t", "unreadable", 5, 5, 0.3, "q", f"it is {kind}")
    both = [judgment(kind), judgment(kind, BACKWARD)]
    assert heard(forever(probe("padded", both)))[0] == 3


@pytest.mark.parametrize("kind", ["timeout", "server_error", "rejected", "content_filter", "unaskable"])
def test_replies_that_never_came_say_nothing(kind: FailureKind) -> None:
    assert heard(forever(probe("refusal", [judgment(kind)], 0)))[1] is None


def test_each_teacher_counts_for_itself() -> None:
    def said() -> Iterable[Probe]:
        return forever(probe("identical", [judgment((5, 5), teacher="good"), judgment("empty", teacher="bad")]))

    number, broken = heard(said())
    assert (number, broken and broken.teacher) == (5, "bad")


@pytest.mark.parametrize("altered", [0, 1])
@pytest.mark.parametrize("shown", [FORWARD, BACKWARD])
def test_a_teacher_that_prefers_refusals_is_found(altered: int, shown: tuple[int, int]) -> None:
    """Wherever the refusal stands, and in whichever order it is shown."""
    first = shown[0] == altered
    fooled = probe("refusal", [judgment((9, 2) if first else (2, 9), shown)], altered)
    number, broken = heard(forever(fooled))
    assert number == 5
    assert broken is not None
    assert (broken.band, broken.seen, broken.of) == ("fooled", 5, 5)
    right = probe("refusal", [judgment((2, 9) if first else (9, 2), shown)], altered)
    assert heard(forever(right, right, right, fooled))[1] is None, "a quarter of them is within the band"
    assert heard(forever(right, fooled, fooled))[1] is not None
    assert heard(forever(probe("refusal", [judgment((5, 5), shown)], altered)))[1] is None, "a tie prefers neither"


def test_other_kinds_are_no_refusals() -> None:
    assert heard(forever(probe("truncated", [judgment((9, 2))], 0)))[1] is None


@pytest.mark.parametrize(("scores", "side"), [((9.0, 2.0), "first"), ((2.0, 9.0), "last")])
def test_a_teacher_that_looks_at_the_place_alone_is_found(scores: tuple[float, float], side: str) -> None:
    both = probe("swapped", [judgment(scores), judgment(scores, BACKWARD)])
    number, broken = heard(forever(both))
    assert number == 44
    assert broken is not None
    assert (broken.band, broken.seen) == ("one_sided", 44)
    assert ("first" if side == "first" else "second") in broken.example


def test_a_teacher_that_is_only_biased_is_kept() -> None:
    """The weakest of the published judges: three of four pairs are decided by the place, the others by the answers."""
    biased = probe("swapped", [judgment((9, 2)), judgment((9, 2), BACKWARD)])
    fair = probe("swapped", [judgment((9, 2)), judgment((2, 9), BACKWARD)])
    other = probe("swapped", [judgment((2, 9)), judgment((2, 9), BACKWARD)])
    tied = probe("swapped", [judgment((5, 5)), judgment((5, 5), BACKWARD)])
    assert heard(forever(biased, fair, biased, biased))[1] is None
    assert heard(forever(biased, other))[1] is None, "now one side, now the other"
    assert heard(forever(tied))[1] is None


def test_one_order_alone_shows_no_side() -> None:
    assert heard(forever(probe("swapped", [judgment((9, 2))])))[1] is None
    unread = probe("swapped", [judgment((9, 2)), judgment("timeout", BACKWARD)])
    assert heard(forever(unread))[1] is None
    assert heard(forever(probe("identical", [judgment((9, 2)), judgment((9, 2), BACKWARD)])))[1] is None


def test_chance_seldom_stops_a_teacher_within_its_band() -> None:
    """At two thirds of the limit no run of 300 probes should be stopped; a quarter above twice the limit all are."""

    def runs(share: float) -> int:
        stopped = 0
        for seed in range(100):
            chance = random.Random(seed)
            said = (probe("identical", [judgment("empty" if chance.random() < share else (5, 5))]) for _ in range(300))
            stopped += heard(said)[1] is not None
        return stopped

    # Simulated at 0.08 %: two of 100 would be a chance of 0.3 %.
    assert runs(0.2) <= 1
    assert runs(0.6) == 100


def test_a_band_of_everything_is_never_broken() -> None:
    canary = Canary({"unreadable": 1, "fooled": 1, "one_sided": 1})
    bad = probe("refusal", [judgment("empty"), judgment((9, 2))], 0)
    assert all(canary.hear(bad) is None for _ in range(500))
