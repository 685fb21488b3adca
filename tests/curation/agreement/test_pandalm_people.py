"""The agreement of the three annotators of PandaLM's published test set, which may lie beside the checkout."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import krippendorff
import numpy as np
import orjson
import pytest
from sklearn.metrics import cohen_kappa_score

from prefmill.curation.agreement.cohen import cohen_kappa
from prefmill.curation.agreement.krippendorff import krippendorff_alpha
from prefmill.curation.people import measure
from prefmill.schemas.formats.pandalm import TEST, PandaLM
from prefmill.schemas.labels import majority
from prefmill.schemas.rows import Example, Loss

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "pandalm" / "testset-v1.json"
VALUE = {"first": 1.0, "tie": 0.0, "second": -1.0}

pytestmark = [
    pytest.mark.replay,
    pytest.mark.skipif(not DATA.is_file(), reason="no PandaLM test set beside the checkout"),
]


@pytest.fixture(name="rows", scope="module")
def _rows() -> list[Example | Loss]:
    return list(PandaLM().decode({TEST: orjson.loads(DATA.read_bytes())}))


def test_values_are_those_of_scikit_learn_and_krippendorff(rows: list[Example | Loss]) -> None:
    examples = [row for row in rows if isinstance(row, Example)]
    votes = [[VALUE[review.winner or ""] for review in example.reviews] for example in examples]
    tasks = [example.task.instruction for example in examples]
    for one, other in combinations(range(3), 2):
        first, second = [unit[one] for unit in votes], [unit[other] for unit in votes]
        estimate = cohen_kappa(first, second, tasks)
        assert estimate.value == pytest.approx(cohen_kappa_score(first, second), abs=1e-9)
        assert estimate.low < estimate.value < estimate.high
        assert (estimate.n, estimate.tasks) == (993, len(set(tasks)))
    for scale in ("nominal", "ordinal", "interval"):
        expected = krippendorff.alpha(np.array(votes).T, level_of_measurement=scale)
        assert krippendorff_alpha(votes, tasks, scale=scale).value == pytest.approx(expected, abs=1e-9)


def test_rows_that_cannot_be_read_are_named_and_the_rest_is_measured(rows: list[Example | Loss]) -> None:
    lost = [row for row in rows if isinstance(row, Loss)]
    assert [loss.row_id for loss in lost] == [
        f"{TEST}:{idx + 1} (idx {idx})" for idx in (157, 158, 159, 161, 162, 164)
    ]  # fmt: skip
    examples = [row for row in rows if isinstance(row, Example)]
    measured = measure(examples)
    assert (measured["pairs"], measured["reviewed"], measured["teachers"]) == (993, 993, {})
    assert measured["people"]["agreement"]["n"] == 3 * 993
    assert measured["people"]["agreement"]["tasks"] == 170
    assert measured["people"]["alpha"]["value"] == pytest.approx(0.8678, abs=1e-4)
    split = sum(majority(example.reviews) is None for example in examples)
    assert measured["left_out"] == ({"no_majority": split} if split else {})
