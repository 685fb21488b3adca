"""What a person sees of a review's figures: progress, annotators, and what they say of each other and of teachers."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefmill.tables import console, table


def show_status(told: Mapping[str, Any], directory: Path) -> None:
    """Progress, annotators, then what is measured."""
    out = sys.stdout.write
    strata = table("stratum", ">pairs", ">labels wanted", ">handed out", ">done")
    for name, one in told["strata"].items():
        strata.add_row(name, *(f"{one[key]:,}" for key in ("pairs", "wanted", "handed", "done")))
    console().print(strata)
    if told["annotators"]:
        people = table("annotator", ">done", ">of", ">cannot judge", ">s a record", "chose the first", "gold wrong")
        for name, one in told["annotators"].items():
            gold = one["gold"]
            people.add_row(
                name, f"{one['done']:,}", f"{one['handed']:,}", f"{one['cannot_judge']:,}",
                "-" if one["seconds"] is None else f"{one['seconds']:g}",
                _said(one["first"]) or "-", f"{gold['wrong']} of {gold['checked']}" if gold["checked"] else "-",
            )  # fmt: skip
        console().print(people)
    for key, which in (("audit", "pairs of the audit"), ("all", "pairs of any kind")):
        found = told["people"][key]
        if said := _said(found["agreement"]):
            kappa = found["kappa"]
            more = "" if "undefined" in kappa else f", kappa {kappa['value']:.2f}"
            out(f"two people agree on {said} of {found['agreement']['n']:,} {which} that both decided{more}\n")
    _show_besides(told)
    _show_merge(told["merge"])
    teachers = told["teachers"]
    if "undefined" in teachers:
        out(f"teachers and people: {teachers['undefined']}\n")
        return
    audit = told["audit"]
    out(
        f"teachers agree with people on {_said(teachers)}, by {teachers['n']:,} pairs drawn of "
        f"{audit['population']:,} ({audit['read']:,} of {audit['drawn']:,} read, {audit['undecided']:,} undecided)\n"
    )
    width = f"±{told['target']:g}"
    if not told["more"]:
        out(f"the interval is within {width}\n")
        return
    out(f"{told['more']:,} more audit labels bring the interval under {width}\n")
    if told["more"] > audit["drawn"] - audit["read"]:
        wanted = audit["read"] + told["more"]
        out(f"next: prefmill review plan {shlex.quote(str(directory))} --audit {wanted} --again\n")


def _show_besides(told: Mapping[str, Any]) -> None:
    """Ratings, and each criterion."""
    out = sys.stdout.write
    if ratings := told["ratings"]:
        alpha, gap = (_number(ratings[key]) for key in ("alpha", "gap"))
        out(
            f"ratings of {ratings['answers']:,} answers: the better one's is higher by {gap}; "
            f"of two people for one answer: alpha {alpha}\n"
        )
    for name, one in told["criteria"].items():
        same, choice = (_said(one[key]) or f"({one[key]['undefined']})" for key in ("agreement", "with_choice"))
        out(f"{name}: two people agree on {same}; better by it is better overall in {choice}\n")


def _show_merge(merge: Mapping[str, Any]) -> None:
    """How reviews became labels, where it is not simply the majority."""
    if merge["why"]:
        sys.stdout.write(f"labels by {merge['by']}: {merge['why']}\n")
    elif merge["right"]:
        right = ", ".join(f"{name} {share:.1%}" for name, share in merge["right"].items())
        sys.stdout.write(f"labels by {merge['by']}, after which people are right in: {right}\n")


def _number(figure: Mapping[str, Any]) -> str:
    """`0.81 [0.75, 0.86]`, or why there is none."""
    if "undefined" in figure:
        return f"({figure['undefined']})"
    return f"{figure['value']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def _said(figure: Mapping[str, Any]) -> str:
    """`0.81 [0.75, 0.86]` in percent; empty where nothing was measured."""
    if "undefined" in figure:
        return ""
    return f"{figure['value']:.1%} [{100 * figure['low']:.1f}, {100 * figure['high']:.1f}]"
