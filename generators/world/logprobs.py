"""Token probabilities of a reply, as `choices[0].logprobs` of a chat completion holds them.

Shape: https://platform.openai.com/docs/api-reference/chat/object (`logprobs.content`). A token is a word with the blank
before it, a whole number, `[[` or `]]`, line breaks, or a single character. Scores and verdicts have the alternatives
that the teacher's opinion leaves open (`said.py`); every other token is nearly certain.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .said import Said, text_of

_TOKEN = re.compile(r" ?[^\W\d_]+|\d+|\[\[|\]\]|\n+|.", re.DOTALL)
_NEARLY_CERTAIN = -1e-5


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    weights: Mapping[str, float] = field(default_factory=dict)
    """Each text that could have come instead, this one among them; logarithms up to a constant."""


def logprobs(said: Said, text: str, top: int) -> dict[str, Any]:
    """Of a reply that is sent as `text`: `said`, its beginning, or something else that a fault put in its place.

    `top`: how many of the likeliest tokens are listed at each place, 0..20.
    """
    whole = text_of(said)
    tokens = _cut(_tokens(said), len(text)) if whole.startswith(text) else _plain(text)
    return {"content": [_shown(token, top) for token in tokens], "refusal": None}


def _plain(text: str) -> Iterator[_Token]:
    return (_Token(found[0]) for found in _TOKEN.finditer(text))


def _tokens(said: Said) -> list[_Token]:
    tokens: list[_Token] = []
    for piece in said:
        if isinstance(piece, str):
            tokens += _plain(piece)
            continue
        blank = ""
        if piece.text[0].isalpha() and tokens and tokens[-1].text == " ":
            blank = tokens.pop().text
        tokens.append(_Token(blank + piece.text, {blank + word: at for word, at in piece.weights().items()}))
    return tokens


def _cut(tokens: Iterable[_Token], length: int) -> Iterator[_Token]:
    """The tokens of the first so many characters."""
    for token in tokens:
        if length < len(token.text):
            yield from [_Token(token.text[:length])] if length else []
            return
        length -= len(token.text)
        yield token


def _shown(token: _Token, top: int) -> dict[str, Any]:
    total = math.log(sum(math.exp(weight) for weight in token.weights.values())) if token.weights else 0
    known = {word: weight - total for word, weight in token.weights.items()} or {token.text: _NEARLY_CERTAIN}
    likeliest = sorted(known, key=lambda word: (-known[word], word != token.text))
    return {**_entry(token.text, known[token.text]), "top_logprobs": [_entry(w, known[w]) for w in likeliest[:top]]}


def _entry(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}
