"""Decontamination: tasks that hold items of evaluation sets, which what is trained here will be measured by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from pydantic import Field

from ...schemas.rows import Task
from ..contamination.against import Against
from ..contamination.items import Index, Search
from . import Selection, TaskSetFilter


class Decontaminate(TaskSetFilter):
    """Drops tasks that hold more than half of the words of one item of an evaluation set.

    The rule of Tulu 3 for items of 20 words or more, by word 8-grams; the GPT-4 report's for shorter ones, by 50
    characters; the shortest have to equal a message (`curation/contamination/rule.py`). Every task that they call
    contaminated is found, and no other is dropped: texts are compared word by word. What is looked at is all turns of a
    task without the system prompt. A set of which more than 2 % of the items were met is told as contaminated.
    """

    against: tuple[Against, ...] = Field(min_length=1)
    """Evaluation sets, such as `- {set: mt_bench, file: question.jsonl}` or `- {file: held-out.jsonl}`."""

    def at(self, folder: Path) -> Self:
        """The same filter, its files looked up from `folder`."""
        return self.model_copy(update={"against": tuple(one.at(folder) for one in self.against)})

    def choose(self, tasks: Iterable[Task]) -> Selection:
        search = Search(Index([item for one in self.against for item in one.items()]))
        ids: list[str] = []
        dropped = {ids[row]: str(held) for row, held in enumerate(search.look(_turns(tasks, ids))) if held is not None}
        told = {"tasks": len(ids), "dropped": len(dropped), "sets": search.told()}
        return Selection(dropped=dropped, told=told)


def _turns(tasks: Iterable[Task], ids: list[str]) -> Iterator[list[str]]:
    """What is said in each task, whose id is noted as it goes by."""
    for task in tasks:
        ids.append(task.id)
        yield [turn.content for turn in task.turns]
