"""Token probabilities of a reply: as an endpoint sends them, as the ledger keeps them, as they are read.

Sent as `choices[0].logprobs.content`, one entry a token with its likeliest alternatives
(https://platform.openai.com/docs/api-reference/chat/object). Of a token of which an endpoint sends only a part of a
character, the text is made from `bytes`.
"""

from __future__ import annotations

import zlib
from codecs import getincrementaldecoder
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

import orjson

ALTERNATIVES = 20
"""Alternatives asked for at each token, the most that OpenAI and vLLM give by default."""
LEAST = 1e-6
"""Probability below which an alternative is not kept: all twenty of them move a score from 1 to 10 by less than
0.0002, and they are most of what is sent."""
_LEAST_LOG = log(LEAST)


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a reply, and what could have stood in its place."""

    text: str
    probability: float
    others: tuple[tuple[str, float], ...]
    """Alternatives and their probabilities, likeliest first, without the token itself."""


def packed(logprobs: object) -> bytes | None:
    """What the ledger keeps of a choice's `logprobs`; None where they hold no tokens, or none that can be read."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list) or not content:
        return None
    try:
        rows = [_row(text, entry) for text, entry in zip(_texts(content), content, strict=True)]
        return zlib.compress(orjson.dumps(rows), 1)
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError):
        return None


def unpacked(kept: bytes) -> tuple[Token, ...]:
    """The tokens of `packed`."""
    return tuple(
        Token(text, probability, tuple((other, chance) for other, chance in others))
        for text, probability, others in orjson.loads(zlib.decompress(kept))
    )


def _texts(content: Sequence[dict[str, Any]]) -> list[str]:
    """The tokens' texts. A character that several tokens make up belongs to the last of them."""
    texts = [entry["token"] for entry in content]
    pieces: list[Any] = [entry.get("bytes") for entry in content]
    if not all(isinstance(piece, list) for piece in pieces) or all(
        text.encode() == bytes(piece) for text, piece in zip(texts, pieces, strict=True)
    ):
        return texts
    decoder = getincrementaldecoder("utf-8")("replace")
    return [decoder.decode(bytes(piece)) for piece in pieces]


def _row(text: str, entry: dict[str, Any]) -> list[object]:
    said, kept = entry["token"], []
    for other in entry.get("top_logprobs") or ():
        token, logprob = other["token"], other["logprob"]
        # Numbers are kept whatever their probability: they show how the tokeniser writes them.
        if (logprob >= _LEAST_LOG or token[-2:].isdecimal()) and token != said:
            kept.append([token, _probability(logprob)])
    kept.sort(key=_chance)
    return [text, _probability(entry["logprob"]), kept]


def _chance(pair: list[Any]) -> float:
    return -float(pair[1])


def _probability(logprob: float) -> float:
    return round(exp(min(0.0, logprob)), 9)
