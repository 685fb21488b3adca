"""From records to Tasks: columns, chats, what is absent, what is malformed, duplicates and limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from prefmill.generators.sources import Fields, Source
from prefmill.schemas.errors import SourceError
from prefmill.schemas.rows import Loss, Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric


class Listed(Source):
    """A source of given records, one a line."""

    given: tuple[Any, ...]

    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        return iter(list(enumerate(self.given, start=1)))

    def where(self) -> str:
        return "listed"


def read(
    *records: object, fields: Fields | None = None, limit: int | None = None, licence: str | None = None
) -> list[Task | Loss]:
    return list(Listed(given=records, fields=fields or Fields(), limit=limit, licence=licence).tasks())


def task(record: dict[str, Any], fields: Fields | None = None, licence: str | None = None) -> Task:
    [row] = read(record, fields=fields, licence=licence)
    assert isinstance(row, Task), row
    return row


def detail(record: dict[str, Any]) -> str:
    [row] = read(record)
    assert isinstance(row, Loss), row
    assert (row.stage, row.status, row.reason, row.row_id) == ("tasks", "failed", "malformed", "listed:1")
    assert row.by == Listed.plugin_name()
    assert "\n" not in row.detail
    return row.detail


def test_a_plain_instruction() -> None:
    row = task({"id": 7, "instruction": "Why is the sky blue?", "category": "science", "licence": "cc0"})
    assert row.messages == (Message(role="user", content="Why is the sky blue?"),)
    assert (row.source_id, row.category, row.licence, row.source, row.line) == ("7", "science", "cc0", "listed", 1)
    assert row.reference is None and row.rubric is None


def test_input_follows_the_instruction_after_a_blank_line() -> None:
    assert task({"instruction": "Translate.", "input": "Guten Tag"}).instruction == "Translate.\n\nGuten Tag"
    assert task({"instruction": "Translate.", "input": ""}).instruction == "Translate."


@pytest.mark.parametrize("absent", [None, float("nan"), "", "  \n", []])
def test_null_nan_and_blank_are_absent(absent: object) -> None:
    plain = task({"instruction": "Why?"})
    names = ("id", "input", "messages", "system", "reference", "rubric", "category", "licence")
    assert task({"instruction": "Why?", **dict.fromkeys(names, absent)}) == plain


def test_golden_multi_turn_chat_is_cut_after_the_last_user_turn() -> None:
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Name a prime."},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "Another, and odd."},
        {"role": "assistant", "content": "3"},
    ]
    row = task({"messages": chat, "instruction": "not used"})
    assert [(message.role, message.content) for message in row.messages] == [
        ("system", "Be brief."),
        ("user", "Name a prime."),
        ("assistant", "2"),
        ("user", "Another, and odd."),
    ]
    assert row.id == "8812f9bfd277b3a7"
    assert row.reference is None, "an assistant turn of unknown origin is no reference answer"


def test_sharegpt_json_text_and_columns_of_lists_are_the_same_chat() -> None:
    plain = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    plain.append({"role": "user", "content": "Bye"})
    sharegpt = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}, {"from": "human", "value": "Bye"}]
    columns = {"role": ["user", "assistant", "user"], "content": ["Hi", "Hello", "Bye"]}
    struct = [{**turn, "role": None, "content": None} for turn in sharegpt]
    expected = task({"messages": plain}).id
    for chat in (sharegpt, json.dumps(plain), json.dumps(sharegpt), columns, struct):
        assert task({"messages": chat}).id == expected


def test_the_system_column_is_used_where_the_chat_has_no_system_message() -> None:
    user = {"role": "user", "content": "Hi"}
    for chat in ([user], [{"role": "system", "content": " "}, user]):
        assert task({"messages": chat, "system": "Be kind."}).system == "Be kind."
    own = [{"role": "system", "content": "Be brief."}, user]
    assert task({"messages": own, "system": "Be kind."}).system == "Be brief."
    assert task({"instruction": "Hi", "system": "Be kind."}).system == "Be kind."


def test_reference_and_rubric_as_text() -> None:
    row = task({"instruction": "2+2?", "reference": "4", "rubric": "Is it right?"})
    assert row.reference == Reference(text="4", origin="gold")
    assert row.rubric == Rubric(criteria="Is it right?")


def test_reference_as_struct() -> None:
    reference = {"text": "4", "origin": "model", "model": "gpt-4"}
    assert task({"instruction": "2+2?", "reference": reference}).reference == Reference(**reference)
    assert task({"instruction": "2+2?", "reference": {"text": "4", "model": None}}).reference == Reference(text="4")
    assert task({"instruction": "2+2?", "reference": {"text": None}}).reference is None
    code = '{"text": "a reference that is itself JSON"}'
    assert task({"instruction": "Write JSON.", "reference": code}).reference == Reference(text=code)


def test_every_shape_of_levels_gives_the_same_rubric() -> None:
    expected = Rubric(criteria="Right?", levels=(Level(score=1, description="no"), Level(score=2, description="yes")))
    shapes: list[object] = [
        {"2": "yes", "1": "no", "3": None},
        {1: "no", 2.0: "yes"},
        ["no", "yes"],
        [{"score": 2, "description": "yes"}, {"score": 1, "description": "no"}],
    ]
    for levels in shapes:
        assert task({"instruction": "Q", "rubric": {"criteria": "Right?", "levels": levels}}).rubric == expected
    text = json.dumps({"criteria": "Right?", "levels": ["no", "yes"]})
    assert task({"instruction": "Q", "rubric": text}).rubric == expected


def test_columns_can_be_renamed() -> None:
    row = task({"frage": "Warum?", "nr": 3}, fields=Fields(instruction="frage", id="nr"))
    assert (row.instruction, row.source_id) == ("Warum?", "3")


def test_the_sources_licence_is_a_default() -> None:
    assert task({"instruction": "Q"}, licence="mit").licence == "mit"
    assert task({"instruction": "Q", "licence": "cc0"}, licence="mit").licence == "cc0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (7.0, "7"),
        (7.5, "7.5"),
        (True, "true"),
        ("007", "007"),
        (12345678901234567890123, "12345678901234567890123"),
    ],
)
def test_any_scalar_is_an_id(value: object, text: str) -> None:
    assert task({"instruction": "Q", "id": value}).source_id == text


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"prompt": "Q"}, "no instruction and no messages"),
        ({"instruction": " "}, "no instruction and no messages, or blank ones"),
        ({"instruction": 5}, "instruction must be text (got 5)"),
        ({"instruction": ["Q"]}, "instruction must be text"),
        ({"instruction": "Q", "input": 0}, "input must be text (got 0)"),
        ({"instruction": "Q", "system": False}, "system must be text (got False)"),
        ({"instruction": "Q", "id": {"a": 1}}, "id must be one value"),
        ({"instruction": "half a pair \ud800"}, "instruction is not valid Unicode"),
        ({"instruction": "Q", "reference": 4}, "reference must be text (got 4)"),
        ({"instruction": "Q", "reference": {"text": "4", "score": 1}}, "unknown key 'score'. Known: model, origin,"),
        ({"instruction": "Q", "rubric": ["a"]}, "rubric must be text"),
        ({"instruction": "Q", "rubric": {"levels": ["a"]}}, "rubric.criteria is missing"),
        ({"instruction": "Q", "rubric": {"criteria": "c", "levels": "abc"}}, "rubric.levels must be a list"),
        ({"instruction": "Q", "rubric": {"criteria": "c", "levels": {"good": "x"}}}, "a score must be a whole number"),
        ({"instruction": "Q", "rubric": {"criteria": "c", "levels": {"1" * 30: "x"}}}, "a score must be a whole"),
        ({"instruction": "Q", "rubric": {"criteria": "c", "levels": {"1": "x", "01": "y"}}}, "described twice"),
        ({"instruction": "Q", "rubric": {"criteria": "c", "levels": [1, 2]}}, "rubric.levels[1] must be text"),
        ({"messages": "Hi"}, "messages is text but not JSON"),
        ({"messages": "[" * 100_000}, "messages is text but not JSON"),
        ({"messages": ["Hi"]}, "messages must be a list of {role, content}"),
        ({"messages": {"role": ["user"], "content": []}}, "messages must be a list of {role, content}"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages has no user turn (got ['assistant'])"),
        ({"messages": [{"role": ["user"], "content": "Hi"}]}, "messages has no user turn"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0] must be text (got None)"),
        ({"messages": [{"role": "user", "content": "\n"}]}, "messages[0]: the last user turn is blank"),
        (
            {"messages": [{"role": "tool", "content": "x"}, {"role": "user", "content": "Hi"}]},
            "messages[0]: unknown role 'tool'. Known: assistant, gpt, human, system, user.",
        ),
        (
            {"messages": [{"role": role, "content": "x"} for role in ("user", "system", "user")]},
            "messages[1]: a system message must come first",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_malformed(record: dict[str, Any], said: str) -> None:
    assert said in detail(record)


def test_a_role_that_is_cut_off_is_not_looked_at() -> None:
    chat = [{"role": "user", "content": "Hi"}, {"role": "tool", "content": None}]
    assert task({"messages": chat}).instruction == "Hi"


def test_no_value_in_any_column_is_a_crash() -> None:
    odd: list[Any] = [
        0,
        -1,
        1e400,
        "\x00",
        "\ud800",
        b"x",
        True,
        {},
        {"a": []},
        [[]],
        [None],
        {"text": 1},
        {"criteria": 2},
    ]
    shapes: list[Any] = [1, {}, {"": ""}, [{}], [[1]], {"1": {}}]
    odd += [{"criteria": "c", "levels": levels} for levels in shapes]
    records = [{"instruction": "Q", "id": f"{name}{index}", name: value}
               for name in Fields.model_fields for index, value in enumerate(odd)]  # fmt: skip
    rows = read(*records)
    assert len(rows) == len(records)
    for row in rows:
        assert len(row.id) == 16
        assert json.dumps(row.model_dump(mode="json"))


def test_a_repeated_task_is_dropped_and_a_reused_id_fails() -> None:
    rows = read(
        {"id": "a", "instruction": "one"},
        {"id": "a", "instruction": "one", "category": "not part of what is asked"},
        {"id": "a", "instruction": "two"},
        {"id": "b", "instruction": "one"},
        {"instruction": "one"},
        {"instruction": "one"},
        {"id": "a", "instruction": "two"},
    )
    told = [(row.status, row.reason, row.row_id, row.detail) if isinstance(row, Loss) else row.line for row in rows]
    assert told == [
        1,
        ("dropped", "duplicate", "listed:2", "same as listed:1"),
        ("failed", "duplicate", "listed:3", "id 'a' is already used on line 1"),
        4,
        5,
        ("dropped", "duplicate", "listed:6", "same as listed:5"),
        ("failed", "duplicate", "listed:7", "id 'a' is already used on line 1"),
    ]
    assert len({row.id for row in rows}) == len(rows)


def test_limit_counts_lines_read() -> None:
    rows = read("bad", {"instruction": "one"}, {"instruction": "one"}, {"instruction": "two"}, limit=3)
    assert [type(row) for row in rows] == [Loss, Task, Loss]


def test_a_source_without_rows_is_an_error() -> None:
    with pytest.raises(SourceError, match="listed: holds no rows"):
        read()


def test_source_and_line_are_not_part_of_what_a_task_is() -> None:
    assert task({"instruction": "Q"}).id == read("bad", {"instruction": "Q"})[1].id
