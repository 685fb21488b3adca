"""Scores weighed by their probabilities: what a teacher says on average, from the token probabilities of one reply.

Source: G-Eval (arXiv 2303.16634, section 2), sum p(s) s over the scores s that could have stood in the reply; the mean
of that distribution is a better judgment than its mode (arXiv 2503.03064). No judge knows of it: at every place of the
reply (`slots.py`) each value that could have stood there is put in, and the judge's own reader says what the reply
means then. Values that it refuses carry no weight; those it reads share all of it. Where several places matter, such
as one score an answer or one a criterion, each is weighed with the others as they were said, and what they change is
added up: exact for readers that add scores up or take their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..schemas.errors import Unreadable
from .probabilities import Token
from .slots import Slot, Spelled

Scores = tuple[float, ...]
Read = Callable[[Sequence[str]], Scores]
"""The scores in the replies to all parts of a question. Raises `Unreadable`."""
_NOTHING = "¿"
"""Stands where a value is taken away; no score, no verdict, no blank."""


class Unweighed(Exception):
    """Why there are no expected scores."""


def expected_scores(replies: Sequence[tuple[str, Sequence[Token]]], read: Read, answers: int) -> Scores:
    """The expected score of each answer, in the order shown; `replies`: text and tokens of the reply to each part.

    `read` must accept the replies as they are. Raises `Unweighed` with a reason.
    """
    said = read([text for text, _ in replies])
    if len(said) != answers:
        raise ValueError(f"{answers} answers were shown, and {len(said)} scores read")
    changed = [0.0] * answers
    for number, (text, tokens) in enumerate(replies):
        if not any(token.others for token in tokens):
            raise Unweighed("the endpoint gave no alternatives to the tokens")
        try:
            spelled = Spelled(text, tokens)
        except ValueError as error:
            raise Unweighed(str(error)) from error
        for means in _Part(replies, number, spelled, read, said).means():
            changed = [total + mean - score for total, mean, score in zip(changed, means, said, strict=True)]
    return tuple(round(score + change, 9) + 0.0 for score, change in zip(said, changed, strict=True))


class _Part:
    """One part of a question, whose reply is varied while those to the others stay as they are."""

    def __init__(
        self, replies: Sequence[tuple[str, Sequence[Token]]], number: int, spelled: Spelled, read: Read, said: Scores
    ) -> None:
        self._texts, self._number, self._spelled = [text for text, _ in replies], number, spelled
        self._read_all, self._said = read, said
        self._merges: bool | None = None

    def means(self) -> Iterator[list[float]]:
        """The mean scores at each place that the reader reads, place by place."""
        for slot in self._read_slots(list(self._spelled.slots())):
            yield self._mean(slot)

    def _read_slots(self, slots: Sequence[Slot]) -> Iterator[Slot]:
        """The places without which the reply means something else or nothing, found by halves.

        Most of a reply is explanation: all of it may be gone, and the scores are what they were.
        """
        if not slots or self._read(self._spelled.put(slots, _NOTHING)) == self._said:
            return
        if len(slots) == 1:
            yield slots[0]
            return
        middle = len(slots) // 2
        yield from self._read_slots(slots[:middle])
        yield from self._read_slots(slots[middle:])

    def _mean(self, slot: Slot) -> list[float]:
        weights, total = 0.0, [0.0] * len(self._said)
        values = self._spelled.values(slot)
        for value, probability in values.items():
            scores = self._read(self._spelled.put([slot], value))
            if scores is None or self._begins_another(slot, value, values):
                continue
            weights += probability
            total = [before + probability * score for before, score in zip(total, scores, strict=True)]
        # The value as it was said can be read, and a token that was said has some probability.
        return [weighed / weights for weighed in total] if weights else list(self._said)

    def _begins_another(self, slot: Slot, value: str, values: Mapping[str, float]) -> bool:
        """Whether a digit may be the beginning of a longer number that a tokeniser writes digit by digit.

        The `1` beside a `9` may be a 10, and nothing says which: it carries no weight. Beside a `2` it is a 1. A
        tokeniser that writes numbers of two digits anywhere in this reply would have written this one so, too.
        """
        if len(value) != 1 or not value.isdecimal() or not slot.value.isdecimal() or slot.value.startswith(value):
            return False
        said, short, long = int(slot.value), int(value), f"{value}0"
        if abs(int(long) - said) >= abs(short - said) or long in values:
            return False
        if self._read(self._spelled.put([slot], long)) is None:
            return False
        if self._merges is None:
            self._merges = self._spelled.merges_digits()
        return not self._merges

    def _read(self, text: str) -> Scores | None:
        """The scores with this text as the part's reply; None where the reader refuses it."""
        texts = [*self._texts[: self._number], text, *self._texts[self._number + 1 :]]
        try:
            return self._read_all(texts)
        except Unreadable:
            return None
