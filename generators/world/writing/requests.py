"""Instructions for a rubric: requests of people, about the longer words of its criterion."""

from __future__ import annotations

import re

from . import Wanted, part

_FORM = re.compile(r"^\[Instruction (\d+)\]\n\(", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{6,}")
_PEOPLE = (
    "I run a small bakery", "I teach a class of eleven-year-olds", "I am new in a software team",
    "I look after my father", "I am in my first year of nursing school", "I organise a street festival",
    "I repair bicycles", "I translate manuals", "I lead a choir", "I write a newsletter for tenants",
    "I am learning the language", "I coach a youth team", "I work at a help desk", "I have just moved to the coast",
    "I am planning a long train journey", "I keep bees",
)  # fmt: skip
_NEEDS = (
    "and a customer has asked me", "and I have to explain to others", "and tomorrow I must decide",
    "and I cannot find out", "and my colleagues disagree", "and I was told two different things",
    "and I want to do it right this time", "and there is little time left", "and I have to put in writing",
    "and a friend needs help with", "and I am unsure what to say", "and last time it went wrong with",
)  # fmt: skip
_ASKS = (
    "How would you deal with", "Please explain step by step", "Write something I can send about",
    "What should I know of", "Give me a plan for", "Compare the usual ways of", "Help me to prepare",
    "What would you advise on", "Draft a short text about", "Where do people go wrong with",
)  # fmt: skip


def reply(wanted: Wanted) -> str | None:
    """As many requests as the form has lines for; now and then two of them are the same."""
    numbers = _FORM.findall(wanted.prompt)
    if not numbers:
        return None
    criterion = part(wanted.prompt, "\nCriterion: ", "\n\nWrite ").partition("\n")[0]
    topics = list(dict.fromkeys(word.lower() for word in _WORD.findall(criterion) if word != "simulated"))
    topics = topics or ["the matter"]
    draws = wanted.chance.numbers("requests", wanted.call)
    texts = [_request(next(draws), topics) for _ in numbers]
    return "\n\n".join(f"[Instruction {number}]\n{text}" for number, text in zip(numbers, texts, strict=True))


def _request(number: int, topics: list[str]) -> str:
    """The request that the bits of a 64-bit number pick."""
    one, other = topics[(number >> 32) % len(topics)], topics[(number >> 40) % len(topics)]
    person, need = _PEOPLE[number % len(_PEOPLE)], _NEEDS[(number >> 8) % len(_NEEDS)]
    return f"[simulated] {person}, {need} {one}. {_ASKS[(number >> 16) % len(_ASKS)]} {other}?"
