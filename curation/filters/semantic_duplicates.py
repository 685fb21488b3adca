"""Semantic duplicates: tasks that ask the same in other words, by the cosine of their vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol, Self

import numpy as np
from pydantic import Field, model_validator

from ...schemas.errors import UserError
from ...schemas.rows import Task
from ..duplicates.bags import Vectors, bags_of, unit
from ..duplicates.cosine import alike
from ..duplicates.of_tasks import Compared, Passed, Preferred
from . import Selection, TaskSetFilter

_AT_ONCE = 4096
"""Texts that a model is given at once."""


class _Model(Protocol):
    def encode(self, sentences: list[str]) -> Vectors:
        """A vector for each text, shape (n, d)."""


class SemanticDuplicates(TaskSetFilter):
    """Flags, or drops, tasks whose vectors have a cosine of at least `threshold` with that of one that stays.

    SemDeDup (arXiv 2303.09540): vectors are compared within clusters, up to 20,000 tasks all with each other. What
    counts as alike depends on the vectors, so that people should look at what is flagged before anything is dropped.
    Those of `words` need no model: weighed by rarity, in any order, and blind to synonyms. Tasks with different rubrics
    are different.
    """

    threshold: float = Field(0.92, gt=0, le=1)
    """Cosine from which on two tasks are alike."""
    report_only: bool = True
    """Flag what is alike; false drops it."""
    embeddings: Literal["words", "static", "sentence"] = "words"
    """`words`: hashed words; `static`: a model2vec model (`pip install 'prefmill[static]'`); `sentence`: a
    sentence-transformers model (`'prefmill[sentence]'`)."""
    model: Path | None = None
    """Folder with the model, for `static` and `sentence`; a relative path is looked up from the recipe's folder."""
    compared: Compared = "chat"
    """`chat`: all turns, without the system prompt; `instruction`: the user's last message alone."""
    keep: Preferred = "first"
    """Which one stays: the `first` of the source, the first with a `reference`, or the `longest`."""
    seed: int = 0
    """Of the clusters."""

    @model_validator(mode="after")
    def _model_where_needed(self) -> Self:
        if (self.embeddings == "words") != (self.model is None):
            raise ValueError("model is the folder of a static or sentence model, and goes with these embeddings only")
        return self

    def at(self, folder: Path) -> Self:
        """The same filter, its model looked up from `folder`."""
        return self.model_copy(update={"model": folder / self.model.expanduser()}) if self.model else self

    def choose(self, tasks: Iterable[Task]) -> Selection:
        passed = Passed()
        vectors = self._vectors(passed.texts(tasks, self.compared))
        of, cosine = alike(vectors, self.threshold, passed.order(self.keep), passed.groups, self.seed)
        found = {
            passed.ids[text]: f"cosine {cosine[text]:.3f} with {kept}"
            for text in np.flatnonzero(of >= 0).tolist()
            if (kept := passed.ids[of[text]]) != passed.ids[text]
        }
        told = {"tasks": len(passed.ids), "alike": len(found)}
        return Selection(flagged=found, told=told) if self.report_only else Selection(dropped=found, told=told)

    def _vectors(self, texts: Iterator[str]) -> Vectors:
        if self.model is None:
            return bags_of(texts)
        model = _static(self.model) if self.embeddings == "static" else _sentence(self.model)
        batches = iter(lambda: list(islice(texts, _AT_ONCE)), [])
        parts = [np.asarray(model.encode(some), dtype=np.float32) for some in batches]
        vectors = unit(np.concatenate(parts)) if parts else np.empty((0, 1), dtype=np.float32)
        if not np.isfinite(vectors).all():
            raise UserError(f"{self.model}: the model gives vectors that are not finite")
        return vectors


def _static(folder: Path) -> _Model:
    try:
        from model2vec import StaticModel
    except ImportError:
        raise _missing("static", "model2vec") from None
    model: _Model = StaticModel.from_pretrained(str(_there(folder)))
    return model


def _sentence(folder: Path) -> _Model:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise _missing("sentence", "sentence-transformers") from None
    model: _Model = SentenceTransformer(str(_there(folder)))
    return model


def _there(folder: Path) -> Path:
    # Both packages would take a name that is no folder for one of the Hub and download it.
    if not folder.is_dir():
        raise UserError(f"semantic_duplicates: model: no folder {folder}")
    return folder


def _missing(embeddings: str, package: str) -> UserError:
    return UserError(
        f"semantic_duplicates: embeddings: {embeddings} needs the package {package}. Next: pip install "
        f"'prefmill[{embeddings}]'"
    )
