"""What a batch came to, request by request: a reply, or why there is none.

Lines: https://platform.openai.com/docs/api-reference/batch/request-output. Requests that were answered stand in the
output file, those that were not (HTTP 4xx, 5xx, expired, cancelled) in the error file; both have the same form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from ...schemas.errors import CallFailed
from ..providers import Reply
from ..providers._completion import read_completion
from .record import BatchRecord

Item = Reply | CallFailed
"""What became of one request."""
LONGEST_MESSAGE = 500


def results_of(record: BatchRecord, path: Path, price_factor: float) -> dict[str, Item]:
    """Key -> what became of it, for every request of the batch."""
    found = dict(_items(path, price_factor)) if path.exists() else {}
    return {key: found.get(key) or CallFailed(record.lacking, record.said, final=True) for key in record.keys}


def _items(path: Path, price_factor: float) -> Iterator[tuple[str, Item]]:
    with path.open("rb") as lines:
        for text in lines:
            try:
                line = orjson.loads(text)
            except orjson.JSONDecodeError:
                # Its request is among those without a result, and fails as such.
                continue
            if isinstance(line, dict) and isinstance(key := line.get("custom_id"), str):
                yield key, _item(line, price_factor)


def _item(line: dict[str, Any], price_factor: float) -> Item:
    response, error = line.get("response"), line.get("error")
    status = response.get("status_code") if isinstance(response, dict) else None
    body = response.get("body") if isinstance(response, dict) else None
    if status == 200:
        try:
            return replace(read_completion(body), price_factor=price_factor)
        except CallFailed as failed:
            failed.final = True
            return failed
    if isinstance(error, dict):
        ended = error.get("code") in ("batch_expired", "batch_cancelled")
        kind = "expired" if ended else _kind(status)
    else:
        kind, error = _kind(status), body.get("error", body) if isinstance(body, dict) else body
    said = (error.get("message") or error.get("code") or error) if isinstance(error, dict) else error
    text = " ".join(str(said).split())[:LONGEST_MESSAGE]
    text = text.encode(errors="backslashreplace").decode()
    return CallFailed(kind, text if status is None else f"HTTP {status}: {text}", final=True)


def _kind(status: object) -> str:
    """Kind of failure of an HTTP status, as for single calls."""
    if not isinstance(status, int):
        return "server_error"
    if status == 429:
        return "rate_limited"
    return "server_error" if status >= 500 or status in (408, 409) else "rejected"
