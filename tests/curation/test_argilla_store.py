"""The side file of the embedded search engine: what is written, replaced, taken out, and how near vectors are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.curation.argilla_server.counting import state
from prefmill.curation.argilla_server.documents import Suggested
from prefmill.curation.argilla_server.filters import All, Answer, Fact, ResponseStatus, Terms
from prefmill.curation.argilla_server.mapping import document as mapped
from prefmill.curation.argilla_server.mapping import metadata
from prefmill.curation.argilla_server.searching import Search, search, similar
from prefmill.curation.argilla_server.store import IndexExists, NoIndex, Store

from .argilla_documents import DATASET, answered, document, filled

TIME = "2026-01-05T00:00:00.000000"


def _found(store: Store, query: str) -> list[str]:
    return [record for record, _ in search(store, DATASET, Search(query)).items]


def test_a_record_written_again_replaces_all_of_it_and_keeps_its_place() -> None:
    first = document(1, {"body": "old"}, {"m": ["a"]}, responses=[answered(1, "ann", "draft", q=[1])], vector=[1, 0])
    store = filled([first, document(2, {"body": "other"})])
    store.write(DATASET, [document(1, {"body": "new"})])
    assert (_found(store, "old"), _found(store, "new"), _found(store, "*")) == ([], ["r1"], ["r1", "r2"])
    known = state(store, DATASET)
    assert [known[kind][0] for kind in ("record", "response", "suggestion", "vector")] == [2, 0, 0, 0]


def test_responses_and_suggestions_come_and_go() -> None:
    store = filled([document(1), document(2)])
    store.set_response("r1", answered(1, "ann", "draft", q=["x"]))
    store.set_response("r1", answered(1, "ann", "submitted", q=["y"]))
    store.set_suggestion("r1", Suggested("q", TIME, {"value": ["x"], "agent": ["m"]}))
    store.set_suggestion("r1", Suggested("q", TIME, {"value": ["y"]}))
    kept = {
        "x": Terms(Answer("q"), ["x"]),
        "y": Terms(Answer("q"), ["y"]),
        "submitted": Terms(ResponseStatus("ann"), ["submitted"]),
        "suggested": Terms(Fact("suggestion.q.value"), ["y"]),
        "agent": Terms(Fact("suggestion.q.agent"), ["m"]),
    }
    counts = {name: search(store, DATASET, Search(filter=of)).total for name, of in kept.items()}
    assert counts == {"x": 0, "y": 1, "submitted": 1, "suggested": 1, "agent": 0}
    store.delete_response("1-ann")
    store.delete_suggestion("r1", "q")
    assert sum(search(store, DATASET, Search(filter=of)).total for of in kept.values()) == 0
    assert state(store, DATASET)["suggestion"] == (0, None)


def test_deleted_records_and_datasets_leave_nothing() -> None:
    store = filled([document(number, {"body": "word"}, {"m": ["a"]}, vector=[1, 0]) for number in range(3)])
    store.delete(DATASET, ["r0", "none"])
    assert _found(store, "word") == ["r1", "r2"]
    store.create("other", ["body"])
    store.drop(DATASET)
    store.drop(DATASET)
    assert store.datasets() == {"other"}
    with store.reading() as connection:
        for table in ("docs", "facts", "vectors"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.write("none", []),
        lambda store: search(store, "none", Search()),
        lambda store: store.set_status("none", "completed", TIME),
        lambda store: store.set_response("none", answered(1, "ann", "draft")),
        lambda store: store.delete_suggestion("none", "q"),
    ],
)
def test_what_is_not_indexed_is_named(ask: Callable[[Store], object]) -> None:
    with pytest.raises(NoIndex, match=r"none.*reindexed"):
        ask(filled([]))


def test_a_dataset_is_created_once() -> None:
    with pytest.raises(IndexExists, match="already"):
        filled([]).create(DATASET, [])


def test_a_failed_write_leaves_nothing_behind() -> None:
    store = filled([document(1, {"body": "word"})])
    broken = replace(document(2, {"body": "word"}), updated_at=None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        store.write(DATASET, [document(3, {"body": "word"}), broken])
    assert _found(store, "word") == ["r1"]


def test_the_file_outlasts_its_process_and_an_older_one_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    store = Store(path)
    store.create(DATASET, ["body"])
    store.write(DATASET, [document(1, {"body": "word"})])
    store.close()
    store = Store(path)
    assert _found(store, "word") == ["r1"]
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    store = Store(path)
    assert store.datasets() == set()
    store.create(DATASET, ["body"])
    store.close()


NUMBERS = st.floats(-10, 10, width=32).filter(lambda number: abs(number) > 1e-3)


@given(
    st.lists(st.lists(NUMBERS, min_size=4, max_size=4), min_size=1, max_size=12),
    st.lists(NUMBERS, min_size=4, max_size=4),
    st.integers(1, 5),
)
def test_the_nearest_vectors_are_numpys(vectors: list[list[float]], asked: list[float], limit: int) -> None:
    store = filled([document(number, {}, {"m": [number % 2]}, vector=of) for number, of in enumerate(vectors)])
    found = similar(store, DATASET, "v", asked, Search(filter=All([Terms(Fact("metadata.m"), ["0"])]), limit=limit))
    wanted = np.asarray(asked)
    even = np.asarray(vectors, dtype=np.float32)[::2]
    cosines = even @ wanted / np.linalg.norm(even, axis=1) / np.linalg.norm(wanted)
    scores = [score for _, score in found.items]
    np.testing.assert_allclose(np.asarray(scores, float), np.sort((1 + cosines) / 2)[::-1][:limit], atol=1e-6)
    assert found.total == len(found.items) == min(limit, len(even))
    store.close()


def test_vectors_without_a_direction_are_never_near() -> None:
    store = filled([document(1, vector=[0, 0]), document(2, vector=[1, 0]), document(3)])
    assert [record for record, _ in similar(store, DATASET, "v", [1, 1], Search()).items] == ["r2"]
    assert similar(store, DATASET, "v", [1, 1], Search(), without="r2").total == 0
    with pytest.raises(ValueError, match="nowhere"):
        similar(store, DATASET, "v", [0, 0], Search())
    with pytest.raises(ValueError, match=r"3 numbers.* 2"):
        similar(store, DATASET, "v", [1, 1, 1], Search())


def test_a_users_order_is_shuffled_and_pages_do_not_overlap() -> None:
    store = filled([document(number) for number in range(50)])
    pages = [search(store, DATASET, Search(seed="ann", offset=at, limit=10)).items for at in range(0, 50, 10)]
    ann = [record for page in pages for record, _ in page]
    bob = [record for record, _ in search(store, DATASET, Search(seed="bob")).items]
    assert sorted(ann) == sorted(bob) == sorted(f"r{number}" for number in range(50))
    assert ann != bob != [f"r{number}" for number in range(50)]


def test_a_row_of_argillas_is_mapped() -> None:
    from datetime import datetime

    row = SimpleNamespace(
        id=7,
        external_id=None,
        status="pending",
        inserted_at=datetime(2026, 1, 1),
        updated_at=datetime.fromisoformat("2026-01-01T02:00:00+01:00"),
        fields={"text": "a", "chat": [{"role": "user", "content": "b"}], "none": None, "custom": {"k": "ä"}},
        metadata_={"number": "00003", "kinds": ["a", "b"], "extra": 1},
        responses=[],
        suggestions=[],
        vectors=[],
    )
    made = mapped(row, [SimpleNamespace(name="number", settings={"type": "integer"})])
    assert made.texts == {"text": "a", "chat": "b", "custom": '{"k": "ä"}'}
    assert made.metadata == {"number": (3,), "kinds": ("a", "b"), "extra": (1,)}
    assert (made.inserted_at, made.updated_at) == ("2026-01-01T00:00:00.000000", "2026-01-01T01:00:00.000000")
    assert metadata("no number", "float") == ("no number",)
