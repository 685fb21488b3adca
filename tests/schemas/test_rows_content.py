"""What a row may hold: content or a failure, never both and never neither."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from prefmill.schemas.row import Failure, Usage
from prefmill.schemas.rows import Answer, Comparison, Example, Grade, Judgment, Message, Task, Verdict

TIMEOUT = Failure(kind="timeout", message="no reply within 5 s")
SYSTEM, USER = Message(role="system", content="system"), Message(role="user", content="user")
REPLY = Message(role="assistant", content="assistant")


def judgment(**fields: object) -> Judgment:
    return Judgment.model_validate(
        {"comparison_id": "c", "task_id": "t", "teacher": "g", "judge": "j", "shown": (0, 1), **fields}
    )


def verdict(**fields: object) -> Verdict:
    return Verdict.model_validate({"comparison_id": "c", "task_id": "t", "protocol": "p", "judgment_ids": (), **fields})


def test_an_answer_has_a_text_or_a_failure() -> None:
    assert Answer(task_id="t", model="m", text="").text == ""
    assert Answer(task_id="t", model="m", failure=TIMEOUT).text is None
    for fields in ({}, {"text": "x", "failure": TIMEOUT}):
        with pytest.raises(ValidationError, match="either a text or a failure"):
            Answer.model_validate({"task_id": "t", "model": "m", **fields})


def test_a_judgment_has_scores_or_a_failure() -> None:
    for fields in ({}, {"scores": (1, 2), "failure": TIMEOUT}):
        with pytest.raises(ValidationError, match="either scores or a failure"):
            judgment(**fields)
    assert judgment(failure=TIMEOUT, raw="7 8 9").raw == "7 8 9"


def test_a_verdict_has_a_winner_or_a_failure() -> None:
    for fields in ({}, {"winner": "first", "failure": TIMEOUT}):
        with pytest.raises(ValidationError, match="either a winner"):
            verdict(**fields)
    assert verdict(winner="tie", margin=0.0).winner == "tie"
    assert verdict(scores=(1, 2, 3)).winner is None


def test_a_grade_has_a_score_or_a_failure() -> None:
    fields = {"answer_id": "a", "task_id": "t", "teacher": "g", "judge": "j"}
    for content in ({}, {"score": 4, "failure": TIMEOUT}):
        with pytest.raises(ValidationError, match="either a score or a failure"):
            Grade.model_validate({**fields, **content})
    assert Grade.model_validate({**fields, "failure": TIMEOUT}).score is None


def test_an_example_is_a_comparison_or_one_answer() -> None:
    task = Task(messages=(USER,))
    answers = tuple(Answer(task_id=task.id, model=model, text=model) for model in "ab")
    comparison = Comparison(task_id=task.id, answer_ids=tuple(a.id for a in answers), models=("a", "b"))
    assert Example(index=0, task=task, answers=answers[:1]).comparison is None
    assert Example(index=0, task=task, answers=answers, comparison=comparison).verdict is None
    for fields in ({"answers": answers}, {"answers": answers[:1], "verdict": verdict(winner="tie")}):
        with pytest.raises(ValidationError, match="without a comparison is one graded answer"):
            Example.model_validate({"index": 0, "task": task, **fields})
    with pytest.raises(ValidationError, match="not those of the comparison"):
        Example(index=0, task=task, answers=answers[:1], comparison=comparison)


def test_a_failure_has_a_known_kind() -> None:
    with pytest.raises(ValidationError):
        Failure.model_validate({"kind": "bad luck", "message": "x"})


def test_scores_go_back_into_the_comparisons_order() -> None:
    assert judgment(shown=(1, 0), scores=(9, 3)).by_answer == (3, 9)
    assert judgment(shown=(2, 0, 1), scores=(1, 2, 3)).by_answer == (2, 3, 1)
    assert judgment(failure=TIMEOUT).by_answer is None


def test_a_comparison_turned_round_twice_is_itself() -> None:
    comparison = Comparison(task_id="t", answer_ids=("a", "b", "c"), models=("m", "n", "o"))
    assert comparison.swapped().answer_ids == ("c", "b", "a")
    assert comparison.swapped().models == ("o", "n", "m")
    assert comparison.swapped().swapped() == comparison
    with pytest.raises(ValidationError):
        Comparison(task_id="t", answer_ids=("a",), models=("m",))


def test_a_task_ends_with_the_user() -> None:
    for messages in ((), (SYSTEM,), (USER, REPLY)):
        with pytest.raises(ValidationError):
            Task(messages=messages)
    with pytest.raises(ValidationError):
        Task.model_validate({"messages": [{"role": "tool", "content": "x"}]})


def test_the_parts_of_a_chat() -> None:
    plain, chat = Task(messages=(USER,)), Task(messages=(SYSTEM, USER, REPLY, USER))
    assert (plain.system, plain.turns, plain.instruction) == (None, (USER,), "user")
    assert (chat.system, chat.turns, chat.instruction) == ("system", (USER, REPLY, USER), "user")


def test_rows_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Task(messages=(USER,)).line = 3  # type: ignore[misc]


def test_usage_adds_up_and_an_unknown_cost_is_not_zero() -> None:
    unknown = Usage(prompt_tokens=1, completion_tokens=2, calls=1)
    known = Usage(prompt_tokens=10, completion_tokens=20, calls=2, cost_usd=0.5)
    assert unknown + unknown == Usage(prompt_tokens=2, completion_tokens=4, calls=2)
    assert (unknown + unknown).cost_usd is None
    assert (unknown + known).cost_usd == 0.5
    assert (known + known).cost_usd == 1.0


@pytest.mark.parametrize(
    ("answers", "teacher", "simulated"),
    [("openai", "openai", False), ("simulated", "openai", True), ("recorded", "simulated", True)],
)
def test_an_example_says_whether_any_of_it_is_simulated(answers: str, teacher: str, simulated: bool) -> None:
    task = Task(messages=(USER,))
    both = tuple(Answer(task_id=task.id, model=m, text=m, origin="openai") for m in "ab")
    both = (both[0].model_copy(update={"origin": answers}), both[1])
    comparison = Comparison(task_id=task.id, answer_ids=tuple(a.id for a in both), models=("a", "b"))
    heard = judgment(scores=(1, 2), origin=teacher)
    example = Example(
        index=0, task=task, answers=both, comparison=comparison, judgments=(heard,), verdict=verdict(winner="second")
    )
    assert example.simulated is simulated
