"""Which lines get a probe, of which kind and of which answers."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import pytest
from pydantic import ValidationError

from prefmill.generators.comparisons import Compare
from prefmill.generators.comparisons import draw as draw_comparisons
from prefmill.generators.probes import Probes
from prefmill.generators.probes.copies import REFUSAL, SIGNATURES
from prefmill.generators.probes.drawing import Pair, draw, kinds_for, wheel
from prefmill.schemas.probe import EQUAL, PROBE_KINDS, ProbeKind
from prefmill.schemas.row import Usage
from prefmill.schemas.rows import Answer, Comparison, Message, Task

TEXT = " ".join(f"This is sentence {number} of an answer." for number in range(12))
TASKS = [Task(source_id=str(n), messages=(Message(role="user", content=f"Question {n}?"),)) for n in range(6000)]


def answers(task: Task, text: str = TEXT) -> list[Answer]:
    return [
        Answer(task_id=task.id, model=model, sample=sample, text=f"{text} {model}", usage=Usage(calls=1))
        for model in "abc"
        for sample in range(2)
    ]


def comparisons(task: Task, found: list[Answer]) -> list[Comparison]:
    drawn, _ = draw_comparisons(Compare(pairs="all"), task, found, 1, {one.id for one in found})
    return drawn


def pair(kind: ProbeKind, task: Task, text: str = TEXT, seed: int = 1) -> Pair | None:
    found = answers(task, text)
    return draw([kind], seed, task, found, comparisons(task, found))


def test_the_first_lines_get_all_kinds_in_turn() -> None:
    probes = Probes(first=18, share=0)
    kinds = [kinds_for(probes, 1, TASKS[place], place) for place in range(20)]
    assert [each[0] for each in kinds[:9]] == [*PROBE_KINDS, "padded", "padded"]
    assert kinds[:9] == kinds[9:18]
    assert kinds[18:] == [(), ()]
    assert all(sorted(each) == sorted(PROBE_KINDS) for each in kinds[:18]), "every other kind may stand in"


def test_beyond_them_a_share_gets_one_and_padded_weighs_three() -> None:
    probes = Probes(first=0, share=0.5)
    drawn = Counter(kinds[0] for place, task in enumerate(TASKS) if (kinds := kinds_for(probes, 1, task, place)))
    total = drawn.total()
    assert abs(total - 3000) < 4 * sqrt(6000 * 0.25)
    for kind in PROBE_KINDS:
        share = (3 if kind == "padded" else 1) / 9
        assert abs(drawn[kind] - share * total) < 4 * sqrt(total * share * (1 - share)), kind


def test_a_larger_share_or_another_place_moves_no_probe() -> None:
    few, many = ({t.id for t in TASKS[:500] if kinds_for(Probes(first=0, share=s), 1, t, 7)} for s in (0.1, 0.3))
    assert 0 < len(few) < len(many)
    assert few < many
    assert {t.id for t in TASKS[:500] if kinds_for(Probes(first=0, share=0.1), 2, t, 7)} != few


def test_only_the_kinds_named_are_drawn() -> None:
    assert wheel(("swapped", "padded")) == ("swapped", "padded", "padded", "padded")
    assert wheel(("swapped",)) == ("swapped",)
    with pytest.raises(ValidationError, match="'swapped' stands in `kinds` twice"):
        Probes(kinds=("swapped", "padded", "swapped"))


@pytest.mark.parametrize("kind", [kind for kind in PROBE_KINDS if kind not in ("identical", "swapped")])
def test_an_altered_copy_stands_on_either_side_of_its_original(kind: ProbeKind) -> None:
    sides = Counter[int | None]()
    for task in TASKS[:100]:
        found = pair(kind, task)
        assert found is not None
        assert found.altered is not None
        copy, original = found.answers[found.altered], found.answers[1 - found.altered]
        assert original in answers(task)
        assert copy == original.model_copy(update={"text": copy.text, "usage": Usage()}) != original
        assert found.comparison.answer_ids == tuple(one.id for one in found.answers)
        assert found.comparison.models == (original.model,) * 2
        sides[found.altered] += 1
    assert min(sides[0], sides[1]) > 30


def test_what_the_copies_are() -> None:
    texts: dict[ProbeKind, str] = {}
    for kind in PROBE_KINDS:
        found = pair(kind, TASKS[0])
        assert found is not None
        if found.altered is not None:
            texts[kind] = found.answers[found.altered].text or ""
    assert texts["refusal"] == REFUSAL
    assert texts["relabelled"].endswith(SIGNATURES)
    assert texts["padded"].startswith(TEXT)
    assert texts["reformatted"].startswith("- **This is sentence** 0")
    assert TEXT.startswith(texts["truncated"])


def test_padded_lengths_are_spread_out() -> None:
    ratios = []
    for task in TASKS[:200]:
        found = pair("padded", task)
        assert found is not None
        assert found.altered is not None
        longer, shorter = (len((one.text or "").split()) for one in found.answers[:: 1 if found.altered == 0 else -1])
        ratios.append(longer / shorter)
    assert 1.4 < min(ratios) < 1.6
    assert 2.9 < max(ratios) < 3.1
    assert sum(ratios) / 200 == pytest.approx(2.25, abs=4 * 0.43 / sqrt(200))


def test_identical_is_one_answer_twice_and_swapped_a_comparison_of_the_task() -> None:
    drawn = Counter[str]()
    for task in TASKS[:200]:
        same, swapped = pair("identical", task), pair("swapped", task)
        assert same is not None
        assert swapped is not None
        assert same.answers[0] == same.answers[1] in answers(task)
        assert swapped.comparison in comparisons(task, answers(task))
        assert tuple(one.id for one in swapped.answers) == swapped.comparison.answer_ids
        assert same.altered is swapped.altered is None
        drawn[f"{same.answers[0].model}{same.answers[0].sample}"] += 1
    assert len(drawn) == 6
    assert min(drawn.values()) > 15


def test_an_answer_that_a_kind_does_not_suit_falls_to_the_next_kind() -> None:
    task = TASKS[0]
    short = answers(task, "Yes, it is.")
    kinds: tuple[ProbeKind, ...] = ("padded", "truncated", "refusal", "reformatted", "relabelled", "identical")
    found = draw(kinds, 1, task, short, comparisons(task, short))
    assert found is not None
    assert found.kind == "relabelled"
    assert draw(kinds[:4], 1, task, short, comparisons(task, short)) is None
    listed = answers(task, "- One thing is this.\n- Another one is that.\n" * 5)
    found = draw(("reformatted", "padded"), 1, task, listed, comparisons(task, listed))
    assert found is not None
    assert found.kind == "padded"


def test_without_a_comparison_or_an_answer_there_is_none() -> None:
    task = TASKS[0]
    assert draw(PROBE_KINDS, 1, task, answers(task), []) is None
    assert draw(PROBE_KINDS, 1, task, [], []) is None
    assert draw((), 1, task, answers(task), comparisons(task, answers(task))) is None


def test_kinds_of_equal_content_are_kinds() -> None:
    assert set(PROBE_KINDS) > EQUAL
