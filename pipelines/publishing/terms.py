"""What the makers of models say about the use of replies: a table of named terms, with their addresses.

A reminder of where to look, not a reading of the law: terms change, a contract of one's own goes before them, and the
sentences below say in short what each address was known to say in 2026. They are named on the card. Where a model was
reached is looked at before its name: a maker's own service has the maker's terms.

- OpenAI: Output must not be used to develop competing models. https://openai.com/policies/terms-of-use/ and, for the
  API, https://openai.com/policies/services-agreement/
- Anthropic: no building of competing products, nor training of competing models.
  https://www.anthropic.com/legal/commercial-terms
- Google's Gemini API: no development of models that compete with it. https://ai.google.dev/gemini-api/terms
- xAI: no competing products. https://x.ai/legal/terms-of-service-enterprise
- Llama 2 and 3: output must not be used to improve other language models. https://ai.meta.com/llama/license/ (1.b.v)
  and https://www.llama.com/llama3/license/ (1.b.v)
- Llama 3.1 and later: a model that is trained with output and passed on has a name that begins with "Llama".
  https://www.llama.com/llama3_1/license/ (1.b.i)
- Qwen's own licence (72B): a model that is trained with output and passed on says "Built with Qwen" or "Improved using
  Qwen". https://huggingface.co/Qwen/Qwen2.5-72B-Instruct/blob/main/LICENSE (3.b); its research licence (3B) forbids
  commercial use. https://huggingface.co/Qwen/Qwen2.5-3B-Instruct/blob/main/LICENSE
- Gemma 1 to 3: a model that learns from output to behave like Gemma is under Gemma's terms.
  https://ai.google.dev/gemma/terms (1.1.e)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Effect = Literal["no_competing_models", "non_commercial", "condition"]
"""`condition`: allowed for everything, as long as something is done."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one maker for some models."""

    maker: str
    effect: Effect
    text: str
    """One sentence for the card."""
    address: str
    models: str
    """Regular expression that the model's name contains, after the start or one of `/ : - @`."""
    hosts: tuple[str, ...] = ()
    """Ends of host names of the maker's own service."""


_TERMS = (
    Terms(
        "OpenAI", "no_competing_models", "replies must not be used to develop models that compete with OpenAI",
        "https://openai.com/policies/terms-of-use/",
        r"gpt-?[345]|chatgpt|o[134](-|$)|text-davinci|davinci-00", ("api.openai.com", "openai.azure.com"),
    ),
    Terms(
        "Anthropic", "no_competing_models", "replies must not be used to train competing models",
        "https://www.anthropic.com/legal/commercial-terms", r"claude", ("api.anthropic.com",),
    ),
    Terms(
        "Google (Gemini)", "no_competing_models",
        "the service must not be used to develop models that compete with it",
        "https://ai.google.dev/gemini-api/terms", r"gemini|palm-?2|text-bison", ("generativelanguage.googleapis.com",),
    ),
    Terms(
        "xAI", "no_competing_models", "replies must not be used for competing products or models",
        "https://x.ai/legal/terms-of-service-enterprise", r"grok-?[2-9]|grok-(beta|code|latest)", ("api.x.ai",),
    ),
    Terms(
        "Meta (Llama 3.1 and later)", "condition",
        "a model trained with these replies and passed on must have a name that begins with “Llama”",
        "https://www.llama.com/llama3_1/license/", r"llama-?(3[.-][1-9](?![\d.]*b)|4)",
    ),
    Terms(
        "Meta (Llama 2, Llama 3)", "no_competing_models",
        "replies must not be used to improve language models other than Llama",
        "https://www.llama.com/llama3/license/", r"llama-?[23](?!\d)|vicuna.*v1\.5",
    ),
    Terms(
        "Alibaba (Qwen)", "condition",
        "a model trained with these replies and passed on must say “Built with Qwen” or “Improved using Qwen”",
        "https://huggingface.co/Qwen/Qwen2.5-72B-Instruct/blob/main/LICENSE", r"qwen-?(2(\.5)?-?)?(vl-|math-)?72b",
    ),
    Terms(
        "Alibaba (Qwen research)", "non_commercial", "replies must not be used commercially",
        "https://huggingface.co/Qwen/Qwen2.5-3B-Instruct/blob/main/LICENSE", r"qwen-?2\.5-(coder-|vl-)?3b",
    ),
    Terms(
        "Google (Gemma 1 to 3)", "condition",
        "a model trained with these replies to behave like Gemma is under Gemma's terms",
        "https://ai.google.dev/gemma/terms", r"gemma-?([123]n?(?![\d.]*\d)|\d+b)",
    ),
)  # fmt: skip

_OPEN = r"gpt-oss|qwen-?(2(\.5)?|3)-(?!max)|qwq|mistral-7b|mixtral|mistral-nemo|deepseek-(r1|v3)|phi-?[34]|olmo"
"""Open weights under the Apache or the MIT licence, which say nothing of replies."""


def terms_of(model: str, base_url: str | None = None) -> Terms | Literal["open", "unknown"]:
    """The terms under which a model's replies stand, where they are known."""
    host = (urlsplit(base_url).hostname or "") if base_url else ""
    for terms in _TERMS:
        if any(host == end or host.endswith(f".{end}") for end in terms.hosts):
            return terms
    name = model.lower().replace("_", "-")
    for terms in _TERMS:
        if _named(terms.models, name):
            return terms
    return "open" if _named(_OPEN, name) else "unknown"


def _named(pattern: str, name: str) -> bool:
    return re.search(rf"(?:^|[/:@-])(?:{pattern})", name) is not None
