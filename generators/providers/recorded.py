"""Answers that already exist, from a file: nothing is sent and nothing is paid."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

import orjson

from ...schemas.errors import CallFailed, SourceError, known
from ...schemas.frozen import Frozen
from ..files import opened
from . import Connection, Provider, Reply, Request, Site


class AnswerFields(Frozen):
    """Which key of a recorded answer holds what."""

    id: str = "id"
    """Id of the task, as the task source gives it."""
    instruction: str = "instruction"
    """The task's instruction; used where the file has no task ids."""
    model: str = "model"
    """Name of the answering model; lines of other models are skipped. A file without this key holds one model."""
    text: str = "text"
    """The answer."""
    finish_reason: str = "finish_reason"


class Recorded(Provider):
    """One model's answers from a JSON-lines file (`.gz` too), matched by task id or else by instruction."""

    local: ClassVar[bool] = True

    path: str
    """File of recorded answers, relative to the recipe."""
    fields: AnswerFields = AnswerFields()
    """Names of the keys, where they differ from the defaults."""

    def at(self, folder: Path) -> Self:
        """This provider with its file resolved against the recipe's folder."""
        return self.model_copy(update={"path": str(folder / self.path)})

    @asynccontextmanager
    async def open(self, site: Site) -> AsyncIterator[Connection]:
        """The file's answers of this model, held in memory."""
        yield _Recording(self)


class _Recording:
    """Recorded answers by task id and by instruction; further answers to one task are its further samples."""

    def __init__(self, provider: Recorded) -> None:
        self._label = provider.label
        self._answers: dict[tuple[str, str], list[Reply]] = {}
        models: set[str] = set()
        with opened(Path(provider.path)) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    models.add(self._add(provider, line, f"{provider.path}:{number}"))
        if not self._answers:
            raise SourceError(f"{provider.path}: no answers of {provider.model!r}. {known(provider.model, models)}")

    def _add(self, provider: Recorded, line: bytes, where: str) -> str:
        """Take one line of the file, unless it is another model's; returns the model's name."""
        keys, record = provider.fields, _object(line, where)
        model = str(record.get(keys.model, provider.model))
        if model != provider.model:
            return model
        text, finish = record.get(keys.text), record.get(keys.finish_reason)
        if not isinstance(text, str):
            raise SourceError(f"{where}: no answer under {keys.text!r}. {known(keys.text, record)}")
        reply = Reply(text, finish if isinstance(finish, str) else None, 0, 0)
        named = [(name, record.get(getattr(keys, name))) for name in ("id", "instruction")]
        names = [(name, str(value)) for name, value in named if value is not None and value != ""]
        if not names:
            raise SourceError(f"{where}: neither {keys.id!r} nor {keys.instruction!r}. {known(keys.id, record)}")
        for name in names:
            self._answers.setdefault(name, []).append(reply)
        return model

    async def complete(self, request: Request) -> Reply:
        """The recorded answer; `unanswered` where there is none."""
        task = request.task
        by_id = self._answers.get(("id", task.source_id), []) if task.source_id else []
        answers = by_id or self._answers.get(("instruction", task.instruction), [])
        if request.sample >= len(answers):
            raise CallFailed("unanswered", f"{self._label} has {len(answers)} recorded answers to this task")
        return answers[request.sample]

    async def check(self) -> None:
        """Nothing to check: the file was read when it was opened."""

    async def load(self) -> None:
        """A file is never busy."""


def _object(line: bytes, where: str) -> dict[str, object]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{where}: not JSON ({error})") from error
    if not isinstance(record, dict):
        raise SourceError(f"{where}: not a JSON object")
    return record
