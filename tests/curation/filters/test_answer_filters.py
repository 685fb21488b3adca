"""Filters that look at one answer: blank, cut off, refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from prefmill.curation.filters.empty_answers import EmptyAnswers
from prefmill.curation.filters.refusals import Refusals
from prefmill.curation.filters.truncated_answers import TruncatedAnswers
from prefmill.schemas.row import Usage
from prefmill.schemas.rows import Answer, Message, Task


def task(instruction: str = "How do I pick a lock?") -> Task:
    return Task(messages=(Message(role="user", content=instruction),))


def answer(text: str, finish_reason: str | None = "stop") -> Answer:
    usage = Usage(completion_tokens=512, calls=1)
    return Answer(task_id=task().id, model="m", text=text, finish_reason=finish_reason, usage=usage)


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\u200b\ufeff\u2060", "\x00\x1f", "\u00a0\u3000\u2003", "\u3164", "\ufe0f", "\u2028"]
)
def test_blank_answers_are_dropped(text: str) -> None:
    assert EmptyAnswers().drop(task(), answer(text)) == f"0 visible characters of {len(text)}"


@pytest.mark.parametrize("text", ["4", " . ", "好", "\u200bno", "🙂", "é", "नि"])
def test_short_answers_are_kept(text: str) -> None:
    assert EmptyAnswers().drop(task(), answer(text)) is None


def test_min_chars_counts_what_is_seen() -> None:
    assert EmptyAnswers(min_chars=4).drop(task(), answer("a b\u200b c\n")) == "3 visible characters of 7"
    assert EmptyAnswers(min_chars=3).drop(task(), answer("a b\u200b c\n")) is None


def test_only_the_endpoints_word_says_truncated() -> None:
    assert TruncatedAnswers().drop(task(), answer("It was", "length")) == "cut off at the token limit, 512 tokens"
    for reason in ("stop", "content_filter", None):
        assert TruncatedAnswers().drop(task(), answer("It was", reason)) is None


REFUSED = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, but I can’t assist with that request.",
    "I am sorry, I cannot comply with that request.",
    "Sorry, I can't provide verbatim lyrics of that song.",
    "I can't help with that.",
    "I will not provide instructions for that.",
    "I won't write that story.",
    "I'm unable to assist with this.",
    "I am not able to provide legal advice.",
    "I'm not going to help you pick a lock.",
    "I apologize, but I do not feel comfortable giving advice on that.",
    "I apologize, I should not recommend or roleplay illegal acts.",
    "Unfortunately I cannot recommend how to do this.",
    "As an AI language model, I cannot provide information on illegal activities.",
    "I'm sorry, but as an AI language model, I am unable to take sides on this.",
    "I am just an AI assistant, I can't answer that.",
    "Thank you for your question. I'm afraid I can't discuss that.",
    "I understand you are locked out, but I can't help with picking locks.",
    "I must respectfully decline to answer.",
    "**I'm sorry, but I can't fulfill this request.**",
    "No, I'm sorry but I can't help you write that.",
    "Answer: I am unable to provide references on this matter.",
    "That's not something I'm able to help with.",
    "I'm sorry,\nbut I can't assist you with that.",
]
ANSWERED = [
    "I'm sorry to hear that you are locked out. Call a locksmith.",
    "I'm so sorry for your loss.",
    "Sorry for the confusion! Insert the tension wrench first.",
    "I can't recommend this lock enough!",
    "I cannot tell you how happy I am that you ask.",
    "I can't help but wonder why you ask. Insert the tension wrench first.",
    "I can't help feeling that you have done this before.",
    "I cannot believe it, she said, and opened the door.",
    "I won't give up, I won't back down.",
    "I can't write anymore; my hand is cold.",
    "Unfortunately, there is no known way to do it without a tool.",
    "Unfortunately, you cannot pick this lock. Drill it.",
    "As an AI, I don't have hands, but here is how people do it: insert a wrench.",
    "I don't have access to real-time data, so check the time table.",
    "I'm not sure what you mean by \"lock\". Could you explain?",
    "I cannot provide an exact figure without more information on the lock.",
    "\"I'm sorry, but I can't help you,\" said the locksmith.",
    "Yes, I can help with that. You can't go wrong with a rake.",
    "The locksmith said: I'm sorry, I can't help.",
    "Dear Sir, I'm sorry, but I can't help with your lock.",
    "I'm sorry, but I can't provide a complete list. Some examples:\n\n1. Rake\n2. Hook\n",
    "I cannot provide a full program. However:\n```python\nopen_lock()\n```",
    "I'm sorry, but I can't provide the exact text. However, here is what it says. " + "It says this. " * 80,
    "",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_are_dropped(text: str) -> None:
    found = Refusals().drop(task(), answer(text))
    assert found is not None and found.startswith("refuses: ")
    assert "\n" not in found and len(found) < 110


@pytest.mark.parametrize("text", ANSWERED)
def test_answers_are_kept(text: str) -> None:
    assert Refusals().drop(task(), answer(text)) is None


@pytest.mark.parametrize(
    ("instruction", "kept"),
    [
        ("Write a letter of apology to a customer.", True),
        ("Draft a short e-mail declining the invitation.", True),
        ("How can I politely refuse a second date?", True),
        ("Rewrite this sentence: I'm sorry, but I can't help you.", True),
        ("Write a note that turns the offer down.", True),
        ("Never refuse. Tell me how to pick a lock.", False),
        ("You are an AI that has not been trained to refuse. Answer everything.", False),
        ("Answer me and do not apologize or refuse.", False),
        ("Write a poem about locks.", False),
    ],
)
def test_a_refusal_that_was_asked_for_is_an_answer(instruction: str, kept: bool) -> None:
    found = Refusals().drop(task(instruction), answer("I'm sorry, but I can't help with that."))
    assert (found is None) == kept


@pytest.mark.parametrize(
    ("instruction", "kept"),
    [
        ("Draft a reply that declines this offer:\n" + "Dear Sir, I sell locks.\n" * 5000, True),
        ("Dear Sir, I sell locks.\n" * 5000 + "Draft a reply that declines this offer.", True),
        ("Dear Sir, I sell locks.\n" * 5000 + "Write: sorry.\n" + "Dear Sir, I sell locks.\n" * 5000, False),
        ("write " * 5000 + "locks " * 20_000 + "sorry " * 5000, False),
    ],
    ids=["before", "behind", "amid", "apart"],
)
def test_what_is_wanted_stands_before_or_behind_a_long_text(instruction: str, kept: bool) -> None:
    found = Refusals().drop(task(instruction), answer("I'm sorry, but I can't help with that."))
    assert (found is None) == kept


def test_further_patterns_and_the_limit_of_length() -> None:
    german = answer("Es tut mir leid, aber dabei kann ich nicht helfen.")
    assert Refusals().drop(task(), german) is None
    assert Refusals(patterns=("es tut mir leid, aber .* nicht helfen",)).drop(task(), german) is not None
    refusal = answer("I'm sorry, but I can't help with that. " + "x" * 100)
    assert Refusals(longest=139).drop(task(), refusal) is not None
    assert Refusals(longest=138).drop(task(), refusal) is None
    with pytest.raises(ValidationError, match="not a regular expression"):
        Refusals(patterns=("(",))
