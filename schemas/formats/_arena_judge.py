"""The arena's column `judge`: names of people begin with `arena_user_`; any other name is a model's."""

from __future__ import annotations

from ..errors import CannotCarry
from ..rows import Example, Winner
from ._pair import Pair
from ._votes import Ballot, judged_by, votes_of_people

PERSON = "arena_user_"


def ballots(example: Example, pair: Pair) -> list[Ballot]:
    """The votes of people or, where nobody decided, the verdict.

    Raises `CannotCarry` as `Pair.winner`, and `judge_named_like_a_person` where a verdict would read as a vote.
    """
    people = votes_of_people(example)
    if people:
        return people
    winner, judge = pair.winner(), judged_by(example)
    if not judge or judge.startswith(PERSON):
        raise CannotCarry("judge_named_like_a_person")
    return [Ballot(winner, judge, person=False)]


def written(ballot: Ballot) -> str:
    """The judge as the column has it."""
    return f"{PERSON}{ballot.judge}" if ballot.person else ballot.judge


def read(judge: str | None, winner: Winner, both_bad: bool = False) -> Ballot:
    """The vote of a row. Sets that name no judge hold votes of people: their name is `unknown`."""
    if not judge:
        return Ballot(winner, "unknown", True, both_bad)
    return Ballot(winner, judge.removeprefix(PERSON), judge.startswith(PERSON), both_bad)
