"""Draws the figures of `judging.py --json FILE`: what a pair costs and how many labels are right, with the bias left.

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
INK, OURS, THEIRS = "#333333", "#1f6fb4", "#c4591a"


def main() -> None:
    """Draw the chart: above, right labels over cost; below, how much length and position still buy."""
    source, target = map(Path, sys.argv[1:3])
    found = {
        name: {key: fmean(world[key] for world in worlds) for key in worlds[0]}
        for name, worlds in json.loads(source.read_text()).items()
    }
    plt.rcParams.update({"font.size": 9, "svg.hashsalt": "prefmill", "axes.edgecolor": INK, "text.color": INK})
    figure, (above, below) = plt.subplots(1, 2, figsize=(11, 5), width_ratios=(1.25, 1), layout="constrained")
    for name, of in found.items():
        colour = THEIRS if any(peer in name for peer in PEERS) else OURS
        above.scatter(of["cost"], of["right"], s=18 + 90 * of["kept"], color=colour, alpha=0.75, linewidths=0)
        above.annotate(name, (of["cost"], of["right"]), textcoords="offset points", xytext=(7, -3), fontsize=7.5)
    above.set_xlabel("cost of judging a pair (a cheap call is 1, a strong one 10)")
    above.set_ylabel("share of right winners (size: share of pairs that have a label)")
    above.margins(x=0.25)
    order = sorted(found, key=lambda name: abs(found[name]["length"]) + abs(found[name]["position"]))
    for place, name in enumerate(order):
        of = found[name]
        below.plot([of["position"], of["length"]], [place, place], color="#bbbbbb", linewidth=1, zorder=1)
        below.scatter(of["position"], place, color=OURS, s=22, zorder=2, label="standing first" if not place else None)
        below.scatter(
            of["length"], place, color=THEIRS, s=22, zorder=2, label="2.7 times as long" if not place else None
        )
    below.axvline(0, color=INK, linewidth=0.8)
    below.set_yticks(range(len(order)), order, fontsize=7.5)
    below.set_xlabel("what it is worth, in standard deviations of quality")
    below.legend(loc="lower right", frameon=False)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main()
