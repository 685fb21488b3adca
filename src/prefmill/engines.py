"""What a person sees of the models that a run has loaded itself. Printing only."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from prefmill.tables import console, table


def show_engines(manifest: Mapping[str, Any]) -> None:
    """Each loaded model: how often, how long that took, and how much of its prompts the prefix cache had."""
    for line in manifest.get("reaped", ()):
        sys.stdout.write(f"ended first, left by an earlier run: {line}\n")
    if not manifest.get("engines"):
        return
    shown = table("loaded here", ">loads", ">woken", ">crashes", ">s loading", ">tokens in", ">cached", ">tokens out")
    for one in manifest["engines"]:
        prompt = one["prompt_tokens"]
        shown.add_row(
            ", ".join(one["models"]), f"{one['loads']:,}", f"{one['wakes']:,}", f"{one['crashes']:,}",
            f"{one['load_s']:,.1f}", f"{prompt:,}", f"{one['cached_tokens'] / prompt:.0%}" if prompt else "-",
            f"{one['completion_tokens']:,}",
        )  # fmt: skip
    console().print(shown)
