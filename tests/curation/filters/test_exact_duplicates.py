"""The filter of tasks whose texts are the same, case, spaces and punctuation aside."""

from __future__ import annotations

from prefmill.curation.filters import Filter, TaskSetFilter
from prefmill.curation.filters.exact_duplicates import ExactDuplicates
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Message, Reference, Task
from prefmill.schemas.rubric import Rubric


def _task(text: str, system: str | None = None, rubric: str | None = None, **fields: str) -> Task:
    before = () if system is None else (Message(role="system", content=system),)
    return Task(
        messages=(*before, Message(role="user", content=text)),
        rubric=None if rubric is None else Rubric(criteria=rubric),
        reference=Reference(text=fields["reference"]) if "reference" in fields else None,
        source_id=fields.get("source_id"),
    )


def _dropped(*tasks: Task) -> list[int]:
    """Places of the tasks that go; each has to name the first that is kept."""
    plugin: TaskSetFilter = ExactDuplicates()
    chosen = plugin.choose(iter(tasks))
    assert not chosen.flagged
    kept = {task.id for task in tasks} - set(chosen.dropped)
    assert all(why.removeprefix("same text as ") in kept for why in chosen.dropped.values())
    places = [place for place, task in enumerate(tasks) if task.id in chosen.dropped]
    assert chosen.told == {"tasks": len(tasks), "dropped": len(chosen.dropped)}
    return places


def test_it_is_found_by_name() -> None:
    assert load(Filter, "exact_duplicates") is ExactDuplicates


def test_case_spaces_and_punctuation_make_no_other_task() -> None:
    tasks = [_task("What's a pulsar?"), _task("Why?"), _task("what’s a  PULSAR"), _task("WHAT'S a pulsar?!")]
    assert _dropped(*tasks) == [2, 3]
    chosen = ExactDuplicates().choose(tasks)
    assert chosen.dropped[tasks[3].id] == f"same text as {tasks[0].id}"


def test_reference_and_source_id_do_not_count() -> None:
    assert _dropped(_task("Why?"), _task("Why?", reference="So."), _task("Why?", source_id="7")) == [1, 2]


def test_other_words_order_turns_system_prompts_rubrics_are_other_tasks() -> None:
    user, model = Message(role="user", content="a b"), Message(role="assistant", content="c")
    assert not _dropped(
        _task("a b"),
        _task("b a"),
        _task("ab"),
        _task("3 * 4"),
        _task("3 / 4"),
        _task("?"),
        _task("!"),
        _task(""),
        _task("a b", system="Be brief."),
        _task("a b", system="Be long."),
        _task("a b", rubric="Is it right?"),
        _task("a b", rubric="Is it kind?"),
        Task(messages=(user, model, user)),
        Task(messages=(user, user)),
        Task(messages=(Message(role="user", content="a b a b"),)),
    )


def test_one_task_twice_is_not_dropped_by_its_own_id() -> None:
    task = _task("Why?")
    assert ExactDuplicates().choose([task, task]).dropped == {}


def test_many_batches_and_none() -> None:
    tasks = [_task(f"Question number {number}", source_id=str(number)) for number in range(2500)]
    again = [_task(f"question NUMBER {number}", source_id="again") for number in (0, 1023, 1024, 2499)]
    assert _dropped(*tasks, *again) == [2500, 2501, 2502, 2503]
    assert _dropped() == []
