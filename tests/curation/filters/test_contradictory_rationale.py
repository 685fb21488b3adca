"""Explanations that conclude the opposite of their scores."""

from __future__ import annotations

import pytest

from prefmill.curation.filters.contradictory_rationale import ContradictoryRationale
from prefmill.curation.texts.preferences import Better, preference
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Comparison, Judgment, Verdict, Winner

from .rationales import CONCLUSIONS, LATER

PAIR = Comparison(task_id="t", answer_ids=("x", "y"), models=("a", "b"))


def judgment(
    rationale: str, scores: tuple[float, ...] | None = (8, 5), shown: tuple[int, ...] = (0, 1), teacher: str = "gpt"
) -> Judgment:
    failure = None if scores else Failure(kind="unreadable", message="no score")
    return Judgment(
        comparison_id=PAIR.id, task_id="t", teacher=teacher, judge="judgelm", shown=shown, scores=scores,
        rationale=rationale, raw=rationale, failure=failure,
    )  # fmt: skip


def found(
    plugin: ContradictoryRationale, *judgments: Judgment, winner: Winner = "first", used: int | None = None
) -> str | None:
    ids = tuple(one.id for one in judgments[:used])
    verdict = Verdict(
        comparison_id=PAIR.id, task_id="t", protocol="both_orders", judgment_ids=ids, winner=winner, margin=1
    )
    return plugin.drop(PAIR, judgments, verdict)


@pytest.mark.parametrize(("text", "better"), CONCLUSIONS)
def test_what_a_conclusion_says(text: str, better: Better | None) -> None:
    said = preference(text)
    assert (None if said is None else said.better) == better


def test_conclusions_written_later_are_not_taken_for_what_they_do_not_say() -> None:
    read = [(said.better, better) for text, better in LATER if (said := preference(text)) is not None]
    assert len(read) >= 9
    assert [one for one in read if one[0] != one[1]] == []


def test_only_the_end_counts() -> None:
    for end in ("That is all. ", "It is short. It is right. It is polite. "):
        assert preference(f"Response B is better. {end * 3}") is None
    long = "Response A wins. " + "Many words follow. " * 500 + "Response B is better."
    said = preference(long)
    assert said is not None and (said.better, said.sentence) == (1, "Response B is better.")


@pytest.mark.parametrize("shown", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    ("rationale", "scores", "dropped"),
    [
        ("Both try. Assistant 2 is better.", (8, 5), True),
        ("Both try. Assistant 2 is better.", (5, 8), False),
        ("Both try. The first answer is better.", (5, 8), True),
        ("Both try. The first answer is better.", (8, 5), False),
        ("Both try.", (8, 5), False),
        ("", (8, 5), False),
        ("Assistant 2 is better.", (5, 5), False),
        ("It is a tie.", (8, 5), False),
    ],
)
def test_an_explanation_is_about_what_was_shown(
    rationale: str, scores: tuple[float, ...], dropped: bool, shown: tuple[int, ...]
) -> None:
    assert (found(ContradictoryRationale(), judgment(rationale, scores, shown)) is not None) == dropped


def test_the_reason_quotes_the_sentence_and_the_order() -> None:
    why = found(ContradictoryRationale(), judgment("Both try. Assistant 2 is better.", (8, 5), (1, 0)))
    assert why == "gpt writes 'Assistant 2 is better.' and the label is the answer shown first (shown: second, first)"


def test_ties_count_when_asked_for() -> None:
    assert found(ContradictoryRationale(ties=True), judgment("Assistant 2 is better.", (5, 5))) is not None
    assert found(ContradictoryRationale(ties=True), judgment("It is a tie.", (8, 5))) is not None
    assert found(ContradictoryRationale(ties=True), judgment("It is a tie.", (5, 5))) is None


def test_judgments_that_are_not_used_or_not_of_pairs_do_not_count() -> None:
    wrong, right = judgment("Assistant 2 is better."), judgment("Assistant 1 is better.")
    assert found(ContradictoryRationale(), right, wrong, used=1) is None
    assert found(ContradictoryRationale(), right, wrong) is not None
    assert found(ContradictoryRationale(allow=1), right, wrong) is None
    assert found(ContradictoryRationale(), judgment("Assistant 2 is better.", None)) is None
    assert found(ContradictoryRationale(), judgment("Assistant 2 is better.", (8, 5, 3), (0, 1, 2))) is None


def test_against_the_verdicts_winner() -> None:
    """Own scores and explanation agree; the verdict says otherwise."""
    plugin = ContradictoryRationale(label="winner")
    ordered, swapped = judgment("Assistant 1 is better."), judgment("Assistant 1 is better.", shown=(1, 0))
    assert found(plugin, ordered, winner="first") is None
    assert found(plugin, ordered, winner="second") is not None
    assert found(plugin, swapped, winner="first") is not None
    assert found(plugin, swapped, winner="second") is None
    assert found(plugin, ordered, winner="tie") is None
    assert found(ContradictoryRationale(label="winner", ties=True), ordered, winner="tie") is not None
    assert found(ContradictoryRationale(), swapped, winner="first") is None
