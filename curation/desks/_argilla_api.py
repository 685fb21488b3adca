"""Requests to an Argilla server, as the owner of a key: what is sent again, and what a person reads where it fails.

Source: argilla-server 2.8.0, `api/handlers/v1/` (paths), `errors/` and `api/errors/v1/` (shapes of what is refused).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import requests

from ...schemas.errors import EndpointError

PAGE = 500
"""Records asked for at a time; the server gives at most 1,000."""
FIRST_WAIT = 0.5
"""Seconds before a request is sent again; twice as many each further time."""
LONGEST_WAIT = 60.0
"""Seconds that a busy server's `Retry-After` is heeded for."""
_UNHEARD = frozenset({429, 503})
"""Statuses of requests that were turned away: any may be sent again."""
_BUSY = frozenset({502, 504})
"""Statuses of requests that may have been done."""


class Refused(EndpointError):
    """The server does not do what is asked. `reason` is its own, one line."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(message)


class Api:
    """One session with one server. All calls raise `EndpointError`, one line, where there is no answer to work with."""

    def __init__(self, url: str, key: str, key_name: str, *, timeout: float, retries: int) -> None:
        self.url, self._key_name, self._timeout, self._retries = url.rstrip("/"), key_name, timeout, retries
        self._session = requests.Session()
        self._session.headers.update({"X-Argilla-Api-Key": key, "Content-Type": "application/json"})
        self._answered = False

    def __enter__(self) -> Api:
        try:
            self._look()
        except EndpointError:
            self._session.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()

    def __call__(self, method: str, path: str, body: object = None, *, once: bool = False) -> Any:  # noqa: ANN401
        """The JSON of the reply; None where it is empty. `body`: JSON values, or the bytes of some.

        Where the server is busy, goes down or takes too long, the request is sent again after 0.5, 1, 2 … seconds, but
        no POST that may have been heard: it would be done twice. `once`: an error within the server (HTTP 500) is taken
        as its answer.
        """
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                reply = self._session.request(method, f"{self.url}/api/v1{path}", data=data, timeout=self._timeout)
            except requests.RequestException as error:
                # A server that never answered is not one that has gone down; a wrong address is said at once.
                if last or method == "POST" or not self._answered:
                    raise EndpointError(f"{self.url}: {self._silent(error)}") from error
                time.sleep(FIRST_WAIT * 2**attempt)
                continue
            status = reply.status_code
            again = status in _UNHEARD or (method != "POST" and (status in _BUSY or (status == 500 and not once)))
            if last or not again:
                return self._read(method, path, reply)
            time.sleep(_asked_for(reply) or FIRST_WAIT * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def items(self, path: str) -> list[dict[str, Any]]:
        """The items of a list that comes whole."""
        found: list[dict[str, Any]] = self("GET", path)["items"]
        return found

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """The items of a list that comes in pages; `path` ends in a query."""
        offset = 0
        while some := self.items(f"{path}&offset={offset}&limit={PAGE}"):
            yield from some
            offset += len(some)

    def _look(self) -> None:
        """Raises where what answers is no Argilla server of version 2, or the key is not one that can hand out."""
        try:
            told = self("GET", "/version")
        except Refused as error:
            if error.status >= 500:
                raise
            told = None
        version = told.get("version") if isinstance(told, dict) else None
        if not isinstance(version, str):
            raise EndpointError(f"{self.url}: what answers there is no Argilla server.")
        if not version.startswith("2."):
            raise EndpointError(f"{self.url}: argilla-server {version} answers there; 2.x is needed.")
        me = self("GET", "/me")
        if me["role"] == "annotator":
            raise EndpointError(
                f"{self.url}: the key in {self._key_name} is that of {me['username']}, an annotator;"
                " an owner's or an admin's is needed."
            )

    def _silent(self, error: requests.RequestException) -> str:
        what = "answers no more" if self._answered else "no Argilla server answers there"
        why = f"no reply within {self._timeout:g} s" if isinstance(error, requests.Timeout) else type(error).__name__
        return f"{what} ({why})."

    def _read(self, method: str, path: str, reply: requests.Response) -> Any:  # noqa: ANN401 - JSON
        status = reply.status_code
        if status == 401:
            raise EndpointError(f"{self.url}: the key in {self._key_name} is refused (HTTP 401).")
        if not reply.ok:
            reason = reason_of(reply.content)
            allowed = f"; the user of the key in {self._key_name} may not" if status == 403 else ""
            message = f"{self.url}: {method} {path.partition('?')[0]}: HTTP {status}{allowed}: {reason}"
            raise Refused(message, status, reason)
        self._answered = True
        if not reply.content:
            return None
        try:
            return orjson.loads(reply.content)
        except orjson.JSONDecodeError:
            raise EndpointError(f"{self.url}: what answers there is no Argilla server.") from None


def reason_of(content: bytes) -> str:
    """Why a server refuses something, as one line of at most 300 characters.

    Argilla's `detail` is a text, or has `params` with a `detail`, `message` or list of `errors`, each with `loc` and
    `msg`.
    """
    try:
        detail = orjson.loads(content)["detail"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return _line(content.decode(errors="replace")) or "no reason given"
    return _line(_told(detail))


def _told(detail: object) -> str:
    if not isinstance(detail, Mapping):
        return str(detail)
    params = detail.get("params")
    if not isinstance(params, Mapping):
        return str(detail.get("message") or detail.get("code") or detail)
    errors = params.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
        # `body`, `items` and the place in the list say nothing to somebody who did not write the request.
        where = [str(part) for part in errors[0].get("loc", ()) if part not in ("body", "items") and part != 0]
        return f"{'.'.join(where)}: {errors[0].get('msg')}" if where else str(errors[0].get("msg"))
    return str(params.get("detail") or params.get("message") or detail.get("code"))


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def _asked_for(reply: requests.Response) -> float | None:
    """Seconds that the server asks to wait for, where it says so in seconds."""
    asked = reply.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT) if asked.isdecimal() else None
