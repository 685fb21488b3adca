"""What is said of an export: what the files are, how they were made, and what they do not carry. In Markdown.

`card` is the page beside the files of one format; the card of a published set (`publishing/card.py`) is put together
from the same parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..schemas.formats import Format
from ..schemas.visible import visible
from .bias_tables import bias_tables, ranking_tables
from .splitting.figures import absent, lines
from .waterfall import StageCount

SIMULATED = "**Simulated data**: answers and judgments come from prefmill's simulated world, not from models."


def card(
    plugin: Format, manifest: Mapping[str, Any], count: StageCount, files: Mapping[str, int], simulated: bool
) -> str:
    """`README.md` of an export folder."""
    lines = [f"# {manifest['name']}, as `{plugin.plugin_name()}`", ""]
    lines += [SIMULATED, ""] if simulated else []
    lines += table(["file", ">rows"], [[name, f"{rows:,}"] for name, rows in files.items() if rows])
    lines += ["", f"Made by prefmill {manifest['prefmill']} with seed {manifest['seed']}.", ""]
    calls = [[row["stage"], row["model"], f"{row['calls']:,}", f"{row['failed']:,}"] for row in manifest["calls"]]
    lines += table(["who", "model", ">calls", ">failed"], calls)
    lines += ["", *about(plugin, count), "", *sections(manifest)]
    return "\n".join(lines).rstrip() + "\n"


def sections(manifest: Mapping[str, Any]) -> Iterator[str]:
    """How rows are split, what sways the teachers and how the answering models rank, as sections; nothing of what was
    not measured."""
    if split := lines(manifest.get("split", {})):
        nothing = [
            f"Nothing here is of {as_text(name)!r}, which was to be held out." for name in absent(manifest["split"])
        ]
        yield from ("## Train and held out", "", *(f"- {line}" for line in (*split, *nothing)), "")
    bias, ranking = manifest.get("bias"), manifest.get("ranking")
    for one in (*(bias_tables(bias) if bias else ()), *(ranking_tables(ranking) if ranking else ())):
        yield from (f"## {one.title}", "")
        if one.explained:
            yield from (as_text(one.explained), "")
        if one.rows:
            yield from (*table(one.columns, one.rows), "")
        yield from (*(f"- {as_text(note)}" for note in one.notes), *([""] if one.notes else []))


_ENTITY = re.compile(r"&(?=#?\w+;)")
KEPT = {"comparison": "verdicts", "grade": "graded answers", "both": "verdicts and graded answers"}


def about(plugin: Format, count: StageCount) -> list[str]:
    """What a format refused, what its consumers trip over, and what it never carries."""
    parts = []
    if count.dropped:
        kept = f"Of {count.entered:,} kept {KEPT[plugin.takes]}"
        refused = [f"- {reason}: {rows:,}" for reason, rows in sorted(count.dropped.items())]
        parts.append([f"{kept}, {count.dropped.total():,} are not in these files:", "", *refused])
    if plugin.notes():
        parts.append([f"- {note}" for note in plugin.notes()])
    parts.append(["This format does not carry:", "", *(f"- {loss}" for loss in plugin.loses)])
    return [line for part in parts for line in (*part, "")][:-1]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table whose columns named with a leading `>` stand right; a text stays in its cell whatever it holds."""
    lines = [[column.lstrip(">") for column in columns], *rows]
    drawn = [f"| {' | '.join(_cell(text) for text in line)} |" for line in lines]
    rule = f"|{'|'.join('--:' if column.startswith('>') else '---' for column in columns)}|"
    return [drawn[0], rule, *drawn[1:]]


def as_text(text: str) -> str:
    """A text in Markdown that holds no markup of HTML, no link and nothing that a terminal would obey."""
    return _ENTITY.sub("&amp;", visible(text)).replace("<", "&lt;").replace("](", "]\\(")


def _cell(text: str) -> str:
    return as_text(" ".join(text.split())).replace("|", "\\|")
