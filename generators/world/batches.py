"""The simulated world's Batch API: files and batches, each line answered by the same endpoint as a single call.

Shapes: https://platform.openai.com/docs/api-reference/files and /batch. Nothing works in the background: how far a
batch has come follows from the time when somebody looks.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from .chance import Chance
from .chat import error
from .endpoint import Endpoint

MOST_LINES = 50_000
URL = "/v1/chat/completions"
PAGE = 20


@dataclass
class _Batch:
    """One batch and what has become of it."""

    shown: dict[str, Any]
    """The object that the API shows."""
    lines: list[dict[str, Any]]
    authorization: str | None
    due: float
    tokens: int


@dataclass
class Batches:
    """The files and batches of one world."""

    endpoint: Endpoint
    files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._settings = self.endpoint.settings.batches
        self._chance = Chance(self.endpoint.settings.seed)
        self._batches: dict[str, _Batch] = {}
        self._drawn: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        """The API's addresses."""
        return [
            web.post("/v1/files", self.upload),
            web.get("/v1/files/{id}/content", self.content),
            web.post("/v1/batches", self.create),
            web.get("/v1/batches", self.listed),
            web.get("/v1/batches/{id}", self.shown),
            web.post("/v1/batches/{id}/cancel", self.cancel),
        ]

    async def upload(self, request: web.Request) -> web.Response:
        """`POST /v1/files`."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        form = await request.post()
        file = form.get("file")
        if form.get("purpose") != "batch" or not isinstance(file, web.FileField):
            return _bad("a file with the purpose 'batch' is expected")
        return _json(200, self._file(file.file.read(), "batch", file.filename))

    async def content(self, request: web.Request) -> web.Response:
        """`GET /v1/files/{id}/content`."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        content = self.files.get(request.match_info["id"])
        return _unknown("file") if content is None else web.Response(body=content)

    async def create(self, request: web.Request) -> web.Response:
        """`POST /v1/batches`."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        wanted = await request.json()
        content = self.files.get(wanted.get("input_file_id"))
        if content is None:
            return _unknown("file")
        lines, problems = _checked(content)
        tokens = sum(_tokens(line) for line in lines)
        limit, queued = self._settings.enqueued_tokens, sum(b.tokens for b in self._batches.values() if _open(b))
        if limit is not None and queued + tokens > limit:
            problems = [("token_limit_exceeded", f"{tokens} tokens beside {queued}; the limit is {limit}", None)]
        number, now = len(self._batches) + 1, time.time()
        shown = {
            "id": f"batch_{number}",
            "object": "batch",
            "endpoint": wanted.get("endpoint"),
            "input_file_id": wanted["input_file_id"],
            "completion_window": wanted.get("completion_window"),
            "metadata": wanted.get("metadata"),
            "created_at": int(now),
            "status": "failed" if problems else "in_progress",
            "output_file_id": None,
            "error_file_id": None,
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }
        if problems:
            data = [{"code": code, "message": said, "line": line, "param": None} for code, said, line in problems]
            shown["errors"] = {"object": "list", "data": data}
        # The reply to this request says what every batch begins as; what became of it is seen at the first look.
        self._batches[shown["id"]] = _Batch(
            shown, lines, request.headers.get("Authorization"), now + self._settings.seconds, tokens
        )
        return _json(200, {**shown, "status": "validating", "errors": None})

    async def listed(self, request: web.Request) -> web.Response:
        """`GET /v1/batches`, newest first."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        names = list(reversed(self._batches))
        after = request.query.get("after")
        names = names[names.index(after) + 1 :] if after in names else names
        page = names[: int(request.query.get("limit", PAGE))]
        data = [self._looked_at(self._batches[name]) for name in page]
        ends = {"first_id": page[0] if page else None, "last_id": page[-1] if page else None}
        return _json(200, {"object": "list", "data": data, "has_more": len(page) < len(names), **ends})

    async def shown(self, request: web.Request) -> web.Response:
        """`GET /v1/batches/{id}`."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        batch = self._batches.get(request.match_info["id"])
        return _unknown("batch") if batch is None else _json(200, self._looked_at(batch))

    async def cancel(self, request: web.Request) -> web.Response:
        """`POST /v1/batches/{id}/cancel`: what would be done by now is done, the rest never."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        batch = self._batches.get(request.match_info["id"])
        if batch is None:
            return _unknown("batch")
        self._looked_at(batch)
        if not _open(batch):
            return _json(409, error(f"the batch has {batch.shown['status']}", "invalid_request_error"))
        before = max(0.0, batch.due - time.time()) / self._settings.seconds
        self._finish(batch, len(batch.lines) - round(before * len(batch.lines)), "cancelled")
        return _json(200, {**batch.shown, "status": "cancelling"})

    def _refusal(self, request: web.Request) -> web.Response | None:
        refused = self.endpoint.unauthorized(request.headers.get("Authorization"))
        return None if refused is None else _json(*refused)

    def _file(self, content: bytes, purpose: str, name: str) -> dict[str, Any]:
        identifier = f"file-{len(self.files) + 1}"
        self.files[identifier] = content
        size = len(content)
        return {"id": identifier, "object": "file", "bytes": size, "filename": name, "purpose": purpose}

    def _looked_at(self, batch: _Batch) -> dict[str, Any]:
        if _open(batch) and time.time() >= batch.due:
            self._finish(batch, len(batch.lines), "completed")
        return batch.shown

    def _finish(self, batch: _Batch, done: int, status: str) -> None:
        """Answer the first `done` lines; the others, and those drawn to expire, are told why they have no answer."""
        answered, failed = list[bytes](), list[bytes]()
        for place, line in enumerate(batch.lines):
            fate = "batch_cancelled" if place >= done else self._fate(line["custom_id"])
            if fate in ("batch_cancelled", "batch_expired"):
                status = "expired" if fate == "batch_expired" and status == "completed" else status
                said = {"code": fate, "message": f"simulated world: {fate}"}
                failed.append(_line(batch, line, None, said))
                continue
            code, body = 500, error("server error, as planted", "server_error")
            if fate is None:
                code, body = self.endpoint.reply(self.endpoint.arrive(orjson.dumps(line["body"]), batch.authorization))
            response = {"status_code": code, "request_id": f"req-{place}", "body": body}
            (answered if code == 200 else failed).append(_line(batch, line, response, None))
        counts = {"total": len(batch.lines), "completed": len(answered), "failed": len(failed)}
        batch.shown |= {"status": status, "request_counts": counts}
        for key, lines in (("output_file_id", answered), ("error_file_id", failed)):
            if lines:
                batch.shown[key] = self._file(b"".join(lines), "batch_output", f"{key}.jsonl")["id"]

    def _fate(self, name: str) -> str | None:
        """What goes wrong with a line before it is answered; another fate each time it comes."""
        self._drawn[name] += 1
        (drawn,) = self._chance.uniforms(1, "batch", name, self._drawn[name])
        if drawn < self._settings.expired:
            return "batch_expired"
        return "failed" if drawn < self._settings.expired + self._settings.failed else None


Problem = tuple[str, str, int | None]
"""Code, message and number of the line."""


def _checked(content: bytes) -> tuple[list[dict[str, Any]], list[Problem]]:
    """The lines of an input file, and what is wrong with them."""
    lines, problems = [], list[Problem]()
    for number, text in enumerate(content.splitlines(), 1):
        try:
            lines.append(orjson.loads(text))
        except orjson.JSONDecodeError:
            problems.append(("invalid_json_line", "This line is not parseable as valid JSON.", number))
    if not problems:
        problems = list(_unfit(lines))
    return lines, problems


def _unfit(lines: list[dict[str, Any]]) -> Iterator[Problem]:
    if not lines or len(lines) > MOST_LINES:
        yield "invalid_file", f"{len(lines)} lines; from 1 to {MOST_LINES} are taken", None
    names, first = set[str](), lines[0]["body"].get("model") if lines else None
    for number, line in enumerate(lines, 1):
        if line.get("url") != URL or line.get("method") != "POST":
            yield "invalid_url", f"POST {URL} is expected", number
        if line["custom_id"] in names:
            yield "duplicate_custom_id", f"the custom_id {line['custom_id']} stands in the file twice", number
        if line["body"].get("model") != first:
            yield "mismatched_model", f"the model is not that of the first line, {first}", number
        names.add(line["custom_id"])


def _tokens(line: dict[str, Any]) -> int:
    body = line["body"]
    return len(orjson.dumps(body)) // 4 + (body.get("max_completion_tokens") or body.get("max_tokens") or 0)


def _line(batch: _Batch, line: dict[str, Any], response: object, problem: object) -> bytes:
    told = {"id": f"{batch.shown['id']}_req", "custom_id": line["custom_id"], "response": response, "error": problem}
    return orjson.dumps(told) + b"\n"


def _open(batch: _Batch) -> bool:
    return bool(batch.shown["status"] == "in_progress")


def _json(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def _bad(message: str) -> web.Response:
    return _json(400, error(message, "invalid_request_error"))


def _unknown(what: str) -> web.Response:
    return _json(404, error(f"no such {what}", "invalid_request_error"))
