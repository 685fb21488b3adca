"""What is asked of a model, and the key under which the call is known: the ledger's key and a batch item's id."""

from __future__ import annotations

import orjson

from ..schemas.row import digest
from .probabilities import ALTERNATIVES
from .providers import Provider, Request


def request_body(provider: Provider, request: Request) -> bytes:
    """What is asked, as canonical JSON: the request body that goes to the endpoint, without address or key."""
    asked = {
        "model": provider.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        **request.sampling.body,
    }
    if request.probabilities:
        asked |= {"logprobs": True, "top_logprobs": ALTERNATIVES}
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)


def call_key(provider: Provider, body: bytes, sample: int) -> str:
    """Ledger key of a call: 32 hex digits over the recipe's name for the model, what is asked, and which draw it is.

    The address is not in it: a server that comes back on another port still has its calls.
    """
    return digest(provider.label, body.decode(), sample, size=16)
