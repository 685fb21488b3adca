"""A chat completion's request body as vLLM's engine takes it.

The body is read by the very class that vLLM's server reads it with, and defaults, `max_tokens` and the chat template
are applied as `OpenAIServingChat.create_chat_completion` applies them
(vllm/entrypoints/openai/chat_completion/serving.py of 0.26 to 0.33), so that a model answers alike through either.
Two things differ: a parameter that would have no effect is refused, not ignored, and a request without a seed gets
the one that comes with it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import msgspec
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.serve.utils.api_utils import get_max_tokens
from vllm.sampling_params import StructuredOutputsParams
from vllm.utils.mistral import is_mistral_tokenizer

CONSTRAINTS = ("response_format", "structured_outputs")
TAKEN = frozenset({
    "add_generation_prompt", "add_special_tokens", "allowed_token_ids", "bad_words", "chat_template",
    "chat_template_kwargs", "continue_final_message", "documents", "frequency_penalty", "ignore_eos",
    "include_stop_str_in_output", "logit_bias", "logprob_token_ids", "logprobs", "max_completion_tokens", "max_tokens",
    "min_p", "min_tokens", "presence_penalty", "reasoning_effort", "repetition_detection", "repetition_penalty",
    "skip_special_tokens", "spaces_between_special_tokens", "stop", "stop_token_ids", "temperature",
    "thinking_token_budget", "top_k", "top_logprobs", "top_p", "truncate_prompt_tokens", "truncation_side",
    "vllm_xargs", *CONSTRAINTS,
})  # fmt: skip
"""Parameters that have an effect here, beside `model`, `messages` and `seed`; of those, the ones this vLLM has."""
INSTEAD = {
    "n": "each sample is a call of its own, with its own seed; the prompt is computed once (set `samples`)",
    "guided_json": "vLLM has dropped it: structured_outputs: {json: …}",
    "guided_regex": "vLLM has dropped it: structured_outputs: {regex: …}",
    "guided_choice": "vLLM has dropped it: structured_outputs: {choice: […]}",
    "guided_grammar": "vLLM has dropped it: structured_outputs: {grammar: …}",
    "guided_decoding_backend": "set the model's `structured_outputs`",
    "priority": "requests are worked on in the order in which they come",
    "stream": "replies come whole",
}
"""Why a parameter is refused, or what to write in its place."""


class Refused(Exception):
    """A request that is not taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A request as the engine takes it."""

    prompt: Any
    """The rendered and tokenised prompt."""
    params: Any
    """vLLM's `SamplingParams`."""
    shown: int | None
    """Alternatives to show of each token; None where no probabilities are wanted."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What requests with the same parameters share."""

    request: Any
    chat: Any
    tokens: Any
    constrained: bool
    shown: int | None


class Forms:
    """Makes requests ready for one model."""

    def __init__(self, llm: Any) -> None:  # noqa: ANN401 - vLLM has no types here
        config = llm.model_config
        self._config, self._renderer, self._template = config, llm.renderer, llm.chat_template
        self._defaults = config.get_diff_sampling_param()
        own = config.generation_config not in ("auto", "vllm")
        override = getattr(config, "override_generation_config", {})
        self._most = self._defaults.get("max_tokens") if own else override.get("max_new_tokens")
        self._rendering = {"tokenize": is_mistral_tokenizer(llm.renderer.tokenizer) or config.enable_prompt_embeds}
        self._fast = getattr(llm.renderer.tokenizer, "_tokenizer", None) is not None
        # Nearly all requests of a run have the parameters of a few recipe entries.
        self._form = lru_cache(maxsize=256)(self._new_form)

    def ready(self, body: dict[str, Any], seed: int) -> Ready:
        """Render, tokenise and check a request. Raises `Refused`."""
        messages, asked_seed = body.pop("messages"), body.pop("seed", None)
        body.pop("model", None)
        try:
            form = self._form(msgspec.json.encode(body, order="deterministic"))
            _, (prompt,) = self._renderer.render_chat([messages], form.chat, form.tokens)
            form.request.seed = seed if asked_seed is None else asked_seed
            params = self._params(form.request, len(prompt["prompt_token_ids"]))
        except Exception as error:  # Of vLLM, pydantic, the tokeniser, the template: over this request only.
            raise Refused(one_line(error)) from error
        if form.constrained and (params.structured_outputs is None or params.structured_outputs.all_constraints_none()):
            raise Refused("vLLM has made no constraint of `response_format` or `structured_outputs`")
        return Ready(prompt, params, form.shown)

    def _params(self, request: Any, prompt_tokens: int) -> Any:  # noqa: ANN401 - vLLM's
        wanted = request.max_tokens if request.max_completion_tokens is None else request.max_completion_tokens
        allowed = get_max_tokens(self._config.max_model_len, wanted, prompt_tokens, self._defaults, self._most)
        params = request.to_sampling_params(allowed, self._defaults)
        if request.logprobs and self._fast and params.skip_special_tokens and not params.stop:
            # Decoding twenty alternatives a token as they come takes vLLM most of its time; `answering.py` does it.
            params.flat_logprobs, params.detokenize = True, False
        return params

    def _new_form(self, written: bytes) -> _Form:
        body = msgspec.json.decode(written)
        known = TAKEN & ChatCompletionRequest.model_fields.keys()
        for name, value in body.items():
            if name not in known and (name, value) != ("n", 1):
                why = INSTEAD.get(name) or f"known: {', '.join(sorted(known))}"
                raise Refused(f"{name}: this parameter is not taken; {why}")
        ways = {field.name for field in fields(StructuredOutputsParams) if field.init}
        for name in (body.get("structured_outputs") or {}).keys() - ways:
            raise Refused(f"structured_outputs: {name}: not known; known: {', '.join(sorted(ways))}")
        request = ChatCompletionRequest.model_validate({**body, "messages": []})
        chat = request.build_chat_params(self._template, "auto").with_defaults(self._rendering)
        free = {"type": "text"}
        constrained = any(body.get(name) not in (None, free) for name in CONSTRAINTS)
        shown = -1 if request.logprob_token_ids else request.top_logprobs or 0
        return _Form(
            request, chat, request.build_tok_params(self._config), constrained, shown if request.logprobs else None
        )


def one_line(error: BaseException) -> str:
    """An error as one line; pydantic's as its first complaint, with the parameter it is about."""
    errors = getattr(error, "errors", None)
    if callable(errors):
        first = errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return " ".join(str(error).split()) or type(error).__name__
