"""Records on their way to a data set: what of them cannot go, and why, while the others go.

They go by their `external_id` (`PUT /datasets/{id}/records/bulk`, argilla-server 2.8.0, `bulk/records_bulk.py`): one
that is there is written over, and its responses stay. The server takes all of a request or nothing, so one that it
refuses is halved until the record is found for which it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from . import Record
from ._argilla_api import Api, Refused
from ._argilla_form import VECTOR, Form
from ._argilla_text import disarmed

A_TIME = 100
"""Most records in one request; the server takes 500 (`api/schemas/v1/records_bulk.py`)."""
BYTES = 900_000
"""Most bytes in one request of more than one record: nginx takes 1 MB unless told otherwise."""
_OF_A_RECORD = frozenset({400, 413, 422, 500})
"""Statuses that may be about one record and not about all. 500: a database that cannot store a text."""
_DIGITS = 5
"""Decimals of a vector's numbers."""
_PLACE = re.compile(r"^Record at position \d+ is not valid because ")


@dataclass(frozen=True, slots=True)
class Item:
    """A record as it is sent."""

    record_id: str
    body: bytes


def items(records: Sequence[Record], form: Form, choice: str, refused: dict[str, str]) -> list[Item]:
    """The records as they are sent; those that no JSON can hold go into `refused`. `choice`: id of that question."""
    found = []
    for record in records:
        try:
            found.append(Item(record.record_id, orjson.dumps(_item(record, form, choice))))
        except orjson.JSONEncodeError:
            refused[record.record_id] = "a text holds half of a surrogate pair, which is no character"
    return found


def requests_of(some: Sequence[Item]) -> Iterator[list[Item]]:
    """The items in order, as many in one request as it may hold."""
    chunk: list[Item] = []
    size = 0
    for item in some:
        if chunk and (len(chunk) == A_TIME or size + len(item.body) > BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += len(item.body)
    if chunk:
        yield chunk


def put(api: Api, dataset: str, chunk: Sequence[Item]) -> dict[str, str]:
    """Write records; the ids of those that the server refuses, with its reasons.

    Raises `EndpointError` where it is not for a record that nothing goes in.
    """
    try:
        _send(api, dataset, chunk, once=False)
    except Refused as error:
        if error.status not in _OF_A_RECORD:
            raise
        refused = _halved(api, dataset, chunk, error)
        if error.status == 500 and len(refused) == len(chunk):
            raise
        return refused
    return {}


def _halved(api: Api, dataset: str, chunk: Sequence[Item], error: Refused) -> dict[str, str]:
    """What is refused of a request that was, with `error`."""
    if len(chunk) == 1:
        return {chunk[0].record_id: _PLACE.sub("", error.reason)}
    refused: dict[str, str] = {}
    middle = len(chunk) // 2
    for half in (chunk[:middle], chunk[middle:]):
        try:
            _send(api, dataset, half, once=True)
        except Refused as why:
            if why.status not in _OF_A_RECORD:
                raise
            refused |= _halved(api, dataset, half, why)
    return refused


def _send(api: Api, dataset: str, chunk: Sequence[Item], *, once: bool) -> None:
    body = b'{"items":[' + b",".join(item.body for item in chunk) + b"]}"
    api("PUT", f"/datasets/{dataset}/records/bulk", body, once=once)


def _item(record: Record, form: Form, choice: str) -> dict[str, Any]:
    chat = [{"role": turn.role, "content": disarmed(turn.content)} for turn in record.messages]
    fields: dict[str, Any] = {"chat": chat, "a": disarmed(record.a), "b": disarmed(record.b)}
    if record.rubric is not None:
        levels = "".join(f"\n- {level.score}: {level.description}" for level in record.rubric.levels)
        fields["rubric"] = disarmed(f"{record.rubric.criteria}{levels}")
    if record.reference is not None:
        fields["reference"] = disarmed(record.reference)
    item: dict[str, Any] = {"external_id": record.record_id, "fields": fields}
    if record.metadata:
        item["metadata"] = _texts_disarmed(form.metadata(record))
    if record.vector is not None:
        item["vectors"] = {VECTOR: [round(number, _DIGITS) for number in record.vector]}
    if record.teacher is not None:
        suggested = {"question_id": choice, "value": record.teacher, "agent": "teachers", "type": "model"}
        item["suggestions"] = [{**suggested, "score": record.certainty}]
    return item


def _texts_disarmed(metadata: Mapping[str, str | int]) -> dict[str, str | int]:
    return {name: disarmed(value) if isinstance(value, str) else value for name, value in metadata.items()}
