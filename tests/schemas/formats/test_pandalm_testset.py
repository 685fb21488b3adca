"""PandaLM's published test set, read and written again; the file lies beside the checkout, where it is at all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from prefmill.schemas.formats import Record
from prefmill.schemas.formats.pandalm import TEST, PandaLM
from prefmill.schemas.rows import Example, Loss

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "pandalm" / "testset-v1.json"
BOOLEANS = (157, 158, 159, 161, 162, 164)
"""The rows whose `response1` or `response2` is no text."""

pytestmark = [
    pytest.mark.replay,
    pytest.mark.skipif(not DATA.is_file(), reason="no PandaLM test set beside the checkout"),
]


def _decoded(records: list[Record]) -> tuple[list[Example], list[Loss]]:
    rows = list(PandaLM().decode({TEST: records}))
    return [row for row in rows if isinstance(row, Example)], [row for row in rows if isinstance(row, Loss)]


def _encoded(examples: list[Example]) -> list[Record]:
    return [record for example in examples for _, record in PandaLM().encode(example)]


def test_it_goes_through_our_rows_without_a_loss_but_for_six_rows() -> None:
    published: list[Record] = orjson.loads(DATA.read_bytes())
    examples, losses = _decoded(published)
    assert [loss.row_id for loss in losses] == [f"{TEST}:{idx + 1} (idx {idx})" for idx in BOOLEANS]
    assert all("expected text (got True)" in loss.detail or "(got False)" in loss.detail for loss in losses)
    assert len(examples) == 993
    again = _encoded(examples)
    assert again == [record for record in published if record["idx"] not in BOOLEANS]
    assert [list(record) for record in again] == [list(published[0])] * 993
    repeated, none = _decoded(again)
    assert not none
    assert [_without_line(example) for example in repeated] == [_without_line(example) for example in examples]


def _without_line(example: Example) -> Example:
    """The example but for its place in the file, which moves up after each row that was lost."""
    return example.model_copy(update={"task": example.task.model_copy(update={"line": None})})


def test_people_and_models_are_as_published() -> None:
    examples, _ = _decoded(orjson.loads(DATA.read_bytes()))
    assert {len(example.reviews) for example in examples} == {3}
    votes = Counter(review.winner for example in examples for review in example.reviews)
    assert votes.total() == 3 * 993
    assert votes["second"] > votes["first"] > votes["tie"] > 0
    assert {answer.model for example in examples for answer in example.answers} == {
        "bloom-7b", "cerebras-gpt-6.7B", "llama-7b", "opt-7b", "pythia-6.9b",
    }  # fmt: skip
    assert len({example.task.category for example in examples}) == 50
    assert len({example.task.instruction for example in examples}) <= 170
