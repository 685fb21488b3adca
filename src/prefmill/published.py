"""What a person sees when a run was published, and the same as JSON."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prefmill.tables import console, table

if TYPE_CHECKING:
    from prefmill.pipelines.publish import Published


def as_plain(published: Published) -> dict[str, Any]:
    """What came of it, as JSON values."""
    told, uploaded = published.folder.told, published.uploaded
    configs: dict[str, dict[str, int]] = {}
    for split, rows in told.splits:
        configs.setdefault(split.config, {})[split.split] = rows
    return {
        "folder": str(published.folder.path),
        "files": list(published.folder.files),
        "configs": configs,
        "refused": {one.plugin.plugin_name(): dict(sorted(one.count.dropped.items())) for one in told.written},
        "simulated": told.simulated,
        "licence": asdict(told.licence),
        "uploaded": asdict(uploaded) if uploaded else None,
    }


def show_published(published: Published) -> None:
    """What lies where, under which licence, and what was sent."""
    told, uploaded, out = published.folder.told, published.uploaded, sys.stdout.write
    drawn = table("configuration", "split", ">rows", "file")
    for split, rows in told.splits:
        drawn.add_row(split.config, split.split, f"{rows:,}", split.path)
    console().print(drawn)
    for one in told.written:
        for reason, rows in sorted(one.count.dropped.items()):
            out(f"format {one.plugin.plugin_name()} refuses {rows:,}: {reason}\n")
    if told.simulated:
        out("simulated: answers and judgments come from the simulated world; the card says so\n")
    out(f"licence: {', '.join(told.licence.names)}\n")
    for restriction in told.licence.restrictions:
        out(f"restricted: {restriction.source}: {restriction.text} ({restriction.address})\n")
    if told.licence.unknown_terms:
        out(f"unknown terms: {', '.join(told.licence.unknown_terms)}\n")
    out(f"wrote {published.folder.path}\n")
    if uploaded is None:
        out("nothing was uploaded (--dry-run)\n")
        return
    for line in uploaded.said:
        out(f"the Hub says: {line}\n")
    removed = f", {len(uploaded.removed):,} removed" if uploaded.removed else ""
    out(f"sent {len(uploaded.sent):,} files, {uploaded.unchanged:,} were there already{removed}\n")
    out(f"published {uploaded.url} at {uploaded.commit[:12]}\n")
