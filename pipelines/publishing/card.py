"""The card of a published set: `README.md`. A figure that the run does not have is said to be not measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .. import recipe_file
from ..card import SIMULATED, about, as_text, sections, table
from .front_matter import front_matter
from .licence import Derived
from .licences import licence_named
from .measured import measured
from .provenance import Prompt, models_of, prompt_of
from .told import Told


def card(told: Told) -> str:
    """`README.md` of the repository."""
    parts = [
        *_head(told),
        *_contents(told),
        *_making(told),
        *_prompt(prompt_of(told.recipe.judge.judge)),
        *_waterfall(told),
        *_measured(told),
        *_licence(told.licence),
        *_formats(told),
        *_again(told),
    ]
    return f"---\n{recipe_file.dump(front_matter(told))}---\n\n" + "\n".join(parts) + "\n"


def _head(told: Told) -> Iterator[str]:
    yield f"# {told.manifest['name']}"
    yield ""
    if told.simulated:
        yield from ("> [!CAUTION]", f"> {SIMULATED}", "> Nothing can be learned from it about any model.", "")
    yield (
        f"{told.seen.examples:,} judged examples for training LLM judges, made by "
        f"prefmill {told.manifest['prefmill']} with seed {told.manifest['seed']}."
    )
    first = told.splits[0][0].config
    yield from ("", "```python", "from datasets import load_dataset", "")
    repo = told.repo if "/" in told.repo else f"OWNER/{told.repo}"
    yield from (f'rows = load_dataset("{repo}", "{first}")', "```", "")


def _contents(told: Told) -> Iterator[str]:
    yield from ("## Contents", "")
    rows = [[f"`{one.config}`", one.split, f"{rows:,}", f"`{one.native}`"] for one, rows in told.splits]
    yield from table(["configuration", "split", ">rows", "the same rows as the format's own file"], rows)
    yield ""
    yield (
        "Configurations are Parquet with fixed column types. An empty object, which Parquet does not have, is null "
        "there. All rows about one question are on one side of a split."
    )
    yield ""


def _making(told: Told) -> Iterator[str]:
    yield from ("## How it was made", "")
    models = models_of(told.recipe)
    if not models:
        yield from ("No model was asked.", "")
    rows = [
        [one.role, one.label, one.model, one.provider, one.where or "none", one.revision, one.sampling]
        for one in models
    ]
    yield from table(["for", "name in the rows", "model", "provider", "address", "revision", "sampling"], rows)
    recipe = told.recipe
    sent = (
        "the task's messages, and asked to deserve a given score (`aim` in `recipe.yaml`)"
        if recipe.aim
        else "the task's messages as they stand"
    )
    protocol = f"protocol `{recipe.judge.protocol.plugin_name()}`" if recipe.judge.protocol else "no protocol"
    filters = ", ".join(f"`{one.plugin_name()}`" for one in recipe.filters) or "none"
    came = sorted(set(told.seen.answered) - {one.label for one in models})
    yield from ("", f"Answers that came with the tasks: {as_text(', '.join(came))}.") if came else ()
    yield from ("", f"Answering models were sent {sent}. Judged by {protocol}; filters: {filters}.", "")
    yield from table(
        ["for", "model", ">calls", ">given up", ">tokens in", ">tokens out", ">cost"],
        [_calls(row) for row in told.manifest["calls"]],
    )
    yield from ("", f"Total cost: {_usd(told.manifest.get('cost_usd'))}.", "")


def _calls(row: Mapping[str, Any]) -> list[str]:
    counts = [f"{row[key]:,}" for key in ("calls", "failed", "prompt_tokens", "completion_tokens")]
    return [row["stage"], row["model"], *counts, _usd(row["cost_usd"])]


def _usd(cost: float | None) -> str:
    return "unknown" if cost is None else f"${cost:,.4f}"


def _prompt(prompt: Prompt) -> Iterator[str]:
    yield from ("## What the teachers were asked", "")
    version = f", prompt version `{prompt.version}`" if prompt.version else ""
    yield from (f"Judge `{prompt.judge}`{version}. {prompt.source}", "")
    for number, part in enumerate(prompt.parts, start=1):
        title = "The prompt" if len(prompt.parts) == 1 else f"Prompt {number} of {len(prompt.parts)}"
        text = "\n\n".join(f"[{turn.role}]\n{turn.content}" for turn in part)
        longest = max(map(len, re.findall("`+", text)), default=0)
        fence = "`" * max(3, longest + 1)
        yield from ("<details>", f"<summary>{title}</summary>", "", f"{fence}text", text, fence, "", "</details>", "")


def _waterfall(told: Told) -> Iterator[str]:
    yield from ("## What was kept, and what was not", "", "At every stage: in = kept + dropped + failed.", "")
    stages = {name: count for name, count in told.manifest["stages"].items() if not name.startswith("export ")}
    rows = [_stage(name, count) for name, count in stages.items() if count["in"]]
    rows += [_stage(f"format {one.plugin.plugin_name()}", one.count.as_plain()) for one in told.written]
    yield from table(["stage", ">in", ">kept", ">dropped", ">failed", "reasons"], rows)
    yield ""


def _stage(name: str, count: Mapping[str, Any]) -> list[str]:
    dropped, failed = count["dropped"], count["failed"]
    reasons = [f"{reason} {rows:,}" for reason, rows in dropped.items()]
    reasons += [f"{reason} {rows:,} (failed)" for reason, rows in failed.items()]
    sums = [sum(dropped.values()), sum(failed.values())]
    return [name, *(f"{rows:,}" for rows in (count["in"], count["kept"], *sums)), ", ".join(reasons)]


def _measured(told: Told) -> Iterator[str]:
    yield from ("## Measured", "")
    yield from table(["figure", "value"], measured(told.seen, told.manifest))
    yield ""
    yield from sections(told.manifest)


def _licence(derived: Derived) -> Iterator[str]:
    yield from ("## Licence", "")
    stated = "as stated by the publisher" if derived.stated else "derived from the task seeds and the models"
    yield from (f"**{as_text(', '.join(derived.names))}**, {stated}. This is bookkeeping and no legal advice.", "")
    yield from table(["licence of the task seeds", ">examples"], [[n, f"{k:,}"] for n, k in derived.seeds.items()])
    yield ""
    if derived.restrictions:
        yield from ("Restrictions:", "")
    for one in derived.restrictions:
        yield f"- `{one.effect}`, {as_text(one.source)} ({as_text(', '.join(one.rows))}): {one.text}. {one.address}"
    if derived.restrictions:
        yield ""
    if any(licence_named(name) is None for name in derived.seeds):
        yield from ("The licence of some task seeds is unknown: ask their source before you pass them on.", "")
    if derived.unknown_terms:
        yield from (
            f"The terms of these models are not known to prefmill: {as_text(', '.join(derived.unknown_terms))}.",
            "",
        )


def _formats(told: Told) -> Iterator[str]:
    for one in told.written:
        yield from (f"## Format `{one.plugin.plugin_name()}`", "")
        if not one.rows:
            yield from ("No row of this run can be expressed in it.", "")
        yield from about(one.plugin, one.count)
        yield ""


def _again(told: Told) -> Iterator[str]:
    yield from ("## To repeat it", "")
    yield (
        "`recipe.yaml` is the run with every default written out. Put the files it names beside it, set the "
        "environment variables that hold the keys, and run `prefmill run recipe.yaml`. Folders of the machine it ran "
        "on, and addresses inside its network, are left out."
    )
