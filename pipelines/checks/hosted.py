"""What a run needs of the models that it loads itself, as far as can be known without loading one.

Which models are loaded together follows `pipelines/passes.py`; that vLLM wants its whole share of a GPU free when it
starts, and takes the weights out of it, vllm/v1/worker/utils.py (`request_memory`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ...generators.hosting.adapters import CONFIG, rank_of
from ...generators.hosting.devices import placed
from ...generators.hosting.machine import Machine
from ...generators.hosting.settings import Hosted
from ...schemas.errors import EndpointError
from . import Check
from .memories import CPU, GIB, Devices, Memory
from .model_files import (
    Unfit,
    cache,
    described,
    folder_of,
    has_tokenizer,
    offline,
    revision_of,
    template_in,
    weights,
)

WIDTHS = {"float32": 4, "bfloat16": 2, "float16": 2, "half": 2, "float": 4}
"""Type of weights -> bytes of each."""
GPU_COUNTS = (1, 2, 4, 8, 16)
"""Over how many GPUs models are spread: their heads must divide evenly."""
ALMOST_ALL = 0.95
"""Share of a memory up to which weights may be worth a try."""


def turns(order: Sequence[Hosted], found: Devices) -> list[list[Hosted]]:
    """The models by turns: those of one turn are loaded together; one that fits nowhere has none."""
    left = [provider for provider in order if placed([provider], found.gpus) is not None]
    made: list[list[Hosted]] = []
    while left:
        turn: list[Hosted] = []
        for provider in left:
            if placed([*turn, provider], found.gpus) is not None:
                turn.append(provider)
        made.append(turn)
        left = [provider for provider in left if provider not in turn]
    return made


def loading(order: Sequence[Hosted], found: Devices) -> list[Check]:
    """Which models are loaded together, and in which order. Of one that fits nowhere `usable` tells."""
    made = turns(order, found)
    if not made:
        return []
    texts = [" with ".join(provider.label for provider in turn) for turn in made]
    if len(made) == 1:
        return [Check("loading", "ok", f"all together: {', '.join(provider.label for provider in made[0])}")]
    return [Check("loading", "ok", f"one after the other: {', then '.join(texts)}")]


def free(order: Sequence[Hosted], found: Devices) -> list[Check]:
    """What each turn takes of the memory is free now."""
    rows = []
    for number, memory in found.memories.items():
        share = max((_taken(turn, found, number) for turn in turns(order, found)), default=0.0)
        if not memory.total or not share:
            continue
        where = "memory of the machine" if number == CPU else f"memory of GPU {number}"
        said = f"{memory.free / GIB:.1f} of {memory.total / GIB:.1f} GiB free, {share:.0%} wanted"
        if memory.free < share * memory.total:
            most = int(100 * memory.free / memory.total) / 100
            fix = f"Free it, or let all gpu_memory_utilization of a turn be at most {most:g} together."
            rows.append(Check(where, "red", said, fix))
        else:
            rows.append(Check(where, "ok", said))
    return rows


def _taken(turn: Sequence[Hosted], found: Devices, number: int) -> float:
    """The share of one memory that the models of a turn want at their start."""
    places = placed(turn, found.gpus) or []
    own = [p for p, place in zip(turn, places, strict=True) if number in (place or (CPU,))]
    # On the CPU, a given size of the cache takes the share's place.
    shares = [0.0 if number == CPU and "kv_cache_memory_bytes" in p.engine else p.gpu_memory_utilization for p in own]
    return sum(shares)


def usable(provider: Hosted, machine: Machine) -> Check | None:
    """What the provider itself finds wrong before loading: vLLM, its version, GPUs, files."""
    try:
        provider.check(machine)
    except EndpointError as error:
        said, _, fix = str(error).removeprefix(f"{provider.label}: ").partition(". ")
        return Check(f"model {provider.label}", "red", said, fix or "Correct this entry of the recipe.")
    return None


def files(provider: Hosted, found: Devices) -> list[Check]:
    """The model's files, its chat template and its adapter."""
    what, label = f"model {provider.label}", provider.label
    folder = folder_of(provider.model, revision_of(provider))
    template = provider.chat_template
    if folder is None:
        rows = [_elsewhere(what, provider.model)]
    else:
        try:
            rows = [_whole(what, provider, folder, found)]
        except Unfit as unfit:
            rows = [Check(what, "red", *unfit.args)]
    own = folder if provider.tokenizer is None else folder_of(provider.tokenizer)
    if template is not None:
        rows.append(Check(f"chat template {label}", "ok", str(template)))
    elif own is None:
        rows.append(Check(f"chat template {label}", "skipped", "the tokenizer is not on this machine"))
    elif name := template_in(own):
        rows.append(Check(f"chat template {label}", "ok", f"in the tokenizer's {name}"))
    else:
        fix = "Set chat_template to a Jinja file with the one that the model was trained on."
        rows.append(Check(f"chat template {label}", "red", f"{own} has none", fix))
    return rows + ([adapter(provider)] if provider.adapter else [])


def _elsewhere(what: str, name: str) -> Check:
    """A model that is not on this machine."""
    fetch = f"hf download {name}"
    if variable := offline():
        said = f"{name} is not in {cache()}, and {variable} forbids to download it"
        return Check(what, "red", said, f"{fetch}, where there is a network.")
    return Check(what, "skipped", f"not in {cache()}: vLLM downloads it when it loads it", f"Beforehand: {fetch}")


def _whole(what: str, provider: Hosted, folder: Path, found: Devices) -> Check:
    """A model on this machine: complete, and small enough. Raises `Unfit`."""
    config = described(folder)
    tokenizer = folder if provider.tokenizer is None else folder_of(provider.tokenizer)
    if tokenizer is not None and not has_tokenizer(tokenizer) and not list(folder.glob("*.gguf")):
        raise Unfit(f"{tokenizer}: no tokenizer", "Set tokenizer to a folder that has one.")
    longest = provider.max_model_len or config.get("max_position_embeddings")
    wanted = provider.sampling.max_tokens or provider.sampling.max_completion_tokens
    if isinstance(longest, int) and wanted and wanted >= longest:
        found_ = f"max_tokens: {wanted:,} leaves no room for a prompt in {longest:,} tokens"
        raise Unfit(found_, "Lower max_tokens, or raise max_model_len.")
    if provider.engine.get("load_format") == "dummy":
        return Check(what, "ok", f"{folder}, with random weights (load_format: dummy)")
    lying = weights(folder)
    spread = provider.gpus if found.gpus else 1
    needed = lying.bytes * _wider(provider, config) / spread
    memory = min(found.memories.values(), key=lambda one: one.total)
    room = provider.gpu_memory_utilization * memory.total
    said = f"{folder}: {_size(lying.bytes)} of weights in {lying.files} file{'s' if lying.files > 1 else ''}"
    if memory.total and needed >= room:
        raise Unfit(f"{said}, and {_size(room)} of each memory are for it", _smaller(provider, needed, spread, memory))
    share = f", {needed / room:.0%} of its memory" if memory.total else ""
    return Check(what, "ok", said + share)


def _wider(provider: Hosted, config: dict[str, object]) -> float:
    """By how much the weights grow where they are loaded as another type; 1 where that is not known."""
    lying, loaded = config.get("dtype") or config.get("torch_dtype"), provider.dtype
    if provider.quantization or "quantization_config" in config or loaded == "auto":
        return 1.0
    return WIDTHS[loaded] / WIDTHS[str(lying)] if loaded in WIDTHS and lying in WIDTHS else 1.0


def _smaller(provider: Hosted, needed: float, spread: int, memory: Memory) -> str:
    """What to change where the weights, `needed` bytes on each of `spread` GPUs, do not fit."""
    room = provider.gpu_memory_utilization * memory.total
    more = next((count for count in GPU_COUNTS if count > spread and needed * spread / count < room), None)
    ways = [f"set gpus: {more}"] if more else []
    ways += ["raise gpu_memory_utilization"] if needed < ALMOST_ALL * memory.total else []
    text = " or ".join([*ways, "take a smaller or quantised model"])
    return f"{text[0].upper()}{text[1:]}."


def adapter(provider: Hosted) -> Check:
    """An adapter's folder is whole."""
    what, folder = f"adapter {provider.label}", Path(provider.adapter or "")
    try:
        rank = rank_of(provider.label, str(folder))
        lying = weights(folder)
    except EndpointError as error:
        said, _, fix = str(error).removeprefix(f"{provider.label}: ").partition(". ")
        return Check(what, "red", said, fix or "Give the folder of a LoRA adapter as PEFT saves it.")
    except Unfit as unfit:
        return Check(what, "red", unfit.args[0], "Give the folder of an adapter as PEFT saves it.")
    base = json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("base_model_name_or_path")
    return Check(what, "ok", f"rank {rank}, {_size(lying.bytes)}; made for {base or 'a model that it does not name'}")


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
