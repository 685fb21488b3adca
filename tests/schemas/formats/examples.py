"""Examples to try formats on, as Hypothesis strategies: chats, references, rubrics, judgments, grades, reviews."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from hypothesis import strategies as st

from prefmill.schemas.rows import (
    Answer,
    Comparison,
    Example,
    Grade,
    Judgment,
    Message,
    Reference,
    Review,
    Task,
    Verdict,
    Winner,
)
from prefmill.schemas.rubric import Level, Rubric

WORDS = st.lists(
    st.sampled_from(
        ["plain", "naïve", "日本語", "a,b", 'say "so"', "5 > 3", "tab\there", "new\nline", "e.g.", "{x}", "\\n"]
    ),
    min_size=1,
    max_size=6,
).map(" ".join)
"""Texts without anything that a template could take for its own, but with all that files must escape."""


def tasks(
    *, chat: bool = True, reference: bool | None = None, levels: Sequence[int] | None = None
) -> st.SearchStrategy[Task]:
    """Tasks; `chat`: with system prompts and earlier turns; `reference`: always, never, or both; `levels`: scores of
    the rubric, None for tasks without a rubric."""
    system = st.lists(WORDS.map(lambda text: Message(role="system", content=text)), max_size=1 if chat else 0)
    turn = st.tuples(WORDS, WORDS).map(
        lambda said: [Message(role="user", content=said[0]), Message(role="assistant", content=said[1])]
    )
    turns = st.lists(turn, max_size=2 if chat else 0).map(lambda pairs: [message for pair in pairs for message in pair])
    question = WORDS.map(lambda text: [Message(role="user", content=text)])
    some = WORDS.map(lambda text: Reference(text=text))
    references = st.none() if reference is False else some if reference else st.none() | some
    rubric = (
        st.none()
        if levels is None
        else st.builds(
            Rubric,
            criteria=WORDS,
            levels=st.tuples(*(st.builds(Level, score=st.just(score), description=WORDS) for score in levels)),
        )
    )
    return st.builds(
        Task,
        messages=st.tuples(system, turns, question).map(lambda parts: tuple(chain(*parts))),
        source_id=st.none() | st.integers(0, 10**6).map(str),
        reference=references,
        rubric=rubric,
        category=st.none() | WORDS,
    )


@st.composite
def pairs(
    draw: st.DrawFn,
    tasks: st.SearchStrategy[Task],
    *,
    most: int = 10,
    ties: bool = True,
    both: bool = False,
    teacher: str = "teacher",
) -> Example:
    """Pairs with different texts, judged 1..`most` by one teacher, in both orders where `both`; the verdict is the
    judgments' mean. A text never wins against itself."""
    task = draw(tasks)
    first, second = draw(st.lists(WORDS, min_size=2, max_size=2, unique_by=str.strip))
    answers = tuple(
        Answer(task_id=task.id, model=f"model-{k}", text=text, finish_reason="stop")
        for k, text in enumerate((first, second))
    )
    comparison = Comparison(
        task_id=task.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    high, low = draw(st.integers(1, most)), draw(st.integers(1, most))
    if not ties and high == low:
        high, low = (high + 1, low) if high < most else (high, low - 1)
    rationale = draw(WORDS)
    judgments = tuple(
        Judgment(
            comparison_id=comparison.id,
            task_id=task.id,
            teacher=teacher,
            judge="judgelm",
            shown=shown,
            scores=tuple(float((high, low)[k]) for k in shown),
            rationale=rationale,
            raw=f"{shown} {high} {low} {rationale}",
        )
        for shown in ((0, 1), (1, 0))[: 2 if both else 1]
    )
    winner: Winner = "tie" if high == low else "first" if high > low else "second"
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="both_orders" if both else "one_order",
        winner=winner,
        margin=float(high - low),
        judgment_ids=tuple(j.id for j in judgments),
        consistent=True if both else None,
    )
    return Example(
        index=draw(st.integers(0, 10**6)),
        task=task,
        answers=answers,
        comparison=comparison,
        judgments=judgments,
        verdict=verdict,
    )


@st.composite
def graded(draw: st.DrawFn, tasks: st.SearchStrategy[Task], scores: Sequence[int]) -> Example:
    """Single answers with one grade."""
    task = draw(tasks)
    answer = Answer(task_id=task.id, model="model-a", text=draw(WORDS), finish_reason="stop")
    feedback = draw(WORDS)
    grade = Grade(
        answer_id=answer.id,
        task_id=task.id,
        teacher="teacher",
        judge="prometheus_absolute",
        with_reference=task.reference is not None,
        score=float(draw(st.sampled_from(list(scores)))),
        feedback=feedback,
        raw=feedback,
    )
    return Example(index=draw(st.integers(0, 10**6)), task=task, answers=(answer,), grades=(grade,))


@st.composite
def reviewed(
    draw: st.DrawFn, tasks: st.SearchStrategy[Task], *, ties: bool = True, votes: int = 1, strengths: Sequence[int] = ()
) -> Example:
    """Pairs that only people have judged."""
    task = draw(tasks)
    texts = draw(st.lists(WORDS, min_size=2, max_size=2, unique_by=str.strip))
    answers = tuple(
        Answer(task_id=task.id, model=f"model-{k}", text=text, origin="recorded") for k, text in enumerate(texts)
    )
    comparison = Comparison(
        task_id=task.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    reviews = []
    for number in range(votes):
        strength = float(draw(st.sampled_from(list(strengths)))) if strengths else None
        winner: Winner = draw(st.sampled_from(["first", "second", "tie"] if ties else ["first", "second"]))
        if strength is not None:
            winner = "first" if strength > 0 else "second" if strength < 0 else "tie"
        reviews.append(
            Review(
                comparison_id=comparison.id,
                task_id=task.id,
                annotator=f"person-{number}",
                winner=winner,
                strength=strength,
            )
        )
    return Example(
        index=draw(st.integers(0, 10**6)), task=task, answers=answers, comparison=comparison, reviews=tuple(reviews)
    )
