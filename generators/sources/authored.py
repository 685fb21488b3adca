"""Tasks that models write, each with a rubric and a reference answer: the recipe of the Feedback-Collection.

Source: Prometheus, arXiv 2310.08491, section 3; see `generators/authoring/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from ...schemas.errors import SourceError
from ...schemas.rows import Loss, Message, Reference, Task
from ...schemas.rubric import Rubric
from ..authoring.author import Author
from ..authoring.plan import Plan, Rubrics
from ..calls import Caller
from ..providers import Provider
from ..providers._entry import Entry, OptionalEntry
from . import Fields, Source
from ._seed_rubrics import read_seed_rubrics


class Authored(Source):
    """Rubrics, instructions and reference answers written by models, from a file of seed rubrics.

    The tasks are not read but asked for, through `authored`; `tasks` only looks whether the seeds can be read.
    """

    rubrics: Rubrics
    """How new rubrics come about: `{seeds: FILE, wanted: N, …}`."""
    instructions_per_rubric: int = Field(20, ge=1)
    """Instructions, each with a reference answer, for every rubric (Prometheus: 20)."""
    author: Entry
    """The model that writes rubrics and instructions: `{provider: NAME, …}`."""
    reference: OptionalEntry = None
    """The model that writes the reference answers, best a strong one; None: the author."""
    reference_words: int | None = Field(None, ge=1)
    """Words every reference answer is to have, about; None: what the request calls for."""
    retries: int = Field(2, ge=0)
    """How often a reply that cannot be read is asked for again, each time as a fresh sample."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.fields != Fields():
            raise ValueError("fields: there are no columns; the tasks are written by models")
        for key, provider in (("author", self.author), ("reference", self.reference)):
            if provider is not None and provider.local:
                raise ValueError(f"{key}: {provider.plugin_name()!r} holds answers and writes nothing")
            if provider is not None and provider.samples != 1:
                raise ValueError(f"{key}.samples: it is asked once (got {provider.samples})")
        if len({provider.label for provider in self.authors()}) != len(self.authors()):
            raise ValueError(f"author and reference are both called {self.author.label!r}; give one of them a `name`")
        return self

    def authors(self) -> tuple[Provider, ...]:
        """Everyone who is asked; one provider where author and reference are the same."""
        reference = self.reference or self.author
        return (self.author,) if reference == self.author else (self.author, reference)

    @property
    def plan(self) -> Plan:
        """What is to be written."""
        return Plan(
            rubrics=self.rubrics,
            instructions_per_rubric=self.instructions_per_rubric,
            reference_words=self.reference_words,
            retries=self.retries,
            limit=self.limit,
        )

    def authored(self, callers: Mapping[str, Caller], seed: int) -> AsyncGenerator[Task | Loss, None]:
        """The tasks as they become ready, in a fixed order; see `Author.tasks`.

        `callers`: label of each of `authors()` -> its caller. Raises `SourceError` at once where the seeds cannot be
        read.
        """
        seeds, reference = self._seeds(), self.reference or self.author
        author = Author(
            self.plan, seeds, callers[self.author.label], callers[reference.label], seed=seed, licence=self.licence
        )
        return author.tasks()

    def _seeds(self) -> tuple[Rubric, ...]:
        return read_seed_rubrics(self.rubrics.seeds, self.rubrics.demonstrations)

    def tasks(self) -> Iterator[Task | Loss]:
        """Nothing: tasks come from `authored`. Raises `SourceError` where the seeds cannot be read."""
        return self._nothing()

    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        return self._nothing()

    def _nothing(self) -> Iterator[Any]:
        self._seeds()
        return iter(())

    def sketch(self) -> Iterator[Task | Loss]:
        rubric = self._seeds()[0]
        words = "word " * (self.reference_words or 150)
        for number in range(self.plan.tasks):
            yield Task(
                source_id=str(number),
                messages=(Message(role="user", content="word " * 40),),
                reference=Reference(text=words),
                rubric=rubric,
            )

    def authoring_calls(self) -> Mapping[str, int]:
        reference = self.reference or self.author
        return Counter({self.author.label: self.plan.least_calls}) + Counter({reference.label: self.plan.tasks})

    def places(self) -> Iterator[object]:
        return iter(range(self.plan.tasks))

    def where(self) -> str:
        return "authored"

    def at(self, folder: Path) -> Self:
        reference = self.reference.at(folder) if self.reference else None
        rubrics = self.rubrics.model_copy(update={"seeds": folder / self.rubrics.seeds.expanduser()})
        return self.model_copy(update={"rubrics": rubrics, "author": self.author.at(folder), "reference": reference})

    def check(self) -> None:
        if not self.rubrics.seeds.is_file():
            raise SourceError(
                f"{self.rubrics.seeds}: no such file. A relative path is looked up from the recipe's folder."
            )
