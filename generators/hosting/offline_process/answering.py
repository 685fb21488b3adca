"""What vLLM's engine has finished, as the reply that goes back.

Token probabilities are written as `choices[0].logprobs` of a chat completion, texts and order as vLLM's server makes
them (`OpenAIServingChat._create_chat_logprobs`, vllm/entrypoints/openai/chat_completion/serving.py), without `bytes`,
which there are those of the text.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from vllm.v1.engine.detokenizer import FastIncrementalDetokenizer
from vllm.v1.engine.logprobs import LogprobsProcessor

from .asking import Ready

LEAST_LOGPROB = -9999.0
"""What vLLM's server sends at least: JSON has no minus infinity."""
BROKEN = "\ufffd"
"""What a tokeniser makes of a part of a character."""
CONTEXT = 4
"""Tokens before one that may hold the beginning of its character: UTF-8 has four bytes at most."""


class Answers:
    """Writes the replies of one model."""

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - vLLM's
        self._tokenizer = tokenizer
        self._texts: dict[int, str] = {}
        self._repair = LogprobsProcessor(tokenizer, None, None, None, None, None)._correct_decoded_token

    def reply(self, number: int, output: Any, ready: Ready) -> dict[str, Any]:  # noqa: ANN401 - vLLM's
        """The reply to request `number`, which was asked as `ready`."""
        said = output.outputs[0]
        reply = {
            "id": number,
            "text": said.text,
            "finish": said.finish_reason,
            "prompt_tokens": len(output.prompt_token_ids or ()),
            "cached_tokens": output.num_cached_tokens or 0,
            "completion_tokens": len(said.token_ids),
        }
        if ready.shown is None or said.logprobs is None:
            return reply
        flat = hasattr(said.logprobs, "start_indices")
        if flat:
            reply["text"] = self._text(output, ready.params)
        steps = self._flat(said.logprobs) if flat else [_decoded(step) for step in said.logprobs]
        reply["logprobs"] = {"content": [_entry(step, ready.shown) for step in steps]}
        return reply

    def _text(self, output: Any, params: Any) -> str:  # noqa: ANN401 - vLLM's
        """All tokens at once, by what vLLM decodes them with as they come: without the one that ended the reply unless
        that is wanted, and beginning anew where bytes that are no UTF-8 break the decoder (vLLM issue 17448)."""
        said = output.outputs[0]
        request = SimpleNamespace(
            request_id=output.request_id, prompt_token_ids=output.prompt_token_ids, sampling_params=params
        )
        decoder = FastIncrementalDetokenizer(self._tokenizer, request)
        decoder.update(list(said.token_ids), said.finish_reason == "stop")
        return str(decoder.output_text)

    def _flat(self, logprobs: Any) -> list[list[tuple[str, float]]]:  # noqa: ANN401 - vLLM's
        """The tokens' texts and logarithms, at each place first the one that was drawn."""
        steps: list[list[tuple[str, float]]] = []
        drawn: list[int] = []
        for begin, end in zip(logprobs.start_indices, logprobs.end_indices, strict=True):
            ids = logprobs.token_ids[begin:end]
            # The drawn token may stand among the likeliest as well.
            once = dict(zip(ids, logprobs.logprobs[begin:end], strict=True))
            steps.append([(self._token(token, drawn[-CONTEXT:]), value) for token, value in once.items()])
            drawn.append(ids[0])
        return steps

    def _token(self, token: int, before: list[int]) -> str:
        text = self._texts.get(token)
        if text is None:
            text = self._texts[token] = self._tokenizer.decode([token])
        return self._repair(token, before) if text.endswith(BROKEN) else text


def _decoded(step: dict[int, Any]) -> list[tuple[str, float]]:
    return [(one.decoded_token or "", one.logprob) for one in step.values()]


def _entry(step: list[tuple[str, float]], shown: int) -> dict[str, Any]:
    """The drawn token stands first in `step`; of the others so many as were asked for, as vLLM's server counts."""
    (text, value), top = step[0], step if shown < 0 else step[:shown]
    return {
        "token": text,
        "logprob": max(value, LEAST_LOGPROB),
        "top_logprobs": [{"token": token, "logprob": max(logprob, LEAST_LOGPROB)} for token, logprob in top],
    }
