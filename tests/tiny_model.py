"""A tiny language model with random weights, for tests with a real vLLM: made in the test, nothing is downloaded.

The layout is Qwen3's (https://huggingface.co/docs/transformers/model_doc/qwen3), with a byte-level BPE tokenizer and a
ChatML template. Random weights make a good adversary: any token may come at any place.
"""

from __future__ import annotations

import json
from pathlib import Path

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if shout is defined %}AAAA{% endif %}{% endif %}"
)
"""ChatML; `chat_template_kwargs: {shout: true}` shows in the number of prompt tokens."""
_SPECIAL = ("<|pad|>", "<|bos|>", "<|im_start|>", "<|im_end|>")
_TEXTS = (
    'The quick brown fox jumps over the lazy dog. {"score": 3, "winner": "A", "reason": "clear"}',
    "Please rate the following answer from one to ten, explain why, then decide which response is better.",
    "user assistant system preference pair chosen rejected prompt answer rubric helpful honest harmless concise",
)
_VOCABULARY = 512
_HIDDEN, _LAYERS, _HEADS, _HEAD = 128, 2, 4, 32


def make_model(folder: Path, *, seed: int = 0, chat_template: str | None = CHAT_TEMPLATE, **config: object) -> Path:
    """Write a model of 0.4 million parameters with its tokenizer; `config` changes entries of its `config.json`."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    _write_tokenizer(folder, chat_template)
    described = {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "torch_dtype": "float32",
        "hidden_size": _HIDDEN,
        "intermediate_size": 2 * _HIDDEN,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": _HEADS,
        "num_key_value_heads": _HEADS // 2,
        "head_dim": _HEAD,
        "vocab_size": _VOCABULARY,
        "tie_word_embeddings": True,
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 3,
        **config,
    }
    (folder / "config.json").write_text(json.dumps(described))
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.float32)
    model.save_pretrained(folder)
    return folder


def make_adapter(folder: Path, base: Path, *, seed: int, scale: float = 1.0) -> Path:
    """Write a LoRA adapter of rank 8 for a model of `make_model`, with random weights; scale 0: one without effect."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(seed)
    out = {"q_proj": _HEADS * _HEAD, "v_proj": _HEADS // 2 * _HEAD}
    weights = {}
    for layer in range(_LAYERS):
        for module, size in out.items():
            name = f"base_model.model.model.layers.{layer}.self_attn.{module}"
            weights[f"{name}.lora_A.weight"] = torch.randn(8, _HIDDEN, generator=random)
            weights[f"{name}.lora_B.weight"] = scale * torch.randn(size, 8, generator=random)
    save_file(weights, str(folder / "adapter_model.safetensors"))
    described = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": 8,
        "lora_alpha": 32,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(out),
        "base_model_name_or_path": str(base),
    }
    (folder / "adapter_config.json").write_text(json.dumps(described))
    return folder


def _write_tokenizer(folder: Path, chat_template: str | None) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY - 12,
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(_TEXTS, trainer)
    pad, bos, _, end = _SPECIAL
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token=pad, bos_token=bos, eos_token=end)
    tokenizer.chat_template = chat_template
    tokenizer.save_pretrained(folder)
