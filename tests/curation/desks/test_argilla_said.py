"""What the Argilla desk makes of responses: the time for a record, where it can be told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prefmill.curation.desks import Said
from prefmill.curation.desks._argilla_said import replies, said, seconds_of
from prefmill.schemas.errors import UserError

START = datetime(2026, 5, 1, 10)


def response(name: str, first: float, later: float = 0.0, user: str = "u1", **changes: object) -> dict[str, Any]:
    """One that came `first` seconds after `START` and was changed `later` seconds after that."""
    made = START + timedelta(seconds=first)
    return {
        "id": name,
        "user_id": user,
        "status": "submitted",
        "values": {"choice": {"value": "A"}},
        "inserted_at": made.isoformat(),
        "updated_at": (made + timedelta(seconds=later)).isoformat(),
        **changes,
    }


def test_the_time_from_one_response_to_the_next_of_the_same_person() -> None:
    some = [
        response("first", 0),
        response("other person's", 10, user="u2"),
        response("second", 30, later=0.02),
        response("changed later", 50, later=90),
        response("a discard", 60, status="discarded"),
        response("after a break", 60 + 601),
        response("at the end of one", 60 + 601 + 600),
        response("together", 1300),
        response("with this", 1300.4),
        response("last", 1310),
    ]
    assert seconds_of(reversed(some)) == {
        "second": 30.0,
        "a discard": 10.0,
        "at the end of one": 600.0,
        "last": 9.6,
    }


def test_what_is_no_decision_is_open_and_what_is_one_has_a_time() -> None:
    records: list[dict[str, Any]] = [
        {"id": "x", "external_id": "r1", "responses": [response("a", 0), response("b", 5, user="u9")]},
        {"id": "x", "external_id": "r2", "responses": [response("c", 20, status="draft"), response("d", 9, user="u3")]},
        {"id": "made by hand", "external_id": None, "responses": [response("e", 25, later=3)]},
        {"id": "x", "external_id": "r4", "responses": [response("f", 30, status="discarded", values=None)]},
        {"id": "x", "external_id": "r5"},
    ]
    found = list(said(replies(records), {"u1": "ann", "u3": "bob"}, {}))
    assert [(one.record_id, one.annotator) for one in found] == [
        ("r1", "ann"),
        ("r1", "u9"),
        ("r2", "bob"),
        ("made by hand", "ann"),
    ]
    assert found[0] == Said(record_id="r1", annotator="ann", choice="A", at=START.replace(tzinfo=UTC).timestamp())


def test_an_option_that_is_none_of_ours_stops_the_pull() -> None:
    odd = [("r1", response("a", 0, values={"choice": {"value": "maybe"}}))]
    with pytest.raises(UserError, match=r"record r1: the question `choice` has no option 'maybe' of this desk\."):
        list(said(odd, {}, {}))
