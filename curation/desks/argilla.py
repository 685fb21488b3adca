"""An Argilla server, any 2.x: a data set for each annotator, since each sees the answers in an order of their own.

Only the public REST API is used (`/api/v1`, argilla-server 2.8.0, `api/handlers/v1/`), so that the server may be the
one that `prefmill review up` starts or a team's own. The question is a chat field and the answers are two text fields,
one above the other, all as markdown in which markup of the texts' own does nothing; `_argilla_text.py` says why the
answers do not stand side by side, and why no field is plain text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from ...schemas.errors import EndpointError, UserError, known
from . import Batch, Desk, Offered, Said
from ._argilla_api import Api
from ._argilla_form import Form, complete, criteria_of, lacks, made
from ._argilla_records import items, put, requests_of
from ._argilla_said import replies, said

_ANNOTATOR = re.compile(r"\S+")
"""Names hold no space, so that the run's name and the annotator's cannot be taken apart in another place."""


class Argilla(Desk):
    """A server's data sets `RUN for NAME`: the chat, both answers, a choice, what else is asked, and a comment.

    The annotators must be members of the workspace. What was submitted counts; drafts and discarded records are open.
    """

    url: str = "http://127.0.0.1:6900"
    """Address of the server."""
    api_key_env: str = "ARGILLA_API_KEY"
    """Name of the environment variable that holds the API key of an owner, or of an admin of the workspace."""
    workspace: str = "reviews"
    """Workspace of the data sets; it must exist."""
    timeout: float = Field(60, gt=0)
    """Seconds to wait for one reply."""
    retries: int = Field(5, ge=0, le=10)
    """How often a request is sent again to a server that is busy or has gone away, after 0.5, 1, 2 … seconds."""

    def offer(self, batch: Batch, folder: Path, tell: Callable[[int], None]) -> Offered:
        form, done = Form.of(batch), 0
        where: list[str] = []
        refused: dict[str, str] = {}
        with self._api() as api:
            workspace = self._workspace(api)
            self._require(batch.by_annotator(), set(self._members(api, workspace).values()))
            try:
                for annotator, records in batch.by_annotator().items():
                    dataset, choice = self._dataset(api, workspace, batch, annotator, form)
                    where.append(f"{api.url}/dataset/{dataset}/annotation-mode")
                    sent = items(records, form, choice, refused)
                    if unsent := len(records) - len(sent):
                        tell(unsent)
                    for chunk in requests_of(sent):
                        found = put(api, dataset, chunk)
                        refused |= found
                        done += len(chunk) - len(found)
                        tell(len(chunk))
            except EndpointError as error:
                there = f"{done:,} of {len(batch.records):,} records are there; the same command goes on."
                raise EndpointError(f"{str(error).rstrip('.')}. {there}") from error
        return Offered(tuple(where), refused)

    def collect(self, run: str, files: Sequence[Path]) -> Iterator[tuple[str, Said]]:
        if files:
            raise UserError(f"{files[0]}: this review is on {self.url}; labels come from there, not from files.")
        with self._api() as api:
            workspace = self._workspace(api)
            names = self._members(api, workspace)
            for name, dataset in self._datasets(api, workspace, run).items():
                where = f"{api.url}: {name}"
                found = replies(api.pages(f"/datasets/{dataset['id']}/records?include=responses"))
                questions = api.items(f"/datasets/{dataset['id']}/questions") if found else []
                try:
                    labels = list(said(found, names, criteria_of(questions)))
                except UserError as error:
                    raise UserError(f"{where}: {error}") from None
                yield from ((where, label) for label in labels)

    def gone(self, run: str, annotators: Sequence[str]) -> Mapping[str, str]:
        with self._api() as api:
            there = self._datasets(api, self._workspace(api), run)
            names = {annotator: _name(run, annotator) for annotator in annotators}
            return {who: f"no data set {name!r} at {api.url}" for who, name in names.items() if name not in there}

    def _api(self) -> Api:
        key = os.environ.get(self.api_key_env)
        if not key:
            raise UserError(f"review.desk.api_key_env: the environment variable {self.api_key_env} is not set.")
        return Api(self.url, key, self.api_key_env, timeout=self.timeout, retries=self.retries)

    def _workspace(self, api: Api) -> str:
        """Its id."""
        found = {item["name"]: str(item["id"]) for item in api.items("/me/workspaces")}
        if self.workspace not in found:
            raise UserError(f"{api.url}: no workspace {self.workspace!r}. {known(self.workspace, found)}")
        return found[self.workspace]

    def _members(self, api: Api, workspace: str) -> dict[str, str]:
        """User's id -> name, of those who can see the workspace: its members, and who asks."""
        found = [*api.items(f"/workspaces/{workspace}/users"), api("GET", "/me")]
        return {user["id"]: user["username"] for user in found}

    def _require(self, annotators: Mapping[str, object], members: set[str]) -> None:
        for annotator in annotators:
            if annotator not in members:
                more = "`prefmill review users NAME` makes one on a server of `review up`."
                where = f"{self.url}: no user {annotator!r} in the workspace {self.workspace!r}"
                raise UserError(f"{where}. {known(annotator, members)} {more}")

    def _datasets(self, api: Api, workspace: str, run: str) -> dict[str, dict[str, Any]]:
        """Name -> data set, of a run's in the workspace."""
        prefix = _name(run, "")
        return {
            one["name"]: one
            for one in sorted(api.items("/me/datasets"), key=lambda one: str(one["name"]))
            if one["workspace_id"] == workspace
            and one["name"].startswith(prefix)
            and _ANNOTATOR.fullmatch(one["name"].removeprefix(prefix))
        }

    def _dataset(self, api: Api, workspace: str, batch: Batch, annotator: str, form: Form) -> tuple[str, str]:
        """An annotator's data set, made where there is none, and its question `choice`: their ids."""
        name = _name(batch.run, annotator)
        there = self._datasets(api, workspace, batch.run).get(name)
        if there is not None and there["status"] != "ready":
            api("DELETE", f"/datasets/{there['id']}")  # A push that was interrupted before it was published.
            there = None
        if there is None:
            dataset = made(api, workspace, name, batch.guidelines, form)
            questions = api.items(f"/datasets/{dataset}/questions")
        else:
            dataset = str(there["id"])
            questions = api.items(f"/datasets/{dataset}/questions")
            if missing := lacks(api.items(f"/datasets/{dataset}/fields"), questions, batch.asked):
                raise UserError(
                    f"{api.url}: the data set {name!r} was made for other questions ({', '.join(missing)}), and they"
                    " cannot change there. `prefmill review pull`, delete it in Argilla, and push again."
                )
            complete(api, dataset, form)
        return dataset, next(str(one["id"]) for one in questions if one["name"] == "choice")


def _name(run: str, annotator: str) -> str:
    return f"{run} for {annotator}"
