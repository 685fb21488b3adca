"""The model in vLLM's `LLM`, with its adapters. What vLLM raises over it is left to the log, where it is looked for."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from vllm import LLM, EngineArgs, SamplingParams
from vllm.lora.request import LoRARequest

TEST = ({"role": "user", "content": "Which of two answers is better, A or B?"},)
"""Asked once after loading, of the model and of each adapter."""
LOOKED_AT = 20
"""Likeliest first tokens that are compared."""
SAME = 1e-4
"""Logarithms of probabilities that differ by less are of the same weights, twice computed."""


class Unloadable(Exception):
    """What is to be loaded cannot be served; the text, one line, says why."""


def load(model: str, arguments: dict[str, Any], template: str | None) -> Any:  # noqa: ANN401 - vLLM's
    """A model that is ready. Raises `Unloadable`, or whatever vLLM raises."""
    known = {field.name for field in fields(EngineArgs)}
    for name in arguments.keys() - known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise Unloadable(f"engine.{name}: vLLM has no such engine argument.{hint}")
    llm = LLM(model, chat_template=template, **arguments)
    if llm.model_config.hf_config.model_type == "gpt_oss":
        # Its messages are made by code in vLLM's server (`_make_request_with_harmony`), not by a chat template.
        raise Unloadable("gpt-oss models are served by vLLM's server only: provider: vllm_server")
    return llm


def adapters(folders: Sequence[str]) -> list[Any]:
    """vLLM's requests for the adapters in these folders."""
    return [LoRARequest(f"adapter-{number}", number, folder) for number, folder in enumerate(folders, 1)]


def test(llm: Any, loras: Sequence[Any]) -> None:  # noqa: ANN401 - vLLM's
    """Ask the model and each adapter once, in one batch. Raises `Unloadable` where an adapter changes nothing.

    vLLM serves the bare model where an adapter's modules are called otherwise than the model's, without a word
    (https://github.com/vllm-project/vllm/issues/55193).
    """
    params = SamplingParams(temperature=0.0, max_tokens=1, logprobs=LOOKED_AT)
    asked: list[Any] = [None, *loras]
    said = llm.chat([list(TEST)] * len(asked), params, lora_request=asked if loras else None, use_tqdm=False)
    bare, *adapted = [{token: one.logprob for token, one in o.outputs[0].logprobs[0].items()} for o in said]
    for lora, logprobs in zip(loras, adapted, strict=True):
        if bare.keys() == logprobs.keys() and all(abs(bare[token] - logprobs[token]) < SAME for token in bare):
            raise Unloadable(
                f"the adapter in {lora.lora_path} changes nothing: the model gives the same probabilities with and "
                "without it. Are its modules called like this model's?"
            )
