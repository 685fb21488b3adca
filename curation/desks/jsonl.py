"""Files instead of a server: for each annotator the records as JSON Lines, and a page to label them in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
from pydantic import ValidationError

from ...schemas.errors import SourceError, UserError, known
from . import Batch, Desk, Offered, Record, Said
from ._page import page

SHOWN = {*Record.model_fields, "guidelines", "asked"} - {"vector"}
"""Keys of a line that is handed out; they may come back with a label. Vectors are for desks that look for what is
alike."""


class Jsonl(Desk):
    """Files: `NAME.html` to label in a browser without any server, and `NAME.jsonl` with the same records.

    The page's download comes back as it is. So does `NAME.jsonl` with a `choice` on the lines that are done: `A`, `B`,
    `tie`, or null for cannot judge; and where they are asked for, `ratings` (of A and B, null for none) and `criteria`
    (name -> as `choice`).
    """

    def offer(self, batch: Batch, folder: Path, tell: Callable[[int], None]) -> Offered:
        written = []
        for annotator, records in batch.by_annotator().items():
            lines = "".join(_line(record, batch) for record in records)
            for name, text in (
                (f"{annotator}.jsonl", lines),
                (f"{annotator}.html", page(batch, annotator, records)),
            ):
                _write(folder / name, text)
                written.append(str(folder / name))
            tell(len(records))
        return Offered(tuple(written))

    def collect(self, run: str, files: Sequence[Path]) -> Iterator[tuple[str, Said]]:
        if not files:
            raise UserError(f"{run}: which files? Name those that the annotators downloaded from their pages.")
        for path in files:
            try:
                content = path.read_bytes()
            except OSError as error:
                raise SourceError(f"{path}: no labels can be read ({error.strerror}).") from error
            yield from said_in(str(path), content)


def said_in(name: str, content: bytes) -> Iterator[tuple[str, Said]]:
    """The labels in a file's content, each with `FILE:LINE`; a record that is handed back without a `choice` is open.

    Raises `SourceError` naming file, line and key.
    """
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise SourceError(f"{where}: not JSON ({error}).") from None
        if not isinstance(fields, dict):
            raise SourceError(f"{where}: a label is a JSON object (got {type(fields).__name__}).")
        handed = fields.keys() & (SHOWN - Said.model_fields.keys())
        if unknown := sorted(fields.keys() - SHOWN - Said.model_fields.keys()):
            raise SourceError(f"{where}: no key {unknown[0]!r}. {known(unknown[0], Said.model_fields)}")
        if "choice" not in fields and handed:
            continue
        yield where, _said(where, {key: value for key, value in fields.items() if key in Said.model_fields})


def _said(where: str, fields: dict[str, object]) -> Said:
    try:
        return Said.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing" and len(first["loc"]) == 1:
            raise SourceError(f"{where}: {key}: missing. A label has record_id, annotator and choice.") from None
        raise SourceError(f"{where}: {key}: {first['msg']} (got {first['input']!r}).") from None


def _line(record: Record, batch: Batch) -> str:
    shown = {**record.model_dump(exclude={"vector"}), "guidelines": batch.guidelines, "asked": batch.asked.model_dump()}
    return orjson.dumps(shown).decode() + "\n"


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}). Choose another folder with --out.") from error
