"""The filter of tasks whose vectors point the same way: from words alone, and from models of other packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from prefmill.curation.filters import Filter, Selection
from prefmill.curation.filters.semantic_duplicates import SemanticDuplicates
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.rubric import Rubric

LONG = "Explain in simple words how a pulsar differs from a quasar and why one of them was taken for a signal."
TURNED = "In simple words: why was one of them taken for a signal, and how a pulsar differs from a quasar? Explain."
FAR = "Write a haiku about the sea in winter without the words sea and water in it."
LETTERS = """
import numpy as np
class {name}:
    def __init__(self, folder):
        self.letters = open(folder + "/letters").read()
    @classmethod
    def from_pretrained(cls, folder):
        return cls(folder)
    def encode(self, sentences):
        return np.array([[text.count(letter) for letter in self.letters] for text in sentences], dtype=float)
"""
CHOOSE = """
import sys
from prefmill.curation.filters.semantic_duplicates import SemanticDuplicates
from prefmill.schemas.errors import UserError
from prefmill.schemas.rows import Message, Task
tasks = [Task(messages=(Message(role="user", content=text),)) for text in ("abc", "", "cab", "ccc")]
for embeddings in ("static", "sentence"):
    for folder in sys.argv[1:]:
        try:
            plugin = SemanticDuplicates.model_validate({"embeddings": embeddings, "model": folder})
            found = plugin.choose(tasks).flagged
            print([place for place, task in enumerate(tasks) if task.id in found])
        except UserError as error:
            print(error)
"""


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


def _said(packages: Path, sources: tuple[str, str], *folders: Path) -> list[str]:
    """What the filter says in a process of its own, with stand-ins for packages that need not be installed here."""
    for name, source in zip(("model2vec", "sentence_transformers"), sources, strict=True):
        (packages / f"{name}.py").write_text(source, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    command = [sys.executable, "-c", CHOOSE, *map(str, folders)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_models_of_other_packages(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "letters").write_text("abc", encoding="utf-8")
    sources = (LETTERS.format(name="StaticModel"), LETTERS.format(name="SentenceTransformer"))
    missing = f"semantic_duplicates: model: no folder {tmp_path / 'nowhere'}"
    assert _said(tmp_path, sources, folder, tmp_path / "nowhere") == ["[2]", missing] * 2


def test_a_package_that_is_missing(tmp_path: Path) -> None:
    assert _said(tmp_path, ("raise ImportError", "raise ImportError"), tmp_path) == [
        f"semantic_duplicates: embeddings: {name} needs the package {package}. Next: pip install {package}"
        for name, package in (("static", "model2vec"), ("sentence", "sentence-transformers"))
    ]


def test_a_model_is_looked_up_from_the_recipes_folder(tmp_path: Path) -> None:
    plugin = SemanticDuplicates.model_validate({"embeddings": "static", "model": "vectors"}).at(tmp_path)
    assert plugin.model == tmp_path / "vectors"
