"""Scores weighed by their probabilities, from token lists as endpoints send them, through the judges' own readers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import orjson
import pytest

from prefmill.generators.expected import Unweighed, expected_scores
from prefmill.generators.judges import Judge, Reading
from prefmill.generators.judges.criteria import Criteria
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.judges.mt_bench_pair import MTBenchPair
from prefmill.generators.judges.pandalm import PandaLM
from prefmill.generators.judges.prometheus_relative import PrometheusRelative
from prefmill.generators.judges.ultrafeedback import UltraFeedback
from prefmill.generators.probabilities import Token, packed, unpacked
from prefmill.schemas.errors import Unreadable
from prefmill.schemas.rows import Answer, Message, Task
from prefmill.schemas.ultrafeedback_aspects import ASPECTS, TYPED

Piece = str | tuple[str, Mapping[str, float]]
"""A token that is certain, or one with the probabilities of its alternatives; the token has what they leave."""


def tokens(*pieces: Piece) -> tuple[Token, ...]:
    made = []
    for piece in pieces:
        text, others = (piece, {}) if isinstance(piece, str) else piece
        listed = tuple(sorted(others.items(), key=lambda item: -item[1]))
        made.append(Token(text, 1 - sum(others.values()), listed))
    return tuple(made)


def weigh(judge: Judge, *parts: Sequence[Token], answers: int = 2) -> tuple[float, ...]:
    replies = [("".join(token.text for token in part), part) for part in parts]
    return expected_scores(replies, lambda texts: judge.read_all(texts, answers).scores, answers)


MAYBE = {"7": 0.3, "9": 0.1}
"""Beside an 8: 0.6 * 8 + 0.3 * 7 + 0.1 * 9 = 7.8."""


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([("8", MAYBE), " ", ("3", {"4": 0.5}), "\n"], (7.8, 3.5)),
        ([("8", MAYBE), (" 3", {" 4": 0.25, "  5": 0.25}), "\n", "So."], (7.8, 3.75)),
        ([("8", {" 7": 0.3, "\n9": 0.1}), " ", "3"], (7.8, 3)),
        ([("8 ", {"7 ": 0.3, "9\t": 0.1}), "3\n"], (7.8, 3)),
        ([("8", {"7": 0.15, " 7": 0.15, "9": 0.05, "\n9": 0.05}), " 3"], (7.8, 3)),
        ([("10", {"9": 0.2, "1": 0.1}), " 3"], (8.9, 3)),
        ([("9", {"10": 0.2, "1": 0.1}), " 3"], (8.4, 3)),
        ([("8.5", {"8": 0.5}), ", ", "3"], (8.25, 3)),
        (["8", (".", {" ": 0.5}), ("5", {"0": 0.5}), " 3"], (8.125, 3)),
    ],
    ids=["digits", "leading blanks", "other blanks", "trailing blanks", "spellings add up", "10 in one token",
         "10 as an alternative", "decimals in one token", "decimals in three tokens"],
)  # fmt: skip
def test_numbers(pieces: list[Piece], expected: tuple[float, float]) -> None:
    assert weigh(JudgeLM(), tokens(*pieces)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        # 1 goes on with 0, or it ends: 0.7 * (0.8 * 10 + 0.2 * 1) + 0.2 * 9 + 0.1 * 8
        ([("1", {"9": 0.2, "8": 0.1}), ("0", {" ": 0.15, "\n": 0.05}), " 3"], (8.34, 3)),
        # 1 ends, or it goes on: 0.7 * (0.75 * 1 + 0.25 * 10) + 0.3 * 2; the second score is 3 or 4 where it ends
        ([("1", {"2": 0.3}), (" 3", {"0": 0.25, " 4": 0.25}), "\n"], (2.875, 10 / 3)),
        # The 1 may be the beginning of a 10: no weight. 0.5 * 9 + 0.3 * 8 over 0.8
        ([("9", {"8": 0.3, "1": 0.2}), " 3"], (6.9 / 0.8, 3)),
        # This tokeniser writes 12 as one token: the 1 is a 1.
        ([("9", {"8": 0.3, "1": 0.2}), " 3", "\n", "12", "."], (7.1, 3)),
        ([("9", {"8": 0.3, "1": 0.2}), " 3", "\n", ("So", {" 2024": 1e-9})], (7.1, 3)),
        # Beside a 2 it is a 1, too.
        ([("2", {"3": 0.3, "1": 0.2}), " 3"], (2.1, 3)),
        # " 1" is the same beginning as "1".
        ([("1", {" 1": 0.2, "9": 0.3}), ("0", {" ": 0.5}), " 3"], (0.7 * 5.5 + 2.7, 3)),
        # 8/10 and 8. are neither an 8 nor anything else.
        (["8", (" ", {"/": 0.3, ".": 0.3, "th": 0.1}), "3"], (8, 3)),
    ],
    ids=["goes on", "ends", "ambiguous", "merged elsewhere", "merged in an alternative", "near", "blanks", "neither"],
)
def test_numbers_of_a_tokeniser_that_splits_digits(pieces: list[Piece], expected: tuple[float, float]) -> None:
    assert weigh(JudgeLM(), tokens(*pieces)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "mark",
    [
        ["[[", ("A", {"B": 0.3, "C": 0.1}), "]]"],
        [" [[", ("A", {"B": 0.3, "C": 0.1}), "]]"],
        ["[[A", "]]"],
        [("[[A", {"[[B": 0.3, "[[C": 0.1}), "]]"],
        ["[[", ("A]]", {"B]]": 0.3, "C]]": 0.1})],
    ],
    ids=["apart", "blank before", "certain", "opened", "closed"],
)
def test_verdict_letters(mark: list[Piece]) -> None:
    found = weigh(MTBenchPair(), tokens(("Because", {"Since": 0.4}), " A", " [[B]] is tempting.\n", *mark))
    assert found == pytest.approx((1, 0) if mark[0] == "[[A" else (0.65, 0.35))


def test_what_the_reader_refuses_carries_no_weight() -> None:
    found = weigh(MTBenchPair(), tokens("Both. [[", ("A", {"B": 0.2, "D": 0.3, "Assistant": 0.1, "a": 0.2}), "]]"))
    assert found == pytest.approx((0.5, 0.5))
    assert weigh(JudgeLM(), tokens(("9", {"I": 0.3, "0": 0.1, "11": 0.1, "\n": 0.1}), " 3")) == (9, 3)


def test_words_and_numbers_may_stand_for_each_other() -> None:
    after = "\n\n### Reason: Tie or not.\n\n### Reference: Text."
    assert weigh(PandaLM(), tokens(("Tie", {"1": 0.3, "2": 0.1}), after)) == pytest.approx((0.6, 0.4))
    assert weigh(PandaLM(), tokens(("1", {"T": 0.4}), after)) == (1, 0)
    assert weigh(PandaLM(), tokens(("T", {"1": 0.4}), ("ie", {"he": 0.5}), after)) == pytest.approx(
        (0.55 / 0.7, 0.15 / 0.7)
    )


def test_only_what_the_reader_reads_counts() -> None:
    """The scores are repeated, with other alternatives, in the explanation."""
    said: list[Piece] = [" The first gets ", ("8", {"1": 0.5}), " and the second ", ("3", {"9": 0.5}), "."]
    assert weigh(JudgeLM(), tokens(("8", MAYBE), " 3", "\n", *said)) == pytest.approx((7.8, 3))
    relative: list[Piece] = [("A", {"B": 0.5}), " is better. [RESULT] ", ("A", {"B": 0.1})]
    assert weigh(PrometheusRelative(), tokens(*relative)) == pytest.approx((0.9, 0.1))


class Json(Judge):
    """A plug-in of somebody else: JSON, with a winner in words and how sure it is."""

    most_answers = 2

    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        return (Message(role="user", content="?"),)

    def read(self, reply: str, answers: int) -> Reading:
        try:
            said = orjson.loads(reply)
            sure = {"first": 1, "second": -1, "neither": 0}[said["winner"]] * said["sure"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise Unreadable("no verdict") from error
        return Reading((sure / 2, -sure / 2), said["why"])


def test_json_replies() -> None:
    pieces: list[Piece] = [
        '{"', "why", '": "', ("first", {"second": 0.5}), ' comes first", "winner": "',
        ("first", {"second": 0.25, "sec": 0.1, "neither": 0.05}), '", "sure": ', ("4", {"2": 0.5}), "}",
    ]  # fmt: skip
    # (0.6 - 0.25) / 0.9 of 4, and 3 instead of 4.
    found = weigh(Json(), tokens(*pieces))
    assert found[0] == pytest.approx((4 * 0.35 / 0.9 + 3 - 4) / 2)
    assert found[1] == -found[0]


def test_several_places_add_up() -> None:
    """Three criteria an answer: the total's expectation is the sum of the expectations, also where changes cancel."""
    lines: list[Piece] = []
    for number, scores in ((1, ("3", "2", "4")), (2, ("1", "1", "1"))):
        for name, score in zip(("Relevance", "Coherence", "Completeness"), scores, strict=True):
            other = {"3": "4", "2": "1"}.get(score)
            lines += [
                f"Response {number} | {name} | Said in 3 words. |",
                (f" {score}", {f" {other}": 0.5} if other else {}),
                "\n",
            ]
    assert weigh(Criteria(), tokens(*lines)) == pytest.approx((9, 3))
    assert weigh(Criteria(), tokens(*lines[:4], (" 2", {" 4": 0.5}), *lines[5:])) == pytest.approx((3.5 + 3 + 4, 3))


def test_a_reply_of_several_parts() -> None:
    parts = []
    for aspect in ASPECTS:
        typed = "Type: None\nRationale: 1 or 2.\n" if aspect in TYPED else ""
        pieces: list[Piece] = []
        for number in (1, 2):
            pieces += [f"#### Output for Text {number}\n{typed}Rating: ", ("4", {"5": 0.5} if number == 1 else {})]
            pieces += [f"\nRationale: Text {number}.\n"]
        parts.append(tokens(*pieces))
    assert weigh(UltraFeedback(), *parts) == pytest.approx((4.5, 4))
    assert weigh(
        UltraFeedback(), tokens("".join(token.text for token in parts[0]), ("", {"x": 0.1})), *parts[1:]
    ) == pytest.approx((4.375, 4))


def test_reasons_why_not() -> None:
    with pytest.raises(Unweighed, match="no alternatives"):
        weigh(JudgeLM(), tokens("8", " 3"))
    with pytest.raises(Unweighed, match="do not spell"):
        expected_scores([("8 4", tokens(("8", MAYBE), " 3"))], lambda texts: JudgeLM().read_all(texts, 2).scores, 2)


def test_tokens_outside_the_text_do_not_count() -> None:
    """Reasoning that the server keeps back comes before it, the end mark after it; blanks may be stripped."""
    hidden = tokens(
        "<think>", ("9", {"1": 0.5}), " 9", "</think>", " \n\n", ("8", MAYBE), " 3", ("<|im_end|>", {"0": 0.3})
    )
    found = expected_scores([("8 3", hidden)], lambda texts: JudgeLM().read_all(texts, 2).scores, 2)
    assert found == pytest.approx((7.8, 3))


def entry(text: str, logprob: float, **others: float) -> dict[str, Any]:
    listed = {text: logprob, **{word: log(chance) for word, chance in others.items()}}
    return {
        "token": text,
        "logprob": logprob,
        "bytes": list(text.encode()),
        "top_logprobs": [{"token": word, "logprob": at, "bytes": list(word.encode())} for word, at in listed.items()],
    }


def test_what_the_ledger_keeps() -> None:
    sent = {"content": [entry("8", log(0.6), **MAYBE, zero=1e-7, ten=1e-5), entry(" 3", -0.0, **{"10": 1e-7})]}
    kept = packed(sent)
    assert kept is not None
    assert unpacked(kept) == (
        Token("8", 0.6, (("7", 0.3), ("9", 0.1), ("ten", 1e-5))),
        Token(" 3", 1.0, (("10", 1e-7),)),
    )


@pytest.mark.parametrize(
    "sent",
    [None, [], {}, {"content": None}, {"content": []}, {"content": [1]}, {"content": "8"},
     {"content": [{"token": "8"}]}, {"content": [{"token": 8, "logprob": 0, "top_logprobs": [{}]}]},
     {"content": [{"token": "8", "logprob": "x"}]}],
)  # fmt: skip
def test_what_is_no_list_of_tokens_is_none(sent: object) -> None:
    assert packed(sent) is None


def test_a_character_in_several_tokens_belongs_to_the_last() -> None:
    """Byte-level tokenisers split rare characters; the pieces alone are no text."""
    text = "8 3\n☀!"
    pieces = [b"8", b" 3", b"\n", "☀".encode()[:2], "☀".encode()[2:], b"!"]
    content = [
        {**entry(piece.decode(errors="replace"), log(0.9)), "bytes": list(piece)} for piece in pieces
    ]  # fmt: skip
    content[0] = entry("8", log(0.6), **MAYBE)
    kept = packed({"content": content})
    assert kept is not None
    assert "".join(token.text for token in unpacked(kept)) == text
    found = expected_scores([(text, unpacked(kept))], lambda texts: JudgeLM().read_all(texts, 2).scores, 2)
    assert found == pytest.approx((7.8, 3))


def test_a_long_explanation_costs_little() -> None:
    """500 tokens with 20 alternatives each. The bound is three times what it takes, in time of this process."""
    words = ["which", "is", "better", "founded", "than", "A", "B", "the", "7", "or", "it", "may", "seem", "at", "first"]
    prose: list[Piece] = [
        (f" {words[number % len(words)]}", {f" {word}{number}": 0.02 for word in (*words, "x", "y", "z", "u", "v")})
        for number in range(500)
    ]
    first = tokens(("8", MAYBE), " 3", "\n", *prose)
    last = tokens(*prose, "\n[[", ("A", {"B": 0.4}), "]]")
    started = time.process_time()
    for _ in range(5):
        assert weigh(JudgeLM(), first) == pytest.approx((7.8, 3))
        assert weigh(MTBenchPair(), last) == pytest.approx((0.6, 0.4))
    assert (time.process_time() - started) / 10 < 0.03
