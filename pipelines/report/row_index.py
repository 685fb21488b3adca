"""Which rows there are to look at, as columns of numbers: what the page lists, filters and orders without their texts.

An entry is a label (kept, dropped or failed), a grade, or a row of an earlier stage that was lost. The entries of a
task follow each other: its labels, its grades, its losses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .packing import as_json, as_text, packed
from .row_parts import Plain, Told
from .row_texts import Flag

WINNERS = (None, "first", "second", "tie")
TITLE = 110
"""Characters of a task's last message that the list shows."""
PLACES = {"verdicts": 0, "grades": 1}
"""Stage -> which list of a task's value an entry is in; 2 is `losses`."""
CHANGED, REVIEWED = "label differs from the teachers'", "reviewed by people"
_ID = re.compile("[0-9a-f]{16}")
_BLANKS = re.compile(r"\s+")


class _Numbers:
    """Values by the order in which they first came."""

    def __init__(self) -> None:
        self.values: dict[Any, int] = {}

    def __getitem__(self, value: object) -> int:
        return self.values.setdefault(value, len(self.values))


@dataclass
class Index:
    """The columns while they are filled; `add` tasks in the order of their values in the chunks."""

    flags: Mapping[str, Sequence[Flag]] = field(default_factory=dict)
    """Row -> what filters would have people look at there."""
    titles: list[str] = field(default_factory=list)
    _fates: _Numbers = field(default_factory=_Numbers)
    _models: _Numbers = field(default_factory=_Numbers)
    _flags: _Numbers = field(default_factory=_Numbers)
    _categories: _Numbers = field(default_factory=_Numbers)
    _ids: list[int] = field(default_factory=list)
    _odd: dict[int, str] = field(default_factory=dict)
    _columns: dict[str, list[Any]] = field(
        default_factory=lambda: {
            name: [] for name in ("task", "fate", "models", "flags", "winner", "list", "place", "margin", "confidence")
        }
    )
    _category: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, told: Told, *further: str) -> list[Flag]:
        """Take the entries of a task. `further`: said of all of them, like flags. Returns the flags of its rows."""
        task = told.task or {}
        lost = {(loss["stage"], loss["row_id"]): loss for loss in told.losses}
        models = {answer["id"]: (answer["model"],) for answer in told.answers}
        compared = {one["id"]: one for one in told.comparisons}
        known = [told.id, *models, *compared, *(row["id"] for row in (*told.judgments, *told.grades))]
        flagged = {row_id: self.flags[row_id] for row_id in known if row_id in self.flags}
        common = (*further, *(f"flagged: {flag['by']}" for some in flagged.values() for flag in some))
        reviewed = {review["comparison_id"] for review in told.reviews}
        for place, one in enumerate(told.comparisons):
            verdict = next((row for row in told.verdicts if row["comparison_id"] == one["id"]), None)
            if verdict is None:
                continue
            label = told.labels.get(one["id"], verdict)
            mine = self.flags.get(label["id"], ())
            if mine:
                flagged[label["id"]] = mine
            said = [*(label["flags"] or ()), *common, *(f"flagged: {flag['by']}" for flag in mine)]
            said += [CHANGED] if label["winner"] != verdict["winner"] else []
            said += [REVIEWED] if one["id"] in reviewed else []
            self._entry(
                label["id"], ("verdicts", place), lost.pop(("verdicts", label["id"]), None), tuple(one["models"]), said,
                WINNERS.index(label["winner"]),
                label["margin"] if label["debiased"] is None else label["debiased"], label["confidence"],
            )  # fmt: skip
        dropped = {key: loss for key, loss in lost.items() if key[0] == "grades"}
        for place, grade in enumerate(told.grades):
            loss = dropped.get(("grades", grade["id"]))
            lost.pop(("grades", grade["id"]), None)
            self._entry(
                grade["id"], ("grades", place), loss, models.get(grade["answer_id"], ()), common, margin=grade["score"]
            )
        asked = {row["id"]: tuple(compared[row["comparison_id"]]["models"]) for row in told.judgments}
        pairs = {one["id"]: tuple(one["models"]) for one in told.comparisons}
        for place, loss in enumerate(told.losses):
            if (loss["stage"], loss["row_id"]) in lost:
                of = (models | pairs | asked).get(loss["row_id"], ())
                self._entry(loss["row_id"], ("losses", place), loss, of, common)
        messages = task.get("messages")
        named = messages[-1]["content"] if messages else (told.losses[0]["detail"] if told.losses else "")
        self.titles.append(_BLANKS.sub(" ", named[: 2 * TITLE]).strip()[:TITLE])
        self._category.append(self._categories[task.get("category")])
        return [flag for some in flagged.values() for flag in some]

    def _entry(  # noqa: PLR0917 - the columns
        self,
        row_id: str,
        where: tuple[str, int],
        loss: Plain | None,
        models: tuple[str, ...],
        flags: Sequence[str],
        winner: int = 0,
        margin: float | None = None,
        confidence: float | None = None,
    ) -> None:
        if not _ID.fullmatch(row_id):
            self._odd[len(self._ids)] = row_id
        self._ids.append(0 if len(self._ids) in self._odd else int(row_id, 16))
        kept = (where[0], "kept", "", "")
        fate = (loss["stage"], loss["status"], loss["by"], loss["reason"]) if loss else kept
        columns = self._columns
        columns["task"].append(len(self.titles))
        columns["fate"].append(self._fates[fate])
        columns["models"].append(self._models[models])
        columns["flags"].append(self._flags[tuple(dict.fromkeys(flags))])
        columns["winner"].append(winner)
        columns["list"].append(PLACES.get(where[0], 2))
        columns["place"].append(where[1])
        columns["margin"].append(math.nan if margin is None else margin)
        columns["confidence"].append(math.nan if confidence is None else confidence)

    def plain(self) -> Plain:
        """The index as a JSON value: dictionaries, and columns as gzip in base64 (little-endian numbers)."""
        kinds = {
            "task": "<u4", "fate": "<u2", "models": "<u2", "flags": "<u2", "winner": "<u1", "list": "<u1",
            "place": "<u2", "margin": "<f4", "confidence": "<f4",
        }  # fmt: skip
        columns = {name: np.array(self._columns[name], kind) for name, kind in kinds.items()}
        columns["id"] = np.array(self._ids, ">u8")
        columns["category"] = np.array(self._category, "<u2")
        return {
            "entries": len(self._ids),
            "tasks": len(self.titles),
            "fates": list(self._fates.values),
            "models": list(self._models.values),
            "flags": list(self._flags.values),
            "categories": list(self._categories.values),
            "odd": self._odd,
            "columns": {name: as_text(packed(column.tobytes())) for name, column in columns.items()},
            "titles": as_text(packed(as_json(self.titles))),
        }
