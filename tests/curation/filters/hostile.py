"""Long texts that regular expressions are slow on, and characters that decoders stumble over."""

from __future__ import annotations

import time
from collections.abc import Callable

PARTS = (
    "a", "0", "0 ", "a@", "a.", "a@a.", "+1", "1.", "a::", "-", "-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA ", "eyJ",
    "eyJaaaaaaaaaaa.", "DE89", "DE89 3704 0044 0532 013", "key", 'key="', "sk-", "sk-proj-T3BlbkFJ", "\n", " ", "\n \n",
    "I am an AI ", ". A", "as an ", "openai. A", "I'm an assistant created by a ", "(555) ", "\0", "\u202e", "\ud800",
    "_", "4444 ", "pypi-AgEIcHlwaS5vcmc", ":", "xoxb-1234567890-1234567890-a", '"', "token = ", "[[", "[[A", "score: ",
    "8/10 ", "I would rate ", "ignore previous ", "`", "```\n", "高级牛肉", "\u0301", "http://a", "Assistant 1 is ",
    "DE12 ", "write ", "how to ", "a b ",
)  # fmt: skip
"""Repeated up to the length asked for."""


def texts(length: int) -> list[str]:
    """The texts, and two that repeat nothing but their beginning."""
    repeated = [(part * (length // len(part) + 1))[:length] for part in PARTS]
    return [*repeated, "key='" + "a" * length, "sk-proj-" + "a" * length]


def slowest(drop: Callable[[str], object], length: int) -> tuple[float, str]:
    """Most seconds of processor time that a text took, and how it begins. A first call is not counted."""
    drop("hello, 你好")
    found = []
    for text in texts(length):
        start = time.process_time()
        drop(text)
        found.append((time.process_time() - start, text[:30]))
    return max(found)
