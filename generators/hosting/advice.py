"""What to change where vLLM could not load a model, from its own words.

Those are the messages of vLLM 0.26 to 0.33: vllm/v1/worker/utils.py (`request_memory`), vllm/v1/worker/cpu_worker.py,
vllm/v1/core/kv_cache_utils.py (`_check_enough_kv_cache_memory`), vllm/renderers/hf.py, vllm/config/model.py.
"""

from __future__ import annotations

import re

KNOWN = (
    ("less than desired GPU memory utilization", "Lower gpu_memory_utilization, or free the GPU."),
    ("larger than the available KV cache memory", "Set a smaller max_model_len, or raise gpu_memory_utilization."),
    ("No available memory for the cache blocks", "Raise gpu_memory_utilization, or spread the model over more gpus."),
    ("on kv cache allocation is less than requested", "Set engine: {kv_cache_memory_bytes: …} to what is free."),
    (
        "out of memory|OutOfMemory|can't allocate memory|MemoryError",
        "Set a smaller max_model_len, lower gpu_memory_utilization, or spread the model over more gpus.",
    ),
    (
        "chat template is no longer allowed|chat_template is not set|no chat template|ChatTemplateResolution",
        "Set chat_template to a file with one.",
    ),
    (
        "Can't load the config|not a local folder|Repo id must|repository ID|named config.json|LocalEntryNotFound",
        "Is `model` the folder of a model, with a config.json, or the name of one on the Hub that can be reached?",
    ),
)
"""Pattern of what vLLM says -> what to change."""


_MODULE = re.compile(r"^(\w+\.)+(?=[A-Z])")
"""Of the error's class."""
_COUNT = re.compile(r"\d+ validation errors? for \w+ *(Value error, *)?")
"""What pydantic says first."""


def advised(said: str) -> str:
    """An error of vLLM's (`reason.py`) in short, with what to change where that is known."""
    text = _COUNT.sub("", _MODULE.sub("", said))
    for pattern, change in KNOWN:
        if re.search(pattern, text):
            return f"{text.rstrip(' .')}. {change}"
    return text
