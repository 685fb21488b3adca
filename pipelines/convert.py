"""Files of one format into files of another, row by row in constant memory, with a count of everything that is lost.

Between two formats every record becomes an Example and is encoded again. Where both are the same only the encoding
changes (JSON lines to Parquet, say), and records stay what they are (`recode`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from ..generators.records import read
from ..generators.records.columns import Columns
from ..generators.records.format_files import FAILED, found_files, new_files
from ..generators.records.intake import Intake
from ..generators.records.outputs import Outputs
from ..schemas.contents import contents_of
from ..schemas.errors import CannotCarry, SourceError, UserError
from ..schemas.formats import Format
from ..schemas.rows import Example, Loss
from .conversion import Conversion
from .recode import recode

HEAD = 100
"""Places looked at to see whether a file has the format's own columns."""


def convert(
    source: Format, target: Format, inputs: Path, outputs: Path, *, out_as: str | None = None, strict: bool = False
) -> Conversion:
    """Convert the file or folder `inputs` of format `source` into `outputs` of format `target`.

    `format_files` says which files are meant; `out_as` is an ending (`parquet`, `jsonl`, …) for all that are made.
    Places without a row, and rows that `source` cannot read, are written to `failed.jsonl` beside what is made. Files
    are put in their places once all of them are whole; where no row comes through, only `failed.jsonl` is.

    Raises `UserError`: the formats hold different things, files are not there or hold no rows, `outputs` cannot be
    written; with `strict`, anything would be lost. Nothing is left at `outputs` then.
    """
    if {source.takes, target.takes} == {"comparison", "grade"}:
        raise UserError(
            f"{source.plugin_name()} holds {_HELD[source.takes]}, {target.plugin_name()} holds {_HELD[target.takes]}: "
            "no row of one can become a row of the other."
        )
    paths = found_files(source, inputs)
    columns = {name: Columns(schema) for name, schema in source.features().items() if name in paths}
    recoded = source == target and all(_has_columns(path, columns[name]) for name, path in paths.items())
    places, failed_place = new_files(target, outputs, out_as, paths if recoded else None)
    if {path.resolve() for path in paths.values()} & {place.resolve() for place in (*places.values(), failed_place)}:
        raise UserError(f"{outputs}: is what would be read. Choose another place.")
    done = Conversion(source.plugin_name(), target.plugin_name(), recoded)
    with _told(outputs):
        with Outputs({**places, FAILED: failed_place}, target.features) as out:
            lost = recode(paths, columns, places, out, done) if recoded else _encoded(source, target, paths, out, done)
            for loss in lost:
                out.write(FAILED, loss.record())
            done.count.check(f"convert {done.source} to {done.target}")
            if not any(done.read.values()):
                raise SourceError(f"{inputs}: holds no rows.")
            if strict and done.losses:
                raise UserError(f"{outputs}: nothing is written, since with --strict nothing may be lost: {_all(done)}")
        out.keep(*(() if done.count.kept else (FAILED,)))
    done.written = {str(place): out.rows[name] for name, place in places.items() if out.rows[name]}
    done.failed = failed_place if out.rows[FAILED] else None
    return done


_HELD = {"comparison": "comparisons of answers", "grade": "grades of single answers"}


def _has_columns(path: Path, columns: Columns) -> bool:
    """Whether a file is as the format writes it, and not in another, published, layout that it also reads."""
    fit, readable = (
        any(isinstance(found, dict) for _, found in islice(places, HEAD)) for places in (columns.read(path), read(path))
    )
    return fit or not readable


def _encoded(source: Format, target: Format, paths: dict[str, Path], out: Outputs, done: Conversion) -> Iterator[Loss]:
    """Writes what the target carries, counts the rest; yields what is no example in the source."""
    intake = Intake(source, paths)
    index = -1
    for row in _decoded(source, intake):
        done.count.entered += 1
        if isinstance(row, Loss):
            loss = intake.placed(row)
            done.count.lose(loss)
            yield loss
            continue
        # Formats make ids of the index: those of several files must not meet.
        example = row if row.index > index else row.model_copy(update={"index": index + 1})
        index = example.index
        try:
            records = list(target.encode(example))
        except CannotCarry as refusal:
            done.count.dropped[refusal.reason] += 1
            continue
        done.count.kept += 1
        done.left_out.update(contents_of(example) - target.carries)
        for name, record in records:
            out.write(name, record)
    for loss in intake.overlooked():
        done.count.entered += 1
        done.count.lose(loss)
        yield loss
    done.read, done.other_columns = intake.read(), intake.other_columns


def _decoded(source: Format, intake: Intake) -> Iterator[Example | Loss]:
    try:
        yield from source.decode(intake.records())
    except UserError:
        raise
    except ValueError as problem:
        raise SourceError(intake.told(str(problem))) from problem


def _all(done: Conversion) -> str:
    """Everything that is lost, on one line."""
    return "; ".join(
        f"{kind}: {', '.join(f'{name} {count:,}' for name, count in rows.most_common())}"
        for kind, rows in done.losses.items()
    )


@contextmanager
def _told(place: Path) -> Iterator[None]:
    """What goes wrong with the files that are made, as one line."""
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{place}: cannot be written ({error.strerror or error}).") from error
