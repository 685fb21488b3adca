"""The files of a model that is to be loaded: where they lie, whether they are whole, how large the weights are.

A model is a folder as Hugging Face's `save_pretrained` writes it (config.json, weights, tokenizer; shards are listed in
an index, https://huggingface.co/docs/transformers/big_models), or a name on the Hub, whose files are looked for in the
local cache (https://huggingface.co/docs/huggingface_hub/guides/manage-cache). Nothing is downloaded.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...generators.hosting.settings import Hosted

WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.gguf")
"""What vLLM loads, in the order in which it looks (vllm/model_executor/model_loader/default_loader.py)."""
INDEX = "{}.index.json"
TOKENIZERS = (
    "tokenizer.json", "tokenizer.model", "tekken.json", "vocab.json", "vocab.txt", "tiktoken.model",
)  # fmt: skip
"""Any of these makes a tokenizer."""
POINTER = b"version https://git-lfs"
"""Begin of what `git clone` leaves in place of a large file without Git LFS."""
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
"""Variables under which nothing is downloaded."""


class Unfit(Exception):
    """What is wrong with the files: two texts, what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of a model as they lie on disk."""

    files: int
    bytes: int


def folder_of(name: str, revision: str | None = None) -> Path | None:
    """The folder of a model or tokenizer, of the local cache for a name on the Hub; None where it is not there."""
    if Path(name).expanduser().is_dir():
        return Path(name).expanduser()
    repository = cache() / f"models--{name.replace('/', '--')}"
    reference = repository / "refs" / (revision or "main")
    commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else revision or ""
    snapshot = repository / "snapshots" / commit
    return snapshot if commit and snapshot.is_dir() else None


def cache() -> Path:
    """The folder of the Hub's local cache, by the variables that move it."""
    environment = os.environ
    if (own := environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE")) is not None:
        return Path(own).expanduser()
    general = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(environment.get("HF_HOME") or Path(general) / "huggingface").expanduser() / "hub"


def offline() -> str | None:
    """The variable that forbids downloads, where one does."""
    yes = {"1", "ON", "YES", "TRUE"}
    return next((name for name in OFFLINE if os.environ.get(name, "").upper() in yes), None)


def described(folder: Path) -> dict[str, Any]:
    """`config.json`. Raises `Unfit`."""
    path = folder / "config.json"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        # Mistral's own layout has another.
        if (folder / "params.json").is_file():
            return {}
        raise Unfit(f"{folder}: no config.json", "Give the folder of a whole model.") from None
    except (OSError, ValueError) as error:
        raise Unfit(f"{path}: {error}", "Download the model again.") from None
    if not isinstance(said, dict):
        raise Unfit(f"{path}: no JSON object", "Download the model again.")
    return said


def weights(folder: Path) -> Weights:
    """All files of the weights. Raises `Unfit` where there are none, or not all."""
    for pattern in WEIGHTS:
        files = {path.name: path for path in folder.glob(pattern)}
        # Mistral's models lie there twice, in two layouts.
        files = {name: path for name, path in files.items() if not name.startswith("consolidated")} or files
        for index in sorted(folder.glob(INDEX.format(pattern))):
            wanted = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
            if missing := sorted(wanted - files.keys()):
                found = f"{folder}: {len(missing)} of {len(wanted)} files of the weights are missing: {missing[0]}"
                raise Unfit(found, "Download the model again.")
            files = {name: files[name] for name in wanted}
            break
        if files:
            for path in files.values():
                with path.open("rb") as begin:
                    if begin.read(len(POINTER)) == POINTER:
                        raise Unfit(f"{path}: a pointer of Git LFS, no weights", f"git -C {folder} lfs pull")
            return Weights(len(files), sum(path.stat().st_size for path in files.values()))
    raise Unfit(f"{folder}: no weights ({', '.join(WEIGHTS)})", "Give the folder of a whole model.")


def has_tokenizer(folder: Path) -> bool:
    """Whether a tokenizer lies there."""
    return any((folder / name).is_file() for name in TOKENIZERS)


def template_in(folder: Path) -> str | None:
    """Where a tokenizer's folder has a chat template; None where it has none.

    Source: `get_chat_template` of transformers (src/transformers/tokenization_utils_base.py); Mistral's tokenizers
    write their messages without one.
    """
    for name in ("chat_template.jinja", "chat_template.json", "tekken.json"):
        if (folder / name).is_file():
            return name
    path = folder / "tokenizer_config.json"
    if path.is_file():
        said = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(said, dict) and said.get("chat_template"):
            return path.name
    return None


def revision_of(provider: Hosted) -> str | None:
    """The revision that vLLM is told to load."""
    value = provider.engine.get("revision")
    return value if isinstance(value, str) else None
