"""Filters, order and counts of the embedded search engine, against an evaluator that looks at every record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.curation.argilla_server.counting import by_response_status, by_status, extremes, terms
from prefmill.curation.argilla_server.documents import Document, Scalar, Suggested
from prefmill.curation.argilla_server.filters import (
    All,
    Answer,
    Column,
    Fact,
    Filter,
    Range,
    ResponseStatus,
    Scope,
    Terms,
)
from prefmill.curation.argilla_server.searching import Search, search
from prefmill.curation.argilla_server.sorting import Order
from prefmill.curation.argilla_server.store import Store

from .argilla_documents import DATASET, answered, document, filled

TERMS = ("x", "y", "3", "0.5")
NUMBERS = (-1, 0, 0.5, 3, 3.0, 2**70)
STATUSES = ("draft", "submitted", "discarded")
VALUES = st.lists(st.one_of(st.sampled_from(TERMS), st.sampled_from(NUMBERS)), max_size=2)
USERS = ("ann", "bob")


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    made = []
    for number in range(draw(st.integers(1, 6))):
        users = draw(st.lists(st.sampled_from(USERS), unique=True))
        responses = [answered(number, user, draw(st.sampled_from(STATUSES)), q=draw(VALUES)) for user in users]
        time = "2026-01-01T00:00:00.000000"
        suggestions = [Suggested("q", time, {"value": draw(VALUES)})] if draw(st.booleans()) else []
        status = draw(st.sampled_from(("pending", "completed")))
        made.append(
            document(number, {}, {"m": draw(VALUES)}, responses=responses, suggestions=suggestions, status=status)
        )
    return made


SCOPES: st.SearchStrategy[Scope] = st.sampled_from(
    (Fact("metadata.m"), Fact("suggestion.q.value"), Fact("metadata.none"), *(Answer("q", of) for of in (None, *USERS)))
)
FILTERS: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Terms, SCOPES, st.lists(st.sampled_from((*TERMS, "-1", "none")), max_size=3)),
    st.builds(Range, SCOPES, st.sampled_from((None, 0, 0.5, "3")), st.sampled_from((None, 3, 2.5))),
    st.builds(
        Terms,
        st.sampled_from((None, *USERS)).map(ResponseStatus),
        st.lists(st.sampled_from(("pending", *STATUSES)), max_size=3),
    ),
    st.builds(Terms, st.just(Column("status")), st.lists(st.sampled_from(("pending", "completed")), max_size=2)),
)


def _values(record: Document, scope: Scope) -> list[Scalar]:
    match scope:
        case Fact(path) if path.startswith("metadata."):
            return list(record.metadata.get(path.removeprefix("metadata."), ()))
        case Fact():
            return [value for suggestion in record.suggestions for value in suggestion.properties["value"]]
        case Answer(_, user):
            return [value for of in record.responses if user in {None, of.user} for value in of.values["q"]]
        case Column():
            return [record.status]
        case ResponseStatus(user):
            return [of.status for of in record.responses if user in {None, of.user}]


def _holds(record: Document, given_filter: Filter) -> bool:
    match given_filter:
        case All(filters):
            return all(_holds(record, part) for part in filters)
        case Terms(ResponseStatus(user) as scope, wanted):
            statuses = _values(record, scope)
            if not wanted:
                return user is None or bool(statuses)
            return ("pending" in wanted and not statuses) or bool(set(statuses) & set(wanted))
        case Terms(scope, wanted):
            return any(
                value in wanted if isinstance(value, str) else value in map(_number, wanted)
                for value in _values(record, scope)
            )
        case Range(scope, ge, le):
            low, high = (None if end is None else float(end) for end in (ge, le))
            bounded = low is not None or high is not None
            return any(
                not bounded
                if isinstance(value, str)
                else (low is None or value >= low) and (high is None or value <= high)
                for value in _values(record, scope)
            )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@given(documents(), st.lists(FILTERS, max_size=3))
def test_sqlite_keeps_what_a_look_at_every_record_keeps(records: list[Document], filters: list[Filter]) -> None:
    store = filled(records)
    kept = search(store, DATASET, Search(filter=All(filters)))
    assert [record for record, _ in kept.items] == [of.id for of in records if _holds(of, All(filters))]
    store.close()


@given(documents(), SCOPES, st.booleans())
def test_records_are_sorted_and_missing_values_come_last(
    records: list[Document], scope: Scope, descending: bool
) -> None:
    store = filled(records)
    found = [record for record, _ in search(store, DATASET, Search(sort=[Order(scope, descending)])).items]
    values = {of.id: _values(of, scope) for of in records}
    assert sorted(found) == sorted(values)
    numeric = {record for record, of in values.items() if of and not any(isinstance(value, str) for value in of)}
    picked = {record: _picked(scope, descending, values[record]) for record in numeric}
    order = [picked[record] for record in found if record in picked]
    assert order == sorted(order, reverse=descending)
    with_values = [record for record in found if values[record]]
    assert found[: len(with_values)] == with_values
    store.close()


def _picked(scope: Scope, descending: bool, values: list[Scalar]) -> float:
    numbers = [float(value) for value in values]
    if isinstance(scope, Answer):
        return sum(numbers) / len(numbers)
    return max(numbers) if descending else min(numbers)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Terms(Column("inserted_at"), ["soon"]), "'soon' is no date"),
        (Range(Column("inserted_at"), ge="0001-01-01T00:00:00+14:00"), "is no date"),
        (Range(Column("updated_at"), le=1e300), "is no date"),
        (Range(Fact("metadata.m"), ge=float("nan")), "NaN"),
        (Range(ResponseStatus(), ge=1), "no order"),
    ],
)
def test_what_cannot_be_compared_is_refused(wrong: Filter, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        search(filled([]), DATASET, Search(filter=wrong))


def test_an_unknown_property_is_refused() -> None:
    with pytest.raises(ValueError, match="'rowid'"):
        Column("rowid")


@pytest.mark.parametrize(
    ("low", "high", "kept"),
    [
        ("2026-01-01T00:02:00", None, ["r2", "r3"]),
        ("2026-01-01T01:01:00+01:00", "2026-01-01T00:02:00Z", ["r1", "r2"]),
        (None, "2026-01-01", ["r0"]),
        (1767225780000, None, ["r3"]),
    ],
)
def test_times_are_compared_as_instants(low: str | int | None, high: str | None, kept: list[str]) -> None:
    store = filled([document(number) for number in range(4)])
    found = search(store, DATASET, Search(filter=Range(Column("inserted_at"), low, high)))
    assert [record for record, _ in found.items] == kept


@given(documents())
def test_counts_are_those_of_the_records(records: list[Document]) -> None:
    store = filled(records)
    assert sum(by_status(store, DATASET).values()) == len(records)
    mine = [of.status for record in records for of in record.responses if of.user == "ann"]
    assert by_response_status(store, DATASET, "ann") == {status: mine.count(status) for status in set(mine)}
    values = [value for record in records for value in record.metadata["m"]]
    assert sum(many for _, many in terms(store, DATASET, "metadata.m")) == len(values)
    numbers = [value for value in values if not isinstance(value, str)]
    assert extremes(store, DATASET, "metadata.m") == ((min(numbers), max(numbers)) if numbers else (None, None))
    store.close()


def test_values_that_sqlite_cannot_hold_are_kept_out_of_its_way() -> None:
    odd: list[Scalar] = [float("nan"), 2**70, 10**400, "a\ud800"]
    store = filled([document(1, {"title": "a\ud800"}, {"m": odd})])
    assert _kept(store, Terms(Fact("metadata.m"), ["nan"])) == []
    assert _kept(store, Terms(Fact("metadata.m"), [str(2**70)])) == ["r1"]
    assert _kept(store, Terms(Fact("metadata.m"), ["a\ud800"])) == ["r1"]
    assert _kept(store, Range(Fact("metadata.m"), ge=1e308)) == ["r1"]
    assert _kept(store, Terms(Fact("metadata.m"), ["9" * 5000])) == ["r1"]


def _kept(store: Store, given_filter: Filter) -> list[str]:
    return [record for record, _ in search(store, DATASET, Search(filter=given_filter)).items]
