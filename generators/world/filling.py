"""Fills a JSON schema with a teacher's opinion: numbers per answer, the winner's name, text.

Which answer a number is about is read from the property's name (`score_a`, `answer_2`, `first`); numbers without such
a mark go to the answers in turn. The supported part of JSON Schema is what structured output endpoints accept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil, floor
from typing import Any, cast

import orjson

from .forms import Asked
from .said import Score, Verdict

_MARKS = (("a", "1", "first", "one"), ("b", "2", "second", "two"), ("c", "3", "third"), ("d", "4", "fourth"))
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_WORD = re.compile(r"[\w -]+")
"""An option that stands in JSON as it is."""
_TIES = {"tie", "tied", "draw", "both", "equal", "same"}
_VERDICTS = {"winner", "verdict", "preference", "preferred", "better", "best", "choice"}

Schema = dict[str, Any]
"""A JSON schema, or a part of one: the edge of the typed world."""
Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | Score | Verdict | None


class Filling:
    """One reply to one schema."""

    def __init__(self, root: Schema, asked: Asked, rationale: str) -> None:
        self._root, self._asked, self._opinion, self._rationale = root, asked, asked.opinion, rationale
        self._turn = 0

    def value(self, schema: Schema | None = None, name: str = "") -> Json:
        """A value that fits `schema`, the whole one by default; `name` is the property it is for."""
        schema = self._resolved(self._root if schema is None else schema)
        if "const" in schema:
            return cast(Json, schema["const"])
        if "enum" in schema:
            return self._option(schema["enum"], name)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        return self._of_type(kind, schema, name)

    def _of_type(self, kind: str, schema: Schema, name: str) -> Json:
        match kind:
            case "object":
                return {key: self.value(part, key) for key, part in schema.get("properties", {}).items()}
            case "array":
                slots = range(len(self._opinion.scores))
                return [self.value(schema.get("items", {}), f"{name} {slot + 1}") for slot in slots]
            case "integer" | "number":
                return self._number(schema, name, whole=kind == "integer")
            case "boolean":
                return self._opinion.best == (self._answer(name) or 0)
            case "null":
                return None
        return self._winner() if _VERDICTS.intersection(_parts(name)) else self._rationale

    def _resolved(self, schema: Schema) -> Schema:
        """The schema behind a reference, or the first alternative that is not null."""
        while True:
            if "$ref" in schema:
                target = self._root
                for step in schema["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
                schema = target
            elif alternatives := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
                schema = next((one for one in alternatives if one.get("type") != "null"), alternatives[0])
            else:
                return schema

    def _answer(self, name: str) -> int | None:
        """Index of the answer that a property's name speaks of."""
        parts = _parts(name)
        for index, marks in enumerate(_MARKS[: len(self._opinion.scores)]):
            if any(part in marks for part in parts[-2:]):
                return index
        return None

    def _number(self, schema: Schema, name: str, *, whole: bool) -> Score | float:
        low, high = float(schema.get("minimum", 1)), float(schema.get("maximum", 10))
        scaled, unrounded = self._scaled(name, low, high)
        if not whole:
            return round(scaled, 2)
        return Score(round(scaled), unrounded, min(round(scaled), ceil(low)), max(round(scaled), floor(high)))

    def _scaled(self, name: str, low: float, high: float) -> tuple[float, float]:
        """The grade of the answer that a property is about, on another scale, and what it was rounded from."""
        index = self._answer(name)
        if index is None:
            index = self._turn % len(self._opinion.scores)
            self._turn += 1
        grade, unrounded = self._opinion.grades[index], self._opinion.unrounded[index]
        return low + (grade - 1) / 9 * (high - low), low + (unrounded - 1) / 9 * (high - low)

    def _winner(self) -> Verdict | str:
        if len(self._opinion.scores) == 2:
            return self._asked.winner(("A", "B"), "tie")
        return "tie" if self._opinion.tied else "ABCD"[min(self._opinion.best, 3)]

    def _option(self, options: list[Json], name: str) -> Json:
        """The option that names the winner or the tie; where the options are numbers, the one nearest the grade."""
        numbers = [option for option in options if isinstance(option, int | float)]
        if len(numbers) == len(options):
            wanted, _ = self._scaled(name, min(numbers), max(numbers))
            return min(numbers, key=lambda number: abs(number - wanted))
        named = [(option, _parts(str(option))) for option in options]
        ties = [option for option, parts in named if _TIES.intersection(parts)]
        of_answers = [
            next((option for option, parts in named if option not in ties and set(parts) & set(marks)), options[0])
            for marks in _MARKS[: len(self._opinion.scores)]
        ]
        words = [option for option in (*of_answers, *ties[:1]) if isinstance(option, str) and _WORD.fullmatch(option)]
        if len(of_answers) == 2 and len(set(words)) == 2 + len(ties[:1]):
            return self._asked.winner(words[:2], words[2] if ties else None)
        return ties[0] if self._opinion.tied and ties else of_answers[min(self._opinion.best, 3)]


def said_as_json(value: Json) -> Iterator[str | Score | Verdict]:
    """A value as JSON without blanks, piece by piece."""
    if isinstance(value, dict):
        for place, (key, part) in enumerate(value.items()):
            yield f"{',' if place else '{'}{orjson.dumps(key).decode()}:"
            yield from said_as_json(part)
        yield "}" if value else "{}"
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield "," if place else "["
            yield from said_as_json(part)
        yield "]" if value else "[]"
    elif isinstance(value, Score):
        yield value
    elif isinstance(value, Verdict):
        yield from ('"', value, '"')
    else:
        yield orjson.dumps(value).decode()


def _parts(name: str) -> list[str]:
    """The words of a property's name, in lower case."""
    return [part.lower() for part in _PARTS.findall(name)]
