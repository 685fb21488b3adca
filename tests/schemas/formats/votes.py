"""What the formats of votes have in common: their golden examples, and published rows."""

from __future__ import annotations

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats import Format, Record
from prefmill.schemas.rows import Example

from .round_trip import records

VOTES = [Example.model_validate(record) for record in records("votes.jsonl")]
"""A verdict of both orders; a tie of a chat, whose orders disagree; three people; a person and a verdict."""


def published(folder: str, name: str = "published.jsonl") -> list[Record]:
    """Rows in the layout of a published set."""
    return records(folder, name)


def check_refusals(format: Format, reason: str, example: Example) -> None:
    """The example is refused for this reason, before anything of it is written."""
    written: list[tuple[str, Record]] = []
    try:
        written += format.encode(example)
    except CannotCarry as refused:
        assert (refused.reason, written) == (reason, [])
    else:
        raise AssertionError(f"{reason}: {written}")
