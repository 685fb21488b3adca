"""The filters of a recipe on a plain file: what is kept comes out as it stood, what is dropped is told with its place.

A file is one of tasks, or one in a format of prefmill. Two things are kept apart: filters look at rows (tasks, or
examples that the format decodes), and what is written are the kept places of the files themselves, copied and not
encoded again. Rows come in passes, from the beginning of the files: one for the filters that look at a row at a time,
and another one wherever a filter has to see all that is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...curation.filters import Filter
from ...generators.records.outputs import Outputs
from ...schemas.errors import SourceError, UserError
from .copying import Copies, new_places
from .curation import DROPPED, FLAGGED, Curation
from .fit import check_fit
from .rows import FormatRows, Rows, TaskRows
from .sieve import Sieve

__all__ = ["Curation", "FormatRows", "Rows", "TaskRows", "curate"]


def curate(rows: Rows, filters: Sequence[Filter], inputs: Path, outputs: Path) -> Curation:
    """Write what all filters keep of `rows`, which are read from `inputs`, to `outputs`.

    A file becomes a file that ends alike (`.jsonl` and `.jsonl.gz` are alike), a folder a folder. Each filter sees what
    those before it have kept. Rows that are dropped, or were none, are written to `dropped.jsonl` beside what is made,
    rows that people should look at to `flagged.jsonl`; for `OUT.jsonl` that is `OUT.jsonl.dropped.jsonl`. Where no row
    is kept, only these are. Raises `UserError`: a filter has nothing to act on, files are not there or hold no rows,
    `outputs` cannot be written; nothing is left at `outputs` then.
    """
    check_fit(rows, filters)
    for plugin in filters:
        plugin.ready()
    places, notes = new_places(rows.files, inputs, outputs, (DROPPED, FLAGGED))
    try:
        with Outputs(notes, dict) as out:
            sieve = Sieve(rows, filters, out.write)
            sieve.run()
            done = sieve.done
            if not done.count.entered:
                raise SourceError(f"{inputs}: holds no rows.")
            with Copies(places) as copies:
                for name in rows.files:
                    copies.copy(name, rows.files[name], sieve.kept_places(name), rows.delimiter)
        copies.keep()
        out.keep()
    except OSError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{outputs}: cannot be written ({error.strerror or error}).") from error
    done.read = {str(path): len(rows.owners[name]) for name, path in rows.files.items()}
    done.written = {str(places[name]): written for name, written in copies.rows.items() if written}
    done.not_read = [str(path) for name, path in rows.files.items() if not rows.owners[name]]
    done.notes = {name: notes[name] for name in (DROPPED, FLAGGED) if out.rows[name]}
    return done
