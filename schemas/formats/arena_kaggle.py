"""The arena's votes as Kaggle's competition had them (`lmsys/lmsys-arena-human-preference-55k`): `train.csv`.

Source: the data set's card. Prompts and responses are JSON arrays, written as text, with one entry for each turn; three
columns of 0 and 1 say who won. The last column, `judge`, is not in the published file, which does not say who judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import orjson

from ..contents import Content
from ..row import digest
from ..rows import Example, Loss, Message, Winner
from . import Format, Record
from ._arena_judge import ballots, read, written
from ._conversations import alternating, met
from ._lines import Line, lines_of
from ._pair import pair_of
from ._question_number import number_of, question_number
from ._votes import Vote, gathered, vote

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = "train.csv"
_COLUMNS: Mapping[str, Winner] = {"winner_model_a": "first", "winner_model_b": "second", "winner_tie": "tie"}
_FLAGS = {0: False, 1: True, "0": False, "1": True}


class ArenaKaggle(Format):
    """Votes on pairs of conversations as a table, one row for each vote."""

    files: ClassVar[tuple[str, ...]] = (ROWS,)
    carries: ClassVar[frozenset[Content]] = frozenset({"earlier_turns", "models", "winner", "order", "reviews"})
    loses: ClassVar[tuple[str, ...]] = (
        "the verdict where people have decided (their votes are the rows)",
        "people who could not judge a pair, how much better they found the winner, and their comments",
        "that both answers were bad (it is a tie)",
        "judgments: scores, explanations, consistency (a verdict's row names the teachers)",
        "the source's own id where it is no whole number",
        "reference, rubric, category and licence",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
        "the turns of a conversation from where the two models' replies part (they become one answer)",
    )

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row for each person who decided, else one for the verdict.

        Raises `CannotCarry` as `pair_of`, `alternating` and `ballots`.
        """
        pair = pair_of(example)
        said, replied = alternating(example.task)
        prompt, *responses = (_array(said), *(_array([*replied, text]) for text in pair.texts))
        for number, ballot in enumerate(ballots(example, pair)):
            own = question_number(example.task)
            content = digest(prompt, responses, pair.first.model, pair.second.model, number)
            yield (
                ROWS,
                {
                    # Rows have ids of their own: the source's is the first vote's.
                    "id": number_of(content) if number else own,
                    "model_a": pair.first.model,
                    "model_b": pair.second.model,
                    "prompt": prompt,
                    "response_a": responses[0],
                    "response_b": responses[1],
                    **{column: int(ballot.winner == winner) for column, winner in _COLUMNS.items()},
                    "judge": written(ballot),
                },
            )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples with the votes as reviews, or the verdicts, as `arena` reads them; without the column `judge` a
        person called `unknown` has judged. Votes on one pair that follow each other are one example.

        A turn without a response (`null`) makes its row a loss, and so does the test file, which has no winners.
        """
        return gathered(lines_of(files, ROWS), _vote, "id", same_name=False)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import TEXT, WHOLE, schema

        columns = dict.fromkeys(("model_a", "model_b", "prompt", "response_a", "response_b"), TEXT)
        return {ROWS: schema(id=WHOLE, **columns, **dict.fromkeys(_COLUMNS, WHOLE), judge=TEXT)}

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "The column `judge` is an addition: `arena_user_…` is a person, anything else the teachers behind a "
            "model's verdict.",
            "Rows about one pair follow each other: split by prompt, not by row.",
        )


def _array(texts: list[str]) -> str:
    return orjson.dumps(texts).decode()


def _vote(line: Line) -> Vote:
    won = [winner for column, winner in _COLUMNS.items() if _flag(line, column)]
    if len(won) != 1:
        raise line.wrong("winner_model_a", f"expected one winner among {', '.join(_COLUMNS)} (got {len(won)})")
    said = _texts(line, "prompt")
    chat, texts = met(*(_chat(line, said, key) for key in ("response_a", "response_b")))
    judge = line.text("judge") if line.has("judge") else None
    return vote(line, read(judge, won[0]), str(_whole(line, "id")), chat, texts)


def _chat(line: Line, said: list[str], key: str) -> list[Message]:
    replied = _texts(line, key)
    if len(replied) != len(said) or not said:
        raise line.wrong(key, f"expected one response for each of {len(said)} turns (got {len(replied)})")
    chat = []
    for question, answer in zip(said, replied, strict=True):
        chat += [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return chat


def _texts(line: Line, key: str) -> list[str]:
    try:
        entries = orjson.loads(line.text(key))
    except orjson.JSONDecodeError as problem:
        raise line.wrong(key, f"expected a JSON array of texts ({problem})") from problem
    if not isinstance(entries, list):
        raise line.wrong(key, "expected a JSON array of texts")
    texts = [entry for entry in entries if isinstance(entry, str)]
    if len(texts) < len(entries):
        raise line.wrong(key, "expected a JSON array of texts (got one with an entry that is none)")
    return texts


def _flag(line: Line, key: str) -> bool:
    value = line.record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | str) or value not in _FLAGS:
        raise line.wrong(key, f"expected 0 or 1 (got {value!r})" if key in line.record else "there is no such key")
    return _FLAGS[value]


def _whole(line: Line, key: str) -> int:
    value = line.record.get(key)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return line.whole(key)
