"""The filter of answers to one task that say the same in the same words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from prefmill.curation.filters import AnswerSetFilter, Filter
from prefmill.curation.filters.duplicate_answers import DuplicateAnswers
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Answer, Message, Task

TASK = Task(messages=(Message(role="user", content="Why?"),))
LONG = " ".join(f"word{letter}{other}" for letter in "abcdefghij" for other in "abcdefghijkl")


def _answers(*texts: str) -> list[Answer]:
    return [Answer(task_id=TASK.id, model=f"m{number}", text=text) for number, text in enumerate(texts)]


def _dropped(*texts: str, threshold: float = 0.95) -> list[int]:
    answers = _answers(*texts)
    plugin: AnswerSetFilter = DuplicateAnswers(threshold=threshold)
    dropped = plugin.drop(TASK, answers)
    return [place for place, answer in enumerate(answers) if answer.id in dropped]


def test_it_is_found_by_name() -> None:
    assert load(Filter, "duplicate_answers") is DuplicateAnswers
    with pytest.raises(ValidationError):
        DuplicateAnswers(threshold=0)


def test_the_reason_names_the_answer_that_stays() -> None:
    answers = _answers("No.", "Because it is.", "because it is!", "BECAUSE it is")
    why = f"Jaccard 1.000 with {answers[1].id} of m1"
    assert DuplicateAnswers().drop(TASK, answers) == {answers[2].id: why, answers[3].id: why}


@pytest.mark.parametrize(
    ("texts", "dropped"),
    [
        ((), []),
        (("Yes.",), []),
        (("Yes.", "No."), []),
        (("Yes.", "yes"), [1]),
        (("", " \n"), [1]),
        (("A b c d.", "A b c e."), []),
        ((LONG, LONG.replace("wordba", "another")), [1]),
        ((LONG, LONG.replace("wordba", "x").replace("wordda", "y").replace("wordfa", "z")), []),
        (("日本語です。", "日本語です"), [1]),
    ],
)
def test_answers_are_alike_by_their_words(texts: tuple[str, ...], dropped: list[int]) -> None:
    assert _dropped(*texts) == dropped


def test_the_threshold_decides() -> None:
    changed = LONG.replace("wordba", "another")
    assert _dropped(LONG, changed, threshold=0.99) == []
    assert _dropped(LONG, LONG + ".", threshold=1) == [1]


def test_another_number_or_other_code_makes_another_answer() -> None:
    assert _dropped(f"{LONG} 42", f"{LONG} 43") == []
    assert _dropped(f"{LONG} 42", f"{LONG} 42.") == [1]
    code = "\n```python\nprint({0})\n```\n"
    assert _dropped(LONG + code.format("a[b]"), LONG + code.format("a(b)")) == []
    assert _dropped(LONG + code.format("a[b]"), LONG + code.format("a[ b ]")) == [1]
    assert _dropped(f"{LONG} a[b]", f"{LONG} a(b)") == [1]
