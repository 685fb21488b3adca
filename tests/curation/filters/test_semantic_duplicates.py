"""The filter of tasks whose vectors point the same way: from words alone, and from models of other packages."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from prefmill.curation.filters import Filter, Selection
from prefmill.curation.filters.semantic_duplicates import SemanticDuplicates
from prefmill.schemas.errors import UserError
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.rubric import Rubric

LONG = "Explain in simple words how a pulsar differs from a quasar and why one of them was taken for a signal."
TURNED = "In simple words: why was one of them taken for a signal, and how a pulsar differs from a quasar? Explain."
FAR = "Write a haiku about the sea in winter without the words sea and water in it."
WORDS = ("pulsar", "quasar", "signal", "haiku", "sea", "winter")


def _tasks(*texts: str, rubric: Rubric | None = None) -> list[Task]:
    return [Task(messages=(Message(role="user", content=text),), rubric=rubric) for text in texts]


def _chosen(tasks: list[Task], **settings: object) -> Selection:
    return SemanticDuplicates.model_validate(settings).choose(iter(tasks))


def test_it_is_found_by_name_and_refuses_what_does_not_fit() -> None:
    assert load(Filter, "semantic_duplicates") is SemanticDuplicates
    for wrong in ({"threshold": 0}, {"embeddings": "static"}, {"model": "here"}, {"embeddings": "words", "model": "x"}):
        with pytest.raises(ValidationError):
            SemanticDuplicates.model_validate(wrong)


def test_the_same_words_in_another_order_are_flagged() -> None:
    tasks = _tasks(LONG, FAR, TURNED)
    found = _chosen(tasks)
    assert found.dropped == {}
    assert list(found.flagged) == [tasks[2].id]
    assert found.flagged[tasks[2].id] == f"cosine 1.000 with {tasks[0].id}"
    assert found.told == {"tasks": 3, "alike": 1}


def test_they_are_dropped_where_the_recipe_says_so() -> None:
    tasks = _tasks(LONG, FAR, TURNED + " Now.")
    found = _chosen(tasks, report_only=False, keep="longest")
    assert found.flagged == {}
    assert list(found.dropped) == [tasks[0].id]


def test_the_threshold_decides() -> None:
    tasks = _tasks(LONG, LONG.replace("pulsar", "magnetar").replace("signal", "message"))
    assert not _chosen(tasks).flagged
    assert _chosen(tasks, threshold=0.6).flagged


def test_another_rubric_makes_another_task() -> None:
    assert not _chosen([*_tasks(LONG), *_tasks(TURNED, rubric=Rubric(criteria="Is it kind?"))]).flagged


def test_no_tasks() -> None:
    assert _chosen([]).told == {"tasks": 0, "alike": 0}


def there(*packages: str) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in packages)


def make_static(folder: Path) -> None:
    """A model2vec model whose words all point their own ways."""
    import numpy as np
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    vocabulary = {word: place for place, word in enumerate(("[PAD]", "[UNK]", *WORDS))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    StaticModel(np.eye(len(vocabulary), dtype=np.float32), tokenizer).save_pretrained(str(folder))


def make_sentence(folder: Path) -> None:
    """A sentence-transformers model with random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = folder.with_suffix(".words")
    words.mkdir()
    (words / "vocab.txt").write_text("\n".join(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS)))
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=5 + len(WORDS), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertModel(shape).save_pretrained(words)
    BertTokenizerFast(str(words / "vocab.txt")).save_pretrained(words)
    SentenceTransformer(modules=[Transformer(str(words)), Pooling(32)]).save(str(folder))


MADE = {
    "static": pytest.param(
        "static", make_static, marks=pytest.mark.skipif(not there("model2vec"), reason="no model2vec")
    ),
    "sentence": pytest.param(
        "sentence",
        make_sentence,
        marks=pytest.mark.skipif(not there("sentence_transformers"), reason="no sentence-transformers"),
    ),
}


@pytest.mark.parametrize(("embeddings", "make"), MADE.values())
def test_models_of_other_packages(tmp_path: Path, embeddings: str, make: Callable[[Path], None]) -> None:
    make(tmp_path / "model")
    tasks = _tasks("pulsar quasar signal", "haiku sea winter", "", "pulsar quasar signal signal")
    found = _chosen(tasks, embeddings=embeddings, model=tmp_path / "model", threshold=0.94)
    assert list(found.flagged) == [tasks[3].id]
    assert found.flagged[tasks[3].id].endswith(f" with {tasks[0].id}")
    # A name that is no folder would be downloaded by these packages.
    with pytest.raises(UserError, match=f"model: no folder {tmp_path / 'nowhere'}"):
        _chosen(tasks, embeddings=embeddings, model=tmp_path / "nowhere")


@pytest.mark.parametrize(("embeddings", "package"), [("static", "model2vec"), ("sentence", "sentence_transformers")])
def test_a_package_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embeddings: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    wanted = rf"embeddings: {embeddings} needs the package {package.replace('_', '-')}\. Next: pip install"
    with pytest.raises(UserError, match=rf"{wanted} 'prefmill\[{embeddings}\]'"):
        _chosen(_tasks(LONG), embeddings=embeddings, model=tmp_path)


def test_a_model_is_looked_up_from_the_recipes_folder(tmp_path: Path) -> None:
    plugin = SemanticDuplicates.model_validate({"embeddings": "static", "model": "vectors"}).at(tmp_path)
    assert plugin.model == tmp_path / "vectors"
