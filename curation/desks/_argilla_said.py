"""What annotators submitted, read back from a data set's responses.

Argilla keeps no time for which a record was looked at. What is known is when responses came: from one to the next of
the same person is the time for that record, if the person did nothing else. It is taken for `seconds` only where that
is likely: not for the first, not after a break of more than ten minutes, not for those that were sent together from the
bulk view, and not for one that was changed later, a draft first among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ...schemas.errors import UserError
from . import Said
from ._argilla_form import CHOICES, RATED

BREAK = 600.0
"""Seconds between two responses of a person from which on they did something else in between."""
TOGETHER = 1.0
"""Seconds within which responses came from one click."""

Reply = tuple[str, Mapping[str, Any]]
"""A record's id and a response to it."""


def replies(records: Iterable[Mapping[str, Any]]) -> list[Reply]:
    """All responses to a data set's records; records that somebody made there by hand keep the server's id."""
    return [
        (record["external_id"] or record["id"], response)
        for record in records
        for response in record.get("responses") or ()
    ]


def said(found: Sequence[Reply], names: Mapping[str, str], criteria: Mapping[str, str]) -> Iterator[Said]:
    """What was submitted. `names`: user's id -> name; `criteria`: question -> criterion.

    Raises `UserError` for a response that this desk's questions cannot have.
    """
    seconds = seconds_of(response for _, response in found)
    for record_id, response in found:
        if response["status"] == "submitted":
            values = {name: one["value"] for name, one in (response["values"] or {}).items()}
            if values.get("choice") not in CHOICES:
                what = values.get("choice")
                raise UserError(f"record {record_id}: the question `choice` has no option {what!r} of this desk.")
            rated = [values.get(name) for name in RATED]
            yield Said(
                record_id=record_id,
                annotator=names.get(response["user_id"], response["user_id"]),
                choice=CHOICES[values["choice"]],
                ratings=(rated[0], rated[1]) if any(one is not None for one in rated) else None,
                criteria={text: CHOICES[values[name]] for name, text in criteria.items() if name in values},
                comment=values.get("comment") or "",
                seconds=seconds.get(response["id"]),
                at=_at(response, "updated_at"),
            )


def seconds_of(responses: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Response -> the seconds for which its record was looked at, where they can be told.

    Drafts and discarded records tell when their person was at work, too.
    """
    by_user: dict[str, list[tuple[float, str, bool]]] = {}
    for response in responses:
        first = _at(response, "inserted_at")
        changed = _at(response, "updated_at") - first > TOGETHER
        by_user.setdefault(response["user_id"], []).append((first, response["id"], changed))
    found = {}
    for some in by_user.values():
        some.sort()
        for place in range(1, len(some)):
            (before, _, _), (at, name, changed) = some[place - 1], some[place]
            together = place + 1 < len(some) and some[place + 1][0] - at < TOGETHER
            if TOGETHER <= at - before <= BREAK and not changed and not together:
                found[name] = round(at - before, 1)
    return found


def _at(response: Mapping[str, Any], key: str) -> float:
    """Seconds since 1970; the server's times are in UTC and do not say so."""
    at = datetime.fromisoformat(response[key])
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
