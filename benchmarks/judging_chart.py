"""Draws the figures of `judging.py --json FILE`: what each strategy buys, what it costs, and what bias is left.

pip install matplotlib
python benchmarks/judging_chart.py FILE docs/judging.svg
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import fmean

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

PEERS = ("recipe", "distilabel")
INK, OURS, THEIRS, OTHER = "#333333", "#1f6fb4", "#c4591a", "#2a9d5c"
PANELS = (
    ("right winners", (("right", OURS, ""),)),
    ("cost of judging a pair", (("cost", OURS, ""),)),
    ("clean labels for 1,000 units", (("clean", OURS, ""),)),
    (
        "bias left, in standard deviations",
        (("position", OURS, "standing first"), ("length", THEIRS, "2.7 times as long"), ("own", OTHER, "own family")),
    ),
)
"""Title of each panel, and what it shows: figure, colour, name."""


def main() -> None:
    """A row for each strategy, the one that buys most clean labels on top; those of others are marked."""
    source, target = map(Path, sys.argv[1:3])
    found = {
        name: {key: fmean(world[key] for world in worlds) for key in worlds[0]}
        for name, worlds in json.loads(source.read_text()).items()
    }
    order = sorted(found, key=lambda name: found[name]["clean"])
    plt.rcParams.update(
        {"font.size": 9, "svg.hashsalt": "prefmill", "svg.fonttype": "none", "axes.edgecolor": INK, "text.color": INK}
    )
    figure, panels = plt.subplots(1, len(PANELS), figsize=(12, 5.2), sharey=True, layout="constrained")
    for axes, (title, shown) in zip(panels, PANELS, strict=True):
        for place, name in enumerate(order):
            axes.axhline(place, color="#eeeeee", linewidth=0.8, zorder=0)
            for key, colour, what in shown:
                label = what if what and not place else None
                # A label for every second pair is worth less than its share of right ones says.
                size = 12 + 30 * (found[name]["kept"] if key == "right" else 0.6)
                axes.scatter(found[name][key], place, color=colour, s=size, zorder=2, label=label)
        axes.set_title(title, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].axvline(0, color=INK, linewidth=0.8)
    panels[-1].legend(loc="lower right", frameon=False, fontsize=8)
    panels[0].set_xlabel("size: share of pairs with a label", fontsize=8)
    panels[0].set_yticks(range(len(order)), order)
    for text, name in zip(panels[0].get_yticklabels(), order, strict=True):
        text.set_color(THEIRS if any(peer in name for peer in PEERS) else INK)
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main()
