"""Sampling parameters, by the names of the OpenAI API and vLLM's extra parameters."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import Field, FieldSerializationInfo, field_serializer, field_validator

from .frozen import Frozen, derived

AS_ARROW = {"free_form": "json"}
"""pydantic serialisation context under which free-form maps are written as JSON text, which Arrow can store."""


class Sampling(Frozen):
    """How a model draws its reply. A parameter left out is not sent: the endpoint's own default holds."""

    temperature: float | None = Field(None, ge=0, le=2)
    """0 (greedy) to 2."""
    top_p: float | None = Field(None, gt=0, le=1)
    """Nucleus sampling: keep the smallest set of tokens with this probability."""
    top_k: int | None = Field(None, ge=-1)
    """Keep the k likeliest tokens; -1 keeps all. Not part of OpenAI's API: sent in the extra body (vLLM reads it)."""
    min_p: float | None = Field(None, ge=0, le=1)
    """Drop tokens below this share of the likeliest one's probability. Extra body, as `top_k`."""
    repetition_penalty: float | None = Field(None, gt=0)
    """Multiplicative penalty on seen tokens, 1 = none. Extra body, as `top_k`."""
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    """Penalty on tokens that occurred at all."""
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    """Penalty on tokens by how often they occurred."""
    max_tokens: int | None = Field(None, ge=1)
    """Upper bound of reply tokens; a reply that reaches it has finish reason `length`."""
    max_completion_tokens: int | None = Field(None, ge=1)
    """The same for OpenAI's reasoning models, which refuse `max_tokens`."""
    stop: tuple[str, ...] = ()
    """Texts that end the reply."""
    seed: int | None = None
    """Seed sent to the endpoint; sample k of a task gets `seed + k`."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Anything else the endpoint reads, merged into the request body as it stands."""

    @field_validator("extra_body", mode="before")
    @classmethod
    def _from_json(cls, value: object) -> object:
        return orjson.loads(value) if isinstance(value, str) else value

    @field_serializer("extra_body")
    def _to_json(self, value: dict[str, Any], info: FieldSerializationInfo) -> dict[str, Any] | str:
        return orjson.dumps(value).decode() if info.context is AS_ARROW else value

    @derived
    def body(self) -> dict[str, Any]:
        """What of it goes into a request body: parameters left out are not there, `extra_body` is merged in."""
        chosen = self.model_dump(exclude={"extra_body"}, exclude_none=True)
        if not self.stop:
            del chosen["stop"]
        return {**chosen, **self.extra_body}
