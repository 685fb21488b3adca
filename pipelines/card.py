"""The card of an export: what the files are, how they were made, and what they do not carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..schemas.formats import Format
from .waterfall import StageCount


def card(
    plugin: Format, manifest: Mapping[str, Any], count: StageCount, files: Mapping[str, int], simulated: bool
) -> str:
    """`README.md` of an export folder, in Markdown."""
    lines = [f"# {manifest['name']}, as `{plugin.plugin_name()}`", ""]
    if simulated:
        lines += [
            "**Simulated data**: answers and judgments come from prefmill's simulated world, not from models.",
            "",
        ]
    lines += ["| file | rows |", "|---|--:|"]
    lines += [f"| {name} | {rows:,} |" for name, rows in files.items() if rows]
    lines += ["", f"Made by prefmill {manifest['prefmill']} with seed {manifest['seed']}."]
    lines += ["", "| who | model | calls | failed |", "|---|---|--:|--:|"]
    lines += [
        f"| {row['stage']} | {row['model']} | {row['calls']:,} | {row['failed']:,} |" for row in manifest["calls"]
    ]
    if count.dropped:
        lines += ["", f"Of {count.entered:,} kept verdicts, {count.dropped.total():,} are not in these files:", ""]
        lines += [f"- {reason}: {rows:,}" for reason, rows in sorted(count.dropped.items())]
    if plugin.notes():
        lines += ["", *(f"- {note}" for note in plugin.notes())]
    lines += ["", "This format does not carry:", "", *(f"- {loss}" for loss in plugin.loses)]
    return "\n".join(lines) + "\n"
