"""Filters of toxicity: their lines where something is missing, and a small classifier where transformers is there."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from prefmill.curation.filters.answer_toxicity import AnswerToxicity
from prefmill.curation.filters.task_toxicity import TaskToxicity
from prefmill.schemas.errors import UserError
from prefmill.schemas.rows import Answer, Message, Task

TASK = Task(messages=(Message(role="user", content="Why is the sky blue?"),))
THERE = all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers"))
with_transformers = pytest.mark.skipif(not THERE, reason="no torch and transformers")


def answer(text: str) -> Answer:
    return Answer(task_id=TASK.id, model="m", text=text)


def make_classifier(folder: Path) -> Path:
    """A classifier of two labels whose weights are such that the word `awful` makes a text toxic."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "awful", "sky", "blue"]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words))
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    config = BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        max_position_embeddings=64, id2label={0: "Fine", 1: "Toxic"}, label2id={"Fine": 0, "Toxic": 1},
    )  # fmt: skip
    torch.manual_seed(0)
    model = BertForSequenceClassification(config).eval()
    # Only the classifier is fitted: its input is the pooled vector of texts with and without the word.
    texts = torch.tensor([[2, *[6] * 10, 3], [2, *[7] * 10, 3], [2, *[5] * 10, 3], [2, *[1] * 10, 3]])
    with torch.no_grad():
        pooled = model.bert(input_ids=texts).pooler_output
        inputs = torch.cat([pooled, torch.ones(4, 1)], dim=1)
        solved = torch.linalg.lstsq(inputs, torch.tensor([[-4.0], [-4.0], [4.0], [-4.0]])).solution[:, 0]
        model.classifier.weight.copy_(torch.stack([-solved[:-1], solved[:-1]]))
        model.classifier.bias.copy_(torch.stack([-solved[-1], solved[-1]]))
    model.save_pretrained(folder)
    return folder


@pytest.mark.skipif(THERE, reason="transformers is there")
def test_without_transformers() -> None:
    with pytest.raises(UserError, match=r"need the packages transformers and torch\. Next: pip install 'prefmill\[tox"):
        AnswerToxicity(model=Path("/nowhere"), limits={"toxic": 0.9}).drop(TASK, answer("hello"))


@with_transformers
def test_without_the_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder "):
        TaskToxicity(model=tmp_path / "none", limits={"toxic": 0.9}).drop(TASK)
    with pytest.raises(UserError, match="holds no text classifier"):
        TaskToxicity(model=tmp_path, limits={"toxic": 0.9}).drop(TASK)


@with_transformers
def test_a_classifier_decides(tmp_path: Path) -> None:
    model = make_classifier(tmp_path / "model")
    plugin = AnswerToxicity(model=Path("model"), limits={"TOXIC": 0.9}).at(tmp_path)
    assert plugin.model == model
    found = plugin.drop(TASK, answer("awful " * 10))
    assert found is not None and found.startswith(("toxic 0.9", "toxic 1.0"))
    assert plugin.drop(TASK, answer("sky " * 10)) is None
    assert plugin.drop(TASK, answer("sky " * 500 + "awful " * 100)) is not None
    for text in ("", " \n", "\ud800 \0"):
        assert plugin.drop(TASK, answer(text)) is None
    wrong = AnswerToxicity(model=model, limits={"insult": 0.5})
    with pytest.raises(UserError, match=r"has no label 'insult'\. Known: fine, toxic"):
        wrong.ready()
    with pytest.raises(UserError, match=r"has no label 'insult'\. Known: fine, toxic"):
        wrong.drop(TASK, answer("sky"))


@pytest.mark.parametrize("limits", [{}, {"toxic": 0.0}, {"toxic": 1.5}])
def test_limits_are_scores(limits: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TaskToxicity(model=Path("m"), limits=limits)
