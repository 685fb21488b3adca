"""Argilla's REST API, as a test of the embedded server speaks it. Source: argilla-server 2.8.0, `api/handlers/v1/`."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

VECTORS = 8
"""Numbers in a record's vector."""


class Refused(Exception):
    """A reply with a status of 400 or more, which is its first argument."""


class Rest:
    """One user's requests to one server."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = f"{url}/api/v1"
        self.api_key = api_key

    def __call__(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """The JSON of the reply. Raises `Refused`; OSError where the server is gone."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"X-Argilla-Api-Key": self.api_key, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, error.read().decode()) from None
        return json.loads(text) if text else None

    def search(self, dataset: str, mine: bool = False, **asked: object) -> tuple[list[str], int]:
        """External ids of the records found, and how many there are."""
        found = self("POST", f"{'/me' if mine else ''}/datasets/{dataset}/records/search?limit=1000", asked)
        return [item["record"]["external_id"] for item in found["items"]], found["total"]

    def publish(self, workspace: str, name: str) -> str:
        """A published dataset: one text and one chat field, a rating, a label, three metadata properties, vectors."""
        known = {of["name"]: of["id"] for of in self("GET", "/me/workspaces")["items"]}
        distribution = {"strategy": "overlap", "min_submitted": 2}
        dataset = self(
            "POST", "/datasets", {"name": name, "workspace_id": known[workspace], "distribution": distribution}
        )["id"]
        self._add(dataset, "fields", "text", required=True, settings={"type": "text"})
        self._add(dataset, "fields", "chat", settings={"type": "chat"})
        rating = {"type": "rating", "options": [{"value": value} for value in range(1, 6)]}
        label = {"type": "label_selection", "options": [{"value": of, "text": of} for of in ("yes", "no")]}
        self._add(dataset, "questions", "rating", required=True, settings=rating)
        self._add(dataset, "questions", "label", settings=label)
        self._add(dataset, "metadata-properties", "kind", settings={"type": "terms"})
        self._add(dataset, "metadata-properties", "number", settings={"type": "integer"})
        self._add(dataset, "metadata-properties", "share", settings={"type": "float"})
        self("POST", f"/datasets/{dataset}/vectors-settings", {"name": "v", "title": "v", "dimensions": VECTORS})
        self("PUT", f"/datasets/{dataset}/publish")
        return str(dataset)

    def questions(self, dataset: str) -> Mapping[str, str]:
        """Question -> id."""
        return {of["name"]: of["id"] for of in self("GET", f"/datasets/{dataset}/questions")["items"]}

    def log(self, dataset: str, items: Iterable[object]) -> list[str]:
        """Records put in at once; their ids."""
        made = self("POST", f"/datasets/{dataset}/records/bulk", {"items": list(items)})
        return [record["id"] for record in made["items"]]

    def _add(self, dataset: str, kind: str, name: str, **rest: object) -> None:
        self("POST", f"/datasets/{dataset}/{kind}", {"name": name, "title": name, **rest})
