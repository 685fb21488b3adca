"""An Argilla server, any 2.x: a data set for each annotator, since each sees the answers in an order of their own.

Only the public REST API is used (`/api/v1`, argilla-server 2.8.0, `api/handlers/v1/`), so that the server may be the
one that `prefmill review up` starts or a team's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from ...schemas.errors import EndpointError, UserError, known
from . import Batch, Choice, Desk, Record, Said

A_TIME = 100
"""Records in one request."""
_CHOICES: Mapping[str, Choice | None] = {"A": "A", "B": "B", "tie": "tie", "cannot_judge": None}
_OPTIONS = {"A": "A is better", "B": "B is better", "tie": "Tie", "cannot_judge": "Cannot judge"}
_FIELDS = {
    "chat": "Question",
    "a": "Answer A",
    "b": "Answer B",
    "rubric": "What counts",
    "reference": "Reference answer",
}


class Argilla(Desk):
    """A server's data sets `RUN for NAME`: the chat, both answers, a choice and a comment.

    The annotators must be users of the server. What was submitted counts; drafts and discarded records are open.
    """

    url: str = "http://127.0.0.1:6900"
    """Address of the server."""
    api_key_env: str = "ARGILLA_API_KEY"
    """Name of the environment variable that holds an owner's API key."""
    workspace: str = "reviews"
    """Workspace of the data sets; it must exist."""
    timeout: float = Field(60, gt=0)
    """Seconds to wait for one reply."""

    def offer(self, batch: Batch, folder: Path) -> tuple[str, ...]:
        with _Api(self) as api:
            workspace = _named(api.items("/me/workspaces"), self.workspace, "name", f"{self.url}: no workspace")
            users = {user["username"] for user in api.items("/users")}
            for annotator in batch.by_annotator():
                if annotator not in users:
                    more = "`prefmill review users NAME` makes one on a server of `review up`."
                    raise UserError(f"{self.url}: no user named {annotator!r}. {known(annotator, users)} {more}")
            return tuple(
                self._hand_out(api, workspace, batch, annotator, records)
                for annotator, records in batch.by_annotator().items()
            )

    def collect(self, run: str, files: Sequence[Path]) -> Iterator[tuple[str, Said]]:
        if files:
            raise UserError(f"{files[0]}: this review is on {self.url}; labels come from there, not from files.")
        with _Api(self) as api:
            names = {user["id"]: user["username"] for user in api.items("/users")}
            for dataset in api.items("/me/datasets"):
                if dataset["name"].startswith(f"{run} for "):
                    for record in api.pages(f"/datasets/{dataset['id']}/records?include=responses"):
                        for response in record.get("responses") or ():
                            if response["status"] == "submitted":
                                who = names.get(response["user_id"], response["user_id"])
                                yield f"{self.url}: {dataset['name']}", _said(record["external_id"], who, response)

    def _hand_out(self, api: _Api, workspace: str, batch: Batch, annotator: str, records: Sequence[Record]) -> str:
        """Make an annotator's data set, or find it, and put in what is not there yet."""
        name = f"{batch.run} for {annotator}"
        there = {one["name"]: one for one in api.items("/me/datasets") if one["workspace_id"] == workspace}
        if name in there and there[name]["status"] != "ready":
            api("DELETE", f"/datasets/{there.pop(name)['id']}")  # A push that was interrupted before it was published.
        dataset = there[name]["id"] if name in there else _made(api, workspace, name, batch.guidelines)
        question = next(one["id"] for one in api.items(f"/datasets/{dataset}/questions") if one["name"] == "choice")
        for start in range(0, len(records), A_TIME):
            items = [_item(record, question) for record in records[start : start + A_TIME]]
            api("PUT", f"/datasets/{dataset}/records/bulk", {"items": items})
        return f"{self.url}/dataset/{dataset}/annotation-mode"


class _Api:
    """Requests to the server, as the owner of the key."""

    def __init__(self, desk: Argilla) -> None:
        import requests

        key = os.environ.get(desk.api_key_env)
        if not key:
            raise UserError(f"review.desk.api_key_env: the environment variable {desk.api_key_env} is not set.")
        self._desk, self._session = desk, requests.Session()
        self._session.headers["X-Argilla-Api-Key"] = key

    def __enter__(self) -> _Api:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()

    def __call__(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """The JSON of the reply. Raises `EndpointError`, one line."""
        import requests

        url = self._desk.url
        try:
            reply = self._session.request(method, f"{url}/api/v1{path}", json=body, timeout=self._desk.timeout)
        except requests.RequestException as error:
            raise EndpointError(f"{url}: no Argilla server answers there ({type(error).__name__}).") from error
        if reply.status_code in (401, 403):
            why = f"the key in {self._desk.api_key_env} is not an owner's (HTTP {reply.status_code})"
            raise EndpointError(f"{url}: {why}.")
        if not reply.ok:
            raise EndpointError(f"{url}: {method} {path}: HTTP {reply.status_code}: {reply.text[:300]}")
        try:
            return reply.json() if reply.content else None
        except ValueError:
            raise EndpointError(f"{url}: what answers there is no Argilla server.") from None

    def items(self, path: str) -> list[dict[str, Any]]:
        """The items of a list that comes whole."""
        found: list[dict[str, Any]] = self("GET", path)["items"]
        return found

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """The items of a list that comes in pages."""
        offset = 0
        while some := self.items(f"{path}&offset={offset}&limit={A_TIME}"):
            yield from some
            offset += len(some)


def _named(items: Sequence[Mapping[str, Any]], name: str, key: str, what: str) -> str:
    by_name = {item[key]: str(item["id"]) for item in items}
    if name not in by_name:
        raise UserError(f"{what} {name!r}. {known(name, by_name)}")
    return by_name[name]


def _made(api: _Api, workspace: str, name: str, guidelines: str) -> str:
    """A published data set without records."""
    one = {"strategy": "overlap", "min_submitted": 1}
    made = {"name": name, "workspace_id": workspace, "guidelines": guidelines, "distribution": one}
    dataset = str(api("POST", "/datasets", made)["id"])
    for field, title in _FIELDS.items():
        shown = {"type": "chat" if field == "chat" else "text", "use_markdown": True}
        body = {"name": field, "title": title, "required": field in ("chat", "a", "b"), "settings": shown}
        api("POST", f"/datasets/{dataset}/fields", body)
    options = [{"value": value, "text": text} for value, text in _OPTIONS.items()]
    questions: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("choice", "Which answer is better?", {"type": "label_selection", "options": options}),
        ("comment", "Comment", {"type": "text"}),
    )
    for question, title, asked in questions:
        body = {"name": question, "title": title, "required": question == "choice", "settings": asked}
        api("POST", f"/datasets/{dataset}/questions", body)
    api("PUT", f"/datasets/{dataset}/publish")
    return dataset


def _item(record: Record, question: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"chat": [turn.model_dump() for turn in record.messages], "a": record.a, "b": record.b}
    if record.rubric is not None:
        levels = "".join(f"\n- {level.score}: {level.description}" for level in record.rubric.levels)
        fields["rubric"] = f"{record.rubric.criteria}{levels}"
    if record.reference is not None:
        fields["reference"] = record.reference
    item: dict[str, Any] = {"external_id": record.record_id, "fields": fields}
    if record.teacher is not None:
        item["suggestions"] = [{"question_id": question, "value": record.teacher, "agent": "teachers", "type": "model"}]
    return item


def _said(record_id: str, annotator: str, response: Mapping[str, Any]) -> Said:
    values = response["values"] or {}
    return Said(
        record_id=record_id,
        annotator=annotator,
        choice=_CHOICES[values["choice"]["value"]],
        comment=(values.get("comment") or {}).get("value") or "",
        at=datetime.fromisoformat(response["updated_at"]).timestamp(),
    )
