"""What the page tells of one task: its rows as one JSON value, each text in it once.

Keys without a value are left out. A text that was cut is `[beginning, end, characters]` (`packing.cut`). Rows refer to
each other by their place in the lists. What a judge's reader took from a reply stands in the reply, and is given only
where it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .packing import Text, cut
from .row_calls import Call
from .row_parts import Plain, Told

Flag = Mapping[str, str]
"""A line of `flagged.jsonl`."""


@dataclass
class Telling:
    """Puts the rows of tasks into values for the page. `most`: characters of a text, None for all."""

    most: int | None
    cut: int = 0
    """Texts that were cut so far."""

    def task(self, told: Told, calls: Sequence[Call], flags: Sequence[Flag]) -> Plain:
        """The value of one task; `flags`: those of any of its rows."""
        task = told.task or {}
        places = {answer["id"]: place for place, answer in enumerate(told.answers)}
        rubric = task.get("rubric")
        return _set(
            id=told.id,
            known=told.task is not None,
            source_id=task.get("source_id"),
            source=task.get("source"),
            line=task.get("line"),
            category=task.get("category"),
            licence=task.get("licence"),
            messages=[[one["role"], self._text(one["content"])] for one in task.get("messages", ())],
            reference=task.get("reference") and self._reference(task["reference"]),
            rubric=rubric
            and _set(
                criteria=self._text(rubric["criteria"]),
                levels=[[level["score"], self._text(level["description"])] for level in rubric["levels"] or ()],
            ),
            answers=[self._answer(answer) for answer in told.answers],
            comparisons=[self._comparison(one, told, places) for one in told.comparisons],
            grades=[self._grade(grade, places) for grade in told.grades],
            losses=[
                _set(**{key: loss[key] for key in ("stage", "status", "row_id", "by", "reason")})
                | _set(detail=self._text(loss["detail"]))
                for loss in told.losses
            ],
            flags=[[flag["row_id"], flag["kind"], flag["by"], flag["detail"]] for flag in flags],
            calls=[list(call) for call in calls],
        )

    def _text(self, text: str | None) -> Text | None:
        if text is None:
            return None
        found = cut(text, self.most)
        self.cut += not isinstance(found, str)
        return found

    def _reference(self, reference: Plain) -> Plain:
        return _set(text=self._text(reference["text"]), origin=reference["origin"], model=reference["model"])

    def _answer(self, answer: Plain) -> Plain:
        return _set(
            id=answer["id"], model=answer["model"], sample=answer["sample"], intended=answer["intended"],
            text=self._text(answer["text"]), finish=answer["finish_reason"], usage=_usage(answer),
            failure=_failure(answer),
        )  # fmt: skip

    def _comparison(self, one: Plain, told: Told, places: Mapping[str, int]) -> Plain:
        taught = next((verdict for verdict in told.verdicts if verdict["comparison_id"] == one["id"]), None)
        label = told.labels.get(one["id"])
        used = set(taught["judgment_ids"] or ()) if taught else set()
        return _set(
            id=one["id"],
            answers=[places[answer] for answer in one["answer_ids"]],
            taught=taught and _verdict(taught),
            label=label and _verdict(label),
            judgments=[self._judgment(row, used) for row in told.judgments if row["comparison_id"] == one["id"]],
            reviews=[
                _set(
                    by=row["annotator"], winner=row["winner"], strength=row["strength"], seconds=row["seconds"],
                    ratings=row["ratings"], criteria=_criteria(row["criteria"]), stratum=row["stratum"],
                    comment=self._text(row["comment"]),
                )
                for row in told.reviews
                if row["comparison_id"] == one["id"]
            ],
        )  # fmt: skip

    def _judgment(self, row: Plain, used: set[str]) -> Plain:
        raw = row["raw"] or ""
        aspects = [
            _set(
                criterion=one["criterion"], scores=one["scores"],
                feedback=[self._text(said) for said in one["feedback"] or () if said not in raw],
            )
            for one in row["aspects"] or ()
        ]  # fmt: skip
        return _set(
            id=row["id"] if row["failure"] else None,
            teacher=row["teacher"], judge=row["judge"], shown=row["shown"], scores=row["scores"],
            expected=row["expected"], sample=row["sample"], with_reference=row["with_reference"],
            unused=row["failure"] is None and row["id"] not in used, aspects=aspects,
            own_reference=self._text(row["own_reference"]), raw=self._text(row["raw"]),
            rationale=None if (row["rationale"] or "") in raw else self._text(row["rationale"]),
            usage=_usage(row), failure=_failure(row),
        )  # fmt: skip

    def _grade(self, row: Plain, places: Mapping[str, int]) -> Plain:
        return _set(
            id=row["id"], answer=places.get(row["answer_id"]), teacher=row["teacher"], judge=row["judge"],
            sample=row["sample"], score=row["score"], with_reference=row["with_reference"],
            raw=self._text(row["raw"]), usage=_usage(row), failure=_failure(row),
            feedback=None if (row["feedback"] or "") in (row["raw"] or "") else self._text(row["feedback"]),
        )  # fmt: skip


def _set(**values: Any) -> Plain:  # noqa: ANN401 - JSON values
    """Those that say something: no None, nothing empty, no False, no 0 where it is the usual."""
    return {
        key: value
        for key, value in values.items()
        if value is not None
        and value is not False
        and value not in ("", [], {})
        and not (key == "sample" and value == 0)
    }


def _verdict(row: Plain) -> Plain:
    return _set(
        id=row["id"], winner=row["winner"], margin=row["margin"], scores=row["scores"], debiased=row["debiased"],
        confidence=row["confidence"], flags=row["flags"], failure=_failure(row), protocol=row["protocol"],
        inconsistent=row["consistent"] is False,
    )  # fmt: skip


def _failure(row: Plain) -> list[str] | None:
    return [row["failure"]["kind"], row["failure"]["message"]] if row["failure"] else None


def _usage(row: Plain) -> list[float | None] | None:
    """Tokens in and out, and dollars."""
    used = row["usage"]
    return [used["prompt_tokens"], used["completion_tokens"], used["cost_usd"]] if used and used["calls"] else None


def _criteria(told: object) -> object:
    """As JSON text in a part, as a value in `reviews.jsonl`; the page shows it as text."""
    if not isinstance(told, Mapping):
        return told
    return "; ".join(f"{name}: {winner or 'cannot judge'}" for name, winner in told.items())
