"""One annotation of UltraFeedback: what stands in a row for one answer under one aspect."""

from __future__ import annotations

from collections.abc import Mapping

from ..rows import Aspect
from ..ultrafeedback_aspects import LEAST, MOST, NOT_APPLICABLE, OVERALL, TYPED, Remark, remark
from . import Record
from ._lines import Line

_RATINGS = {NOT_APPLICABLE: None, **{str(rating): float(rating) for rating in range(LEAST, MOST + 1)}}


def annotation(aspect: Aspect, place: int) -> Record:
    """The record; keys in the order of the published columns."""
    score = aspect.scores[place]
    rating = NOT_APPLICABLE if score is None else str(int(score))
    feedback = aspect.feedback[place] if aspect.feedback else ""
    if aspect.criterion not in TYPED:
        return {"Rating": rating, "Rationale": feedback}
    said = remark(feedback)
    return {
        "Rating": rating,
        "Rationale": said.rationale,
        "Rationale For Rating": said.why_rating,
        "Type": list(said.types),
    }


def overall(aspects: Mapping[str, Aspect], place: int) -> tuple[float | None, str]:
    """The overall score and the critique, where there are any."""
    if OVERALL not in aspects:
        return None, ""
    aspect = aspects[OVERALL]
    return aspect.scores[place], aspect.feedback[place] if aspect.feedback else ""


def read_annotation(annotations: Line, aspect: str) -> tuple[float | None, str]:
    """Rating and feedback under one aspect. Raises `ValueError` where a key is not as published."""
    line = _only(annotations, aspect)
    rating = line.choice("Rating", _RATINGS)
    if aspect not in TYPED:
        return rating, line.text("Rationale")
    said = Remark(_types(line), line.text("Rationale"), line.text("Rationale For Rating"))
    try:
        return rating, said.text
    except ValueError as problem:
        raise line.wrong("Rationale", str(problem)) from problem


def _only(annotations: Line, aspect: str) -> Line:
    """The annotation, which the first published version has in a list."""
    if not isinstance(annotations.record.get(aspect), list):
        return annotations.inside(aspect)
    entries = annotations.each(aspect)
    if len(entries) != 1:
        raise annotations.wrong(aspect, f"expected one annotation (got {len(entries)})")
    return entries[0]


def _types(line: Line) -> tuple[str, ...]:
    types = line.record.get("Type")
    if isinstance(types, str):
        types = [types]
    if not isinstance(types, list) or not all(isinstance(entry, str) for entry in types):
        raise line.wrong("Type", f"expected a list of texts (got {types!r})")
    return tuple(types)
