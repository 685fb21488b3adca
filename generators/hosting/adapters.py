"""LoRA adapters: what vLLM must be told about them, read from their folders.

Source: PEFT's `adapter_config.json` (https://huggingface.co/docs/peft/developer_guides/checkpoint) and vLLM's
`LoRAConfig` (https://docs.vllm.ai/en/latest/features/lora.html).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...schemas.errors import EndpointError

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Values of vLLM's `max_lora_rank`, whose default is 16."""
CONFIG = "adapter_config.json"


def lora_arguments(label: str, adapters: Sequence[str], *, cpu: bool) -> dict[str, Any]:
    """Engine arguments with which all of a model's adapters can be in one batch; none without adapters.

    Raises `EndpointError` where one is no adapter.
    """
    if not adapters:
        return {}
    rank = max(rank_of(label, adapter) for adapter in adapters)
    # On the CPU, with all slots taken, rows without adapter get the last one's weights (vLLM issue 48421).
    slots = len(adapters) + cpu
    return {"enable_lora": True, "max_loras": slots, "max_lora_rank": next(r for r in RANKS if r >= rank)}


def rank_of(label: str, adapter: str) -> int:
    """The adapter's rank, 1 to 512. Raises `EndpointError` where its folder does not tell."""
    path = Path(adapter) / CONFIG
    where = f"{label}: adapter: {adapter}"
    try:
        rank = json.loads(path.read_text(encoding="utf-8"))["r"]
    except FileNotFoundError:
        raise EndpointError(f"{where}: no {CONFIG} there. Give the folder of an adapter as PEFT saves it.") from None
    except (OSError, ValueError, LookupError, TypeError):
        raise EndpointError(f"{where}: {CONFIG} gives no rank `r`, so it is no LoRA adapter.") from None
    if not isinstance(rank, int) or not 1 <= rank <= RANKS[-1]:
        raise EndpointError(f"{where}: {CONFIG}: r: a rank from 1 to {RANKS[-1]} is what vLLM takes (got {rank!r}).")
    return rank
