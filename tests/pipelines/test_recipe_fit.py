"""Parts of a recipe that do not fit together are told with the key at fault; parts that do are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_recipe_reading import OAK, PINE, TEACHERS, fits, mistakes, read, recipe_text

SINGLE = f"judge: {{judge: prometheus_absolute, {TEACHERS}}}"
AIM = "aim: {scores: [1, 5]}"
ONE = f"answers: [{OAK}]"
THREE = f"answers: [{OAK}, {PINE}, {{provider: simulated, model: sim-elm-9b}}]"


def judging(judge: str, protocol: str) -> str:
    return f"judge: {{judge: {judge}, protocol: {protocol}, {TEACHERS}}}"


MISFITS: list[tuple[dict[str, str], str]] = [
    # who answers
    ({"answers": ""}, "answers: missing. A list of {provider: NAME, …}. Known: openai, *."),
    ({"answers": "", "judge": SINGLE}, "answers: missing. A list of {provider: NAME, …}. Known: openai, *."),
    # what is compared
    ({"answers": ONE}, "answers: one answer to a task cannot be compared. Add a model, or give `samples: 2`."),
    ({"answers": ONE, "x": "compare: {pairs: all}"}, "answers: one answer to a task cannot be compared. *."),
    ({"answers": ONE, "x": "compare: {pairs: together}"}, "answers: one answer to a task cannot be compared. *."),
    (
        {"answers": ONE, "judge": SINGLE, "x": "compare: {pairs: random}"},
        "answers: one answer to a task cannot be compared. *.",
    ),
    (
        {"x": "compare: {pairs: {baseline: sim-pine-70b}}"},
        "compare.pairs.baseline: no answering model named 'sim-pine-70b'. Known: sim-oak-70b, sim-pine-7b. Did you *?",
    ),
    (
        {"answers": ONE.replace("oak-70b", "oak-70b, samples: 3"), "x": "compare: {pairs: {baseline: sim-oak-70b}}"},
        "answers: one answer to a task cannot be compared. *.",
    ),
    ({"x": "compare: {pairs: none}"}, "compare.pairs: 'judgelm' compares answers, and `none` leaves it none *."),
    # who compares more than two
    (
        {"answers": THREE, "x": "compare: {pairs: together}"},
        "judge.protocol: 'one_order' compares pairs. For `together` take `listwise`.",
    ),
    (
        {"answers": THREE, "judge": judging("judgelm", "both_orders"), "x": "compare: {pairs: together}"},
        "judge.protocol: 'both_orders' compares pairs. For `together` take `listwise`.",
    ),
    (
        {"answers": ONE, "aim": "aim: {scores: [1, 3, 5]}", "x": "compare: {pairs: together}"},
        "judge.protocol: 'one_order' compares pairs. For `together` take `listwise`.",
    ),
    (
        {"judge": SINGLE.replace("teachers", "protocol: one_order, teachers")},
        "judge.protocol: 'prometheus_absolute' grades single answers: leave the protocol out.",
    ),
    (
        {"answers": THREE, "judge": judging("pandalm", "listwise"), "x": "compare: {pairs: together}"},
        "compare.pairs: 'pandalm' is shown 2 answers at most, and a task has 3. Take pairs, or another judge.",
    ),
    # who shows a reference
    (
        {"judge": judging("pandalm", "reference_first")},
        "judge.judge: 'reference_first' shows each teacher its own answer as the reference, and 'pandalm' as *.",
    ),
    (
        {"judge": judging("prometheus_relative, template: training", "reference_first")},
        "judge.judge: 'reference_first' shows each *, and 'prometheus_relative' as set here has no place for one.",
    ),
    (
        {"judge": judging("judgelm, reference: never", "{protocol: reference_first, orders: one}")},
        "judge.reference: 'reference_first' shows each teacher *, and `never` forbids it. Leave this key out, or *.",
    ),
    # who aims
    (
        {"aim": "aim: {scores: [1, 5], flat: true}"},
        "aim.flat: 'judgelm' compares answers; an even grid needs a judge that grades them.",
    ),
    (
        {"answers": f"answers: [{OAK}, {{provider: recorded, model: m, path: a.jsonl}}]", "aim": AIM},
        "answers[1].provider: 'recorded' holds answers, and none of them aims at a score.",
    ),
    # who is dropped
    (
        {"judge": SINGLE, "x": "filters: [agreeing_grades]"},
        "filters[0].least: 2 teachers are to agree, and 1 is asked: all would be dropped.",
    ),
    # what is written
    (
        {"x": "exports: [preference, feedback_collection]"},
        "exports[1]: 'feedback_collection' holds graded answers, and judge 'judgelm' compares. Take a judge that *.",
    ),
    (
        {"judge": SINGLE, "x": "exports: [feedback_collection, preference]"},
        "exports[1]: 'preference' holds comparisons, and none are made. Give `compare: {pairs: all}`.",
    ),
    (
        {"judge": SINGLE, "x": "compare: {pairs: none}\nexports: [judgelm]"},
        "exports[0]: 'judgelm' holds comparisons, and none are made. Give `compare: {pairs: all}`.",
    ),
]


@pytest.mark.parametrize(("changed", "expected"), MISFITS, ids=lambda case: str(case)[:70])
def test_a_misfit_is_one_line(tmp_path: Path, changed: dict[str, str], expected: str) -> None:
    lines = mistakes(tmp_path, recipe_text(**changed))
    assert len(lines) == 1, lines
    assert fits(expected, lines[0]), lines[0]


FITTING: list[tuple[dict[str, str], str]] = [
    ({}, "random"),
    ({"answers": ONE.replace("oak-70b", "oak-70b, samples: 2")}, "random"),
    ({"answers": ONE, "aim": AIM}, "random"),
    ({"answers": ONE, "judge": SINGLE}, "none"),
    ({"answers": ONE, "judge": SINGLE, "x": "exports: [feedback_collection]"}, "none"),
    ({"judge": SINGLE, "x": "compare: {pairs: all}\nexports: [feedback_collection, preference]"}, "all"),
    ({"answers": THREE, "judge": SINGLE, "x": "compare: {pairs: together}"}, "together"),
    ({"x": "compare: {pairs: together}"}, "together"),
    ({"answers": THREE, "judge": judging("judgelm", "listwise"), "x": "compare: {pairs: together}"}, "together"),
    ({"judge": judging("judgelm", "listwise"), "x": "compare: {pairs: all}"}, "all"),
    *(
        ({"judge": judging(judge, "reference_first")}, "random")
        for judge in (
            "judgelm",
            "judgelm, reference: both",
            "mt_bench_pair",
            "ultrafeedback",
            "criteria",
            "prometheus_relative",
        )
    ),
    ({"judge": judging("pandalm", "expected_score")}, "random"),
]


@pytest.mark.parametrize(("changed", "pairs"), FITTING, ids=lambda case: str(case)[:70])
def test_what_fits_is_taken(tmp_path: Path, changed: dict[str, str], pairs: str) -> None:
    recipe = read(tmp_path, recipe_text(**changed))
    assert recipe.compare.pairs == pairs
    assert (recipe.judge.protocol is None) == recipe.judge.judge.single


def test_misfits_are_told_all_at_once(tmp_path: Path) -> None:
    changed = {
        "answers": THREE,
        "x": "compare: {pairs: together}\nexports: [flow_judge, preference, feedback_collection]",
    }
    keys = [line.partition(": ")[0] for line in mistakes(tmp_path, recipe_text(**changed))]
    assert keys == ["judge.protocol", "exports[0]", "exports[2]"]


def test_what_is_not_read_is_not_said_to_misfit(tmp_path: Path) -> None:
    """One mistake is one line: a model that could not be read is not missing as well."""
    (line,) = mistakes(tmp_path, recipe_text(answers=f"answers: [{OAK}, {{provider: simulated}}]"))
    assert line.startswith("answers[1].model: missing.")
