"""MT-Bench's votes: people's in one file, models' in another, each a JSON array.

Source: the data set `lmsys/mt_bench_human_judgments` (`raw/human_judgments.json`, `raw/gpt4_pair_judgments.json`; the
Hub's splits have the same columns) and its reader, `fastchat/llm_judge/compute_agreement.py` of
github.com/lm-sys/FastChat at 0e6d3e4. That script knows three kinds of judges: people whose names begin with `expert`
or `author`, and the pair `["gpt-4", "pair…"]`; at any other pair it stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from ..contents import Content
from ..errors import CannotCarry
from ..rows import Example, Loss, Winner
from . import Format, Record
from ._conversations import alternating, conversation, messages_at, met
from ._lines import Line, lines_of
from ._pair import Pair, pair_of
from ._question_number import question_number
from ._votes import Ballot, Vote, gathered, judged_by, vote, votes_of_people

if TYPE_CHECKING:
    import pyarrow as pa

PEOPLE, MODELS = "human_judgments.json", "gpt4_pair_judgments.json"
_NAMES: Mapping[Winner, str] = {"first": "model_a", "second": "model_b", "tie": "tie"}
_INCONSISTENT = "tie (inconsistent)"
_WINNERS: Mapping[str, Winner] = {name: winner for winner, name in _NAMES.items()} | {_INCONSISTENT: "tie"}
_EXPERT = "expert_"
_PEOPLE = ("expert", "author")
_MODEL, _TEMPLATE = "gpt-4", "pair-"


class MTBenchHuman(Format):
    """Votes on pairs of conversations of one turn or two, one row for each vote."""

    files: ClassVar[tuple[str, ...]] = (PEOPLE, MODELS)
    carries: ClassVar[frozenset[Content]] = frozenset({"earlier_turns", "models", "winner", "order", "reviews"})
    loses: ClassVar[tuple[str, ...]] = (
        "that people and a model judged the same pair (their votes are in two files)",
        "people who could not judge a pair, how much better they found the winner, and their comments",
        "judgments: scores, explanations, consistency (a verdict's row names the teachers)",
        "the source's own id where it is no whole number",
        "reference, rubric, category and licence",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
        "the turns of a conversation from where the two models' replies part (they become one answer)",
    )

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """A row for each person who decided, and one for the verdict.

        Raises `CannotCarry` as `pair_of`, `alternating` and (where no person decided) `Pair.winner`;
        `more_than_two_turns`; and `same_model` where both answers are one model's: votes are counted by models' names.
        """
        pair = pair_of(example)
        said, _ = alternating(example.task)
        if len(said) > 2:
            raise CannotCarry("more_than_two_turns")
        if pair.first.model == pair.second.model:
            raise CannotCarry("same_model")
        people = votes_of_people(example)
        for ballot in people:
            named = ballot.judge if ballot.judge.startswith(_PEOPLE) else f"{_EXPERT}{ballot.judge}"
            yield PEOPLE, _row(example, pair, _NAMES[ballot.winner], named)
        if not people or (pair.verdict is not None and pair.verdict.winner is not None):
            yield MODELS, _row(example, pair, _verdict(pair), [_MODEL, f"{_TEMPLATE}{judged_by(example)}"])

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of people's votes, then of models'; votes on one pair that follow each other are one example.

        People's votes are reviews, by their names without `expert_`. Any other judge is a model: a list of its name and
        its template, or one text, as on the Hub; its vote is a verdict, whose protocol is that template or text. A vote
        on the first turn is about the first question and its answers, whatever follows. From where replies of earlier
        turns differ, the rest of a conversation is one answer (`_conversations.py`).
        """
        return gathered(chain.from_iterable(lines_of(files, name) for name in self.files), _vote, "question_id")

    def features(self) -> Mapping[str, pa.Schema]:
        import pyarrow as pa

        from ._arena_features import mt_bench
        from ._features import TEXT

        return {PEOPLE: mt_bench(TEXT), MODELS: mt_bench(pa.list_(TEXT))}

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            f"Every judge in {MODELS} is called `gpt-4`, since compute_agreement.py stops at other names; the teachers "
            f"are in the second part, after `{_TEMPLATE}`.",
            "compute_agreement.py joins votes by question_id and the models' names, and wants one verdict for each: "
            "ids of several sources must not overlap, and a pair of models must meet once a question.",
            "A row on the first turn holds that turn only; the published rows go on to the second.",
        )


def _verdict(pair: Pair) -> str:
    winner = pair.winner()
    flipped = winner == "tie" and pair.verdict is not None and pair.verdict.consistent is False
    return _INCONSISTENT if flipped else _NAMES[winner]


def _row(example: Example, pair: Pair, winner: str, judge: str | list[str]) -> Record:
    first, second = pair.texts
    return {
        "question_id": question_number(example.task),
        "model_a": pair.first.model,
        "model_b": pair.second.model,
        "winner": winner,
        "judge": judge,
        "conversation_a": conversation(example.task, first),
        "conversation_b": conversation(example.task, second),
        "turn": len(example.task.messages) // 2 + 1,
    }


def _vote(line: Line) -> Vote:
    winner, turn = line.choice("winner", _WINNERS), line.whole("turn")
    if turn not in (1, 2):
        raise line.wrong("turn", f"expected 1 or 2 (got {turn})")
    sides = [messages_at(line, key)[: 2 * turn] for key in ("conversation_a", "conversation_b")]
    if any(len(side) < 2 * turn for side in sides):
        raise line.wrong("turn", f"a conversation ends before turn {turn}")
    try:
        chat, texts = met(*sides)
    except ValueError as problem:
        raise line.wrong("conversation_b", str(problem)) from problem
    return vote(
        line, _ballot(line, winner, line.text("winner") == _INCONSISTENT), str(line.whole("question_id")), chat, texts
    )


def _ballot(line: Line, winner: Winner, inconsistent: bool) -> Ballot:
    judge = line.record.get("judge")
    if isinstance(judge, list):
        if len(judge) != 2 or not all(isinstance(part, str) for part in judge):
            raise line.wrong("judge", f"expected a model and its template (got {judge!r})")
        return Ballot(winner, str(judge[1]).removeprefix(_TEMPLATE), person=False, inconsistent=inconsistent)
    named = line.text("judge")
    if named.startswith(_PEOPLE):
        return Ballot(winner, named.removeprefix(_EXPERT), person=True)
    return Ballot(winner, named, person=False, inconsistent=inconsistent)
