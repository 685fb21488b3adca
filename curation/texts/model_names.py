"""Names of language models and of those who make them: what a model calls itself when it says who it is.

Those of the families on the boards of Chatbot Arena and AlpacaEval; a recipe adds others as `patterns` of
`identity_leaks`.
"""

from __future__ import annotations

import re

_LABS = (
    "openai", "open ai", "anthropic", "deepmind", "mistral", "damo academy", "deepseek", "xai", "x.ai", "cohere",
    "mosaicml", "stability ai", "eleutherai", "hugging face", "huggingface", "zhipu", "moonshot ai", "01.ai", "ai21",
    "inflection", "nous research", "teknium", "lmsys", "large model systems organization", "allen institute",
    "aleph alpha", "technology innovation institute",
)  # fmt: skip
_FIRMS = (
    "google", "meta", "facebook", "microsoft", "alibaba", "databricks", "nvidia", "baidu", "tencent", "bytedance",
    "ibm", "amazon", "apple", "salesforce", "perplexity", "samsung", "huawei", "yandex", "stanford",
)  # fmt: skip
_MODELS = (
    "chatgpt", "chat gpt", "gpt-2", "gpt-3", "gpt-4", "gpt-5", "gpt3", "gpt4", "gpt5", "gpt 3", "gpt 4", "gpt 5",
    "instructgpt", "text-davinci", "mixtral", "openhermes", "nous hermes", "nous-hermes", "qwen", "tongyi qianwen",
    "deepseek", "ernie bot", "chatglm", "baichuan", "internlm", "lamda", "llama 2", "llama 3", "llama-2", "llama-3",
    "wizardlm", "stablelm", "openassistant", "open assistant", "bing chat", "microsoft copilot", "github copilot",
    "palm 2", "phi-2", "phi-3", "phi-4",
)  # fmt: skip
_SHARED = (
    "claude", "bard", "gemini", "gemma", "llama", "alpaca", "vicuna", "koala", "guanaco", "mistral", "zephyr", "grok",
    "falcon", "dolly", "olmo", "tulu", "orca", "starling", "copilot", "command r", "kimi", "sydney",
)  # fmt: skip


def _any_of(names: tuple[str, ...]) -> str:
    return rf"(?:{'|'.join(map(re.escape, names))})"


NAMES = (*_LABS, *_FIRMS, *_MODELS, *_SHARED)
"""All of them, in lower case."""
LABS = _any_of(_LABS) + r"\b"
"""Pattern: who makes models and hardly anything else, and trains no people."""
MAKERS = _any_of((*_LABS, *_FIRMS)) + r"\b"
"""Pattern: who makes language models."""
MODELS = _any_of(_MODELS)
"""Pattern: names that are a model's and nobody else's; versions may follow."""
SHARED_NAMES = _any_of(_SHARED) + r"\b"
"""Pattern: names that people, animals, winds and other things have, too."""
