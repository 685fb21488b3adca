"""The data set in which an annotator reviews: its fields, what is asked, and what records are found by.

Fields and questions cannot change once a data set is published (argilla-server 2.8.0, `validators/fields.py`,
`validators/questions.py`); metadata properties and vectors can be added.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...schemas.errors import UserError
from ...schemas.row import digest
from . import Asked, Batch, Choice, Record
from ._argilla_api import Api

CHOICES: Mapping[str, Choice | None] = {"A": "A", "B": "B", "tie": "tie", "cannot_judge": None}
"""Value of a question's option -> what it says."""
RATED = ("rating_a", "rating_b")
"""Questions for the ratings of both answers."""
VECTOR = "question"
"""Name of the vector."""
_OPTIONS = {"A": "A is better", "B": "B is better", "tie": "Tie", "cannot_judge": "Cannot judge"}
_FIELDS = {
    "chat": "Question",
    "a": "Answer A",
    "b": "Answer B",
    "rubric": "What counts",
    "reference": "Reference answer",
}
_RATINGS = (0, 10)
"""What Argilla's rating questions can hold (`api/schemas/v1/questions.py`)."""
_LONGEST_TITLE = 500
_CRITERION = re.compile(r"criterion-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Form:
    """What a data set must have for a batch."""

    asked: Asked
    terms: frozenset[str]
    """Metadata that are terms."""
    numbers: frozenset[str]
    """Metadata that are whole numbers."""
    dimensions: int | None
    """Length of the vectors; None where there are none."""

    @classmethod
    def of(cls, batch: Batch) -> Form:
        """Of a batch. Raises `UserError` where Argilla cannot ask what is asked."""
        if batch.asked.scale is not None:
            low, high = batch.asked.scale
            if not _RATINGS[0] <= low < high <= _RATINGS[1]:
                raise UserError(f"Argilla takes ratings from {_RATINGS[0]} to {_RATINGS[1]} (got {low} to {high}).")
        for criterion in batch.asked.criteria:
            if not 0 < len(criterion) <= _LONGEST_TITLE:
                short = f"{criterion[:40]} …"
                raise UserError(f"Argilla takes criteria of 1 to {_LONGEST_TITLE} characters (got {short!r}).")
        kinds: dict[str, set[type]] = {}
        for record in batch.records:
            for name, value in record.metadata.items():
                kinds.setdefault(name, set()).add(type(value))
        terms = frozenset(name for name, some in kinds.items() if str in some)
        vectors = (record.vector for record in batch.records if record.vector is not None)
        return cls(batch.asked, terms, frozenset(kinds.keys() - terms), len(next(vectors, ())) or None)

    def metadata(self, record: Record) -> dict[str, str | int]:
        """A record's, as this form declares it: a name that is a term anywhere is one everywhere."""
        return {name: str(value) if name in self.terms else value for name, value in record.metadata.items()}


def made(api: Api, workspace: str, name: str, guidelines: str, form: Form) -> str:
    """Id of a new published data set without records."""
    overlap = {"strategy": "overlap", "min_submitted": 1}
    body: dict[str, Any] = {
        "name": name,
        "workspace_id": workspace,
        "guidelines": guidelines or None,
        "distribution": overlap,
    }
    dataset = str(api("POST", "/datasets", body)["id"])
    for field, title in _FIELDS.items():
        shown = {"type": "chat" if field == "chat" else "text", "use_markdown": True}
        body = {"name": field, "title": title, "required": field in ("chat", "a", "b"), "settings": shown}
        api("POST", f"/datasets/{dataset}/fields", body)
    for question in _questions(form.asked):
        api("POST", f"/datasets/{dataset}/questions", question)
    complete(api, dataset, form)
    api("PUT", f"/datasets/{dataset}/publish")
    return dataset


def complete(api: Api, dataset: str, form: Form) -> None:
    """Add the metadata properties and the vector that a data set lacks."""
    has = {one["name"] for one in api.items(f"/me/datasets/{dataset}/metadata-properties")}
    for name in sorted((form.terms | form.numbers) - has):
        kind = {"type": "terms" if name in form.terms else "integer"}
        body: dict[str, Any] = {"name": name, "title": name.replace("_", " "), "settings": kind}
        api("POST", f"/datasets/{dataset}/metadata-properties", body)
    if form.dimensions and VECTOR not in {one["name"] for one in api.items(f"/datasets/{dataset}/vectors-settings")}:
        body = {"name": VECTOR, "title": "Question", "dimensions": form.dimensions}
        api("POST", f"/datasets/{dataset}/vectors-settings", body)


def lacks(fields: Sequence[Mapping[str, Any]], questions: Sequence[Mapping[str, Any]], asked: Asked) -> list[str]:
    """What of the fields and questions for `asked` a data set does not have, or has otherwise."""
    have = {(one["name"], one["settings"]["type"]) for one in (*fields, *questions)}
    ratings = {one["name"]: _values(one) for one in questions if one["name"] in RATED}
    wanted = [(name, "chat" if name == "chat" else "text") for name in _FIELDS]
    missing = [name for name, kind in wanted if (name, kind) not in have]
    for question in _questions(asked):
        name = question["name"]
        if (name, question["settings"]["type"]) not in have or (name in RATED and ratings[name] != _values(question)):
            missing.append(name)
    return missing


def criteria_of(questions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Question -> the criterion that it asks about. Raises `UserError` where a title is no longer its criterion."""
    found = {}
    for question in questions:
        if _CRITERION.fullmatch(question["name"]):
            if question["name"] != _criterion(question["title"]):
                raise UserError(
                    f"the title of the question {question['name']} was changed to {question['title']!r};"
                    " it names the criterion: put it back as it was."
                )
            found[str(question["name"])] = str(question["title"])
    return found


def _questions(asked: Asked) -> list[dict[str, Any]]:
    """As the server is told of them, in the order in which they are shown."""
    options = [{"value": value, "text": text} for value, text in _OPTIONS.items()]
    label = {"type": "label_selection", "options": options}
    found = [_question("choice", "Which answer is better?", label, required=True)]
    if asked.scale is not None:
        rating = {
            "type": "rating",
            "options": [{"value": value} for value in range(asked.scale[0], asked.scale[1] + 1)],
        }
        found += [_question(name, f"Answer {place}", rating) for name, place in zip(RATED, "AB", strict=True)]
    found += [_question(_criterion(criterion), criterion, label) for criterion in asked.criteria]
    return [*found, _question("comment", "Comment", {"type": "text"})]


def _question(name: str, title: str, settings: Mapping[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "title": title, "required": required, "settings": settings}


def _criterion(text: str) -> str:
    """A question's name; it follows from the criterion, and is one in every 2.x."""
    return f"criterion-{digest('review criterion', text, size=4)}"


def _values(question: Mapping[str, Any]) -> list[int]:
    return [option["value"] for option in question["settings"]["options"]]
