"""A chat as one text."""

from __future__ import annotations

import pytest

from prefmill.schemas.chat_text import question_text
from prefmill.schemas.rows import Task


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([("user", "Hello\n")], "Hello\n"),
        ([("system", "Be brief."), ("user", "Hello")], "System: Be brief.\n\nUser: Hello"),
        ([("user", "a"), ("assistant", "b"), ("user", "c")], "User: a\n\nAssistant: b\n\nUser: c"),
    ],
)
def test_longer_chats_are_labelled_and_single_questions_are_not(messages: list[tuple[str, str]], expected: str) -> None:
    task = Task.model_validate({"messages": [{"role": role, "content": content} for role, content in messages]})
    assert question_text(task) == expected
