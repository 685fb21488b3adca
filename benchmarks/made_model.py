"""A language model with random weights and the size of a real one, with its own tokenizer and chat template.

    python -P benchmarks/made_model.py SHAPE SEED FOLDER

Nothing is downloaded. Shapes are those of Qwen 2.5 (https://huggingface.co/Qwen/Qwen2.5-1.5B/blob/main/config.json and
its sisters), and `tiny`. How fast a model is does not depend on its weights; what it says is noise. Its vocabulary is
as large as Qwen's and made of letter groups, so that each random token has a text that must be put together.
"""

from __future__ import annotations

import json
import string
import sys
from itertools import islice, product
from pathlib import Path

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML; `vllm.py` writes the same into the prompts of those that take a text."""
SHAPES: dict[str, dict[str, int | bool]] = {
    "tiny": {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "vocab_size": 2048, "tie_word_embeddings": True},
    "0.5b": {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
             "num_key_value_heads": 2, "vocab_size": 151_936, "tie_word_embeddings": True},
    "1.5b": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
             "num_key_value_heads": 2, "vocab_size": 151_936, "tie_word_embeddings": True},
    "7b": {"hidden_size": 3584, "intermediate_size": 18_944, "num_hidden_layers": 28, "num_attention_heads": 28,
           "num_key_value_heads": 4, "vocab_size": 152_064, "tie_word_embeddings": False},
}  # fmt: skip


def write_tokenizer(folder: Path, size: int) -> None:
    """Byte-level BPE: bytes, pairs of letters, pairs after a space, and pairs of pairs as far as they fit. A text of
    words of two letters each has as many tokens as words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pairs = [(a, b) for a in string.ascii_lowercase for b in string.ascii_lowercase]
    texts = [a + b for a, b in pairs]
    merges = [*pairs, *(("\u0120", text) for text in texts)]
    base = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    merges += islice(product(texts, texts), size - len(base) - len(merges))
    vocabulary = {text: number for number, text in enumerate([*base, *(a + b for a, b in merges)])}
    bpe = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.add_special_tokens(list(SPECIAL))
    end, _, turn = SPECIAL
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token=end, eos_token=turn)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)


def write_weights(folder: Path, shape: str, seed: int) -> None:
    """Uniform weights of the usual size in bfloat16, and the configuration."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    config = Qwen2Config(**SHAPES[shape], max_position_embeddings=4096, bos_token_id=0, eos_token_id=2, pad_token_id=0)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model = model.to_empty(device="cpu")
    model.tie_weights()
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0) if name.endswith("norm.weight") else weight.uniform_(-0.03, 0.03, generator=random)
    model.save_pretrained(folder)


def main() -> None:
    """Write the model; print its number of parameters."""
    shape, seed, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True)
    write_weights(folder, shape, seed)
    write_tokenizer(folder, int(SHAPES[shape]["vocab_size"]))
    print(json.dumps({"bytes": sum(path.stat().st_size for path in folder.glob("*.safetensors"))}))


if __name__ == "__main__":
    main()
