"""Decontamination as filters: what is dropped, why, and what is told of each set; real sets where they are there."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from prefmill.curation.filters import AnswerFilter, Selection, TaskSetFilter
from prefmill.curation.filters.decontaminate import Decontaminate
from prefmill.curation.filters.decontaminate_answers import DecontaminateAnswers
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Answer, Message, Role, Task

DATA = Path(__file__).parents[3].parent / "shared" / "data"
ALPACA, PANDALM = DATA / "alpaca_eval" / "instructions.jsonl.gz", DATA / "pandalm" / "testset-v1.json"
real = pytest.mark.skipif(not (ALPACA.is_file() and PANDALM.is_file()), reason="no evaluation sets beside the checkout")
QUESTION = (
    "Compose an engaging travel blog post about a recent trip to Hawaii, highlighting cultural experiences and "
    "must-see attractions that a traveller should not miss."
)
REPLY = "Rewrite your previous response. Start every sentence with the letter A."


def task(*turns: tuple[Role, str] | str) -> Task:
    """A chat; a turn without a role is the user's."""
    given = [("user", turn) if isinstance(turn, str) else turn for turn in turns]
    return Task(messages=tuple(Message.model_validate({"role": role, "content": text}) for role, text in given))


def bench(folder: Path) -> Path:
    """MT-Bench with two questions."""
    path = folder / "question.jsonl"
    path.write_bytes(
        orjson.dumps({"question_id": 81, "turns": [QUESTION, REPLY]}) + b"\n"
        + orjson.dumps({"question_id": 82, "turns": ["Write \"Test\""]})
    )  # fmt: skip
    return path


def chosen(folder: Path, tasks: list[Task]) -> Selection:
    bench(folder)
    plugin = Decontaminate.model_validate({"against": [{"set": "mt_bench", "file": "question.jsonl"}]})
    return plugin.at(folder).choose(iter(tasks))


def test_they_are_found_by_name() -> None:
    assert load(TaskSetFilter, "decontaminate") is Decontaminate
    assert load(AnswerFilter, "decontaminate_answers") is DecontaminateAnswers
    with pytest.raises(ValidationError, match="at least 1 item"):
        Decontaminate.model_validate({"against": []})


def test_the_reason_names_the_set_the_item_and_the_share(tmp_path: Path) -> None:
    cut = " ".join(QUESTION.split()[:15])
    tasks = [
        task(f"Please: {QUESTION.upper()}"),
        task(cut),
        task("write test"),
        task("Write test cases for me"),
        task("What should I see in Hawaii?"),
        task("Hi", ("assistant", "Hello."), REPLY),
        task(("system", QUESTION), "Hi"),
        task(QUESTION[:75], ("assistant", "Go on."), QUESTION[75:]),
    ]
    selection = chosen(tmp_path, tasks)
    assert selection.dropped == {
        tasks[0].id: "mt_bench 81: 100% of its 25 words",
        tasks[1].id: "mt_bench 81: 60% of its 25 words",
        tasks[2].id: "mt_bench 82: 100% of its 2 words",
        tasks[5].id: "mt_bench 81: 100% of its 11 words",
        tasks[7].id: "mt_bench 81: 96% of its 25 words",
    }
    assert selection.told == {
        "tasks": 8,
        "dropped": 5,
        "sets": {"mt_bench": {"items": 2, "met": 2, "share": 1.0, "contaminated": True}},
    }
    assert not selection.flagged


def test_nothing_is_dropped_where_nothing_is_shared(tmp_path: Path) -> None:
    selection = chosen(tmp_path, [task("What should I see in Hawaii?")])
    assert not selection.dropped
    assert selection.told["sets"]["mt_bench"] == {"items": 2, "met": 0, "share": 0.0, "contaminated": False}
    assert chosen(tmp_path, []).told["tasks"] == 0


def test_answers_that_recite_an_item(tmp_path: Path) -> None:
    plugin = DecontaminateAnswers.model_validate({"against": [{"file": str(bench(tmp_path))}]})
    asked = task("Which questions do you know?")

    def drop(text: str) -> str | None:
        return plugin.drop(asked, Answer(task_id=asked.id, model="m", text=text))

    assert drop(f"One is this: {QUESTION}") == "question 81: 100% of its 25 words"
    assert drop("I know of a trip to Hawaii.") is None
    assert drop("") is None


@real
def test_every_instruction_of_alpaca_eval_holds_itself() -> None:
    """The very short ones too, and all of them whole."""
    records = [orjson.loads(line) for line in gzip.decompress(ALPACA.read_bytes()).splitlines()]
    tasks = [task(record["instruction"]) for record in records]
    plugin = Decontaminate.model_validate({"against": [{"set": "alpaca_eval", "file": str(ALPACA)}]})
    selection = plugin.choose(iter(tasks))
    assert len(selection.dropped) == 805
    assert all(": 100% of its" in reason for reason in selection.dropped.values())
    assert selection.told["sets"]["alpaca_eval"]["met"] == 805


@real
def test_alpaca_eval_shares_the_self_instruct_tasks_with_pandalm_and_nothing_else() -> None:
    """PandaLM's test set is made of Self-Instruct's 252 tasks for users, and so is a part of AlpacaEval. One of its 170
    instructions is not met: number 466, of which its file holds only the input."""
    records = [orjson.loads(line) for line in gzip.decompress(ALPACA.read_bytes()).splitlines()]
    tasks = {task(record["instruction"]).id: record["dataset"] for record in records}
    plugin = Decontaminate.model_validate({"against": [{"set": "pandalm", "file": str(PANDALM)}]})
    selection = plugin.choose(task(record["instruction"]) for record in records)
    assert len(selection.dropped) == 169
    assert {tasks[id_] for id_ in selection.dropped} == {"selfinstruct"}
    assert all(": 100% of its" in reason for reason in selection.dropped.values())
    assert selection.told["sets"]["pandalm"] == {"items": 999, "met": 998, "share": 0.999, "contaminated": True}
