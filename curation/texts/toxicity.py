"""How toxic a text is, by a text classifier on disk, through transformers.

Word lists are not used: they drop what speaks about a group and what quotes, and let pass what needs no bad word (Dodge
et al., arXiv 2104.08758, section 5.3). Source of the calls: `TextClassificationPipeline` of transformers
(huggingface.co/docs/transformers/main_classes/pipelines); `top_k=None` gives the scores of all labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from ...schemas.errors import UserError

Scores = Mapping[str, float]
"""Label, in lower case -> its score, from 0 to 1."""
WINDOW = 1_000
"""Characters that the model reads at once; it cuts off what is beyond its own limit, often 512 tokens."""
WINDOWS = 64
"""Windows of a text that are read: 64,000 characters."""


def toxicity(text: str, model: Path) -> Scores:
    """The highest score of each label over all windows of the text.

    Raises `UserError` where transformers or torch is not installed or there is no such folder.
    """
    parts = (text[at : at + WINDOW] for at in range(0, len(text), WINDOW))
    highest: dict[str, float] = {}
    for scores in _classifier(model)([_encodable(part) for part in islice(parts, WINDOWS) if part.strip()]):
        for label, score in scores.items():
            highest[label] = max(highest.get(label, 0.0), score)
    return highest


@cache
def labels_of(model: Path) -> frozenset[str]:
    """The labels that the model gives scores of, in lower case."""
    return frozenset(_classifier(model)(["-"])[0])


@cache
def _classifier(folder: Path) -> Callable[[Sequence[str]], list[Scores]]:
    try:
        import torch
        from transformers import pipeline
    except ImportError:
        raise UserError(
            "the filters of toxicity need the packages transformers and torch. Next: pip install 'prefmill[toxicity]'"
        ) from None
    # transformers would take a name that is no folder for one of the Hub and download it.
    if not folder.is_dir():
        raise UserError(f"toxicity: model: no folder {folder}")
    try:
        classify = pipeline("text-classification", model=str(folder), device=torch.device("cpu"), top_k=None)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"toxicity: {folder} holds no text classifier: {str(error).splitlines()[0]}") from error

    def scores(texts: Sequence[str]) -> list[Scores]:
        found = classify(list(texts), truncation=True, batch_size=8) if texts else []
        return [{one["label"].lower(): float(one["score"]) for one in labels} for labels in found]

    return scores


def _encodable(text: str) -> str:
    """Tokenizers are written in Rust and do not take lone surrogates."""
    return text.encode(errors="replace").decode()
