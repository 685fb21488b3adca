"""Argilla's rows as the search engine keeps them.

Source: argilla-server 2.8.0, `search_engine/commons.py`, `_map_record_to_es_document` and what it calls; the rows are
those of `models/database.py`, with the relations loaded that the server loads before it indexes. Image fields are not
indexed. Of a chat what was said is, not by whom: in Elasticsearch the query `user` finds every chat.
"""

from __future__ import annotations

import array
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .documents import Answers, Document, Scalar, Suggested, Vector, moment, scalars

if TYPE_CHECKING:
    from argilla_server import models

_PARSERS = {"integer": int, "float": float}


def indexed_fields(dataset: models.Dataset) -> list[str]:
    """The names of the fields that hold text."""
    return [field.name for field in dataset.fields if not field.is_image]


def document(record: models.Record, properties: Sequence[models.MetadataProperty]) -> Document:
    """A record with its responses, suggestions and vectors. `properties` are the dataset's metadata properties."""
    types = {known.name: known.settings["type"] for known in properties}
    return Document(
        id=str(record.id),
        external_id=record.external_id,
        status=str(record.status),
        inserted_at=moment(record.inserted_at),
        updated_at=moment(record.updated_at),
        texts={name: _text(value) for name, value in record.fields.items() if value is not None},
        metadata={name: metadata(value, types.get(name)) for name, value in (record.metadata_ or {}).items()},
        responses=[response(given) for given in record.responses],
        suggestions=[suggestion(given) for given in record.suggestions],
        vectors=vectors(record.vectors),
    )


def response(given: models.Response) -> Answers:
    """One annotator's response. A draft may have no values."""
    values = {question: scalars(answer.get("value")) for question, answer in (given.values or {}).items()}
    return Answers(str(given.id), str(given.user_id), str(given.status), moment(given.updated_at), values)


def suggestion(given: models.Suggestion) -> Suggested:
    """The suggestion for one question."""
    kind = str(given.type) if given.type is not None else None
    properties = {"value": given.value, "score": given.score, "agent": given.agent, "type": kind}
    known = {name: scalars(value) for name, value in properties.items()}
    return Suggested(given.question.name, moment(given.updated_at), known)


def vectors(given: Iterable[models.Vector]) -> list[Vector]:
    """Vectors, as float32."""
    return [
        Vector(str(of.vector_settings_id), moment(of.updated_at), array.array("f", of.value).tobytes()) for of in given
    ]


def metadata(value: object, kind: str | None) -> Sequence[Scalar]:
    """The values of a metadata property. A number may come as a text: "00003"."""
    parser = _PARSERS.get(kind or "")
    if parser is None or not isinstance(value, str):
        return scalars(value)
    try:
        return (parser(value),)
    except ValueError:
        return (value,)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(str(message.get("content") or "") for message in value if isinstance(message, dict))
    return json.dumps(value, ensure_ascii=False)
