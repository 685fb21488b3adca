"""The answers to one task in rows of a file that follow each other, each of them once.

Files do not number the samples of a model; decoding does, by their places in a row, so the same answer has another id
in the next row. Here one answer is what a model says, and twice where one row has it twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...schemas.rows import Answer, Example

_Said = tuple[str, str, int]
"""Model, text, and how often it stood in the row before."""


class TaskAnswers:
    """Answers with texts, and where they stand first."""

    def __init__(self) -> None:
        self._answers: dict[_Said, Answer] = {}
        self.named: dict[str, str] = {}
        """Id of an answer -> place of the first row that has it."""

    @property
    def each(self) -> list[Answer]:
        """All answers in the order of the rows, with ids that tell them apart."""
        return list(self._answers.values())

    def add(self, row: Example, place: str) -> None:
        """Take the answers of the next row."""
        for said, answer in _said_in(row):
            if said not in self._answers:
                self._answers[said] = answer.model_copy(update={"sample": len(self._answers)})
                self.named[self._answers[said].id] = place

    def of(self, row: Example) -> list[Answer]:
        """The answers of a row that was added, as `each` has them."""
        return [self._answers[said] for said, _ in _said_in(row)]


def _said_in(row: Example) -> Iterator[tuple[_Said, Answer]]:
    seen: Counter[tuple[str, str]] = Counter()
    for answer in row.answers:
        if answer.text is not None:
            said = (answer.model, answer.text)
            yield (*said, seen[said]), answer
            seen[said] += 1
