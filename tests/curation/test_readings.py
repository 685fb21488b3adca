"""Readings: what a judgment says of a pair, and what the first answer has over the second."""

from __future__ import annotations

from math import log

import pytest

from prefmill.curation.nuisances import signature
from prefmill.curation.readings import probe_readings, readings_of
from prefmill.generators.probes.copies import SIGNATURES, relabelled
from prefmill.schemas.probe import Probe, ProbeKind
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Comparison, Example, Judgment

from .judged_pairs import judged_pair


def comparison_of(example: Example) -> Comparison:
    assert example.comparison is not None
    return example.comparison


def answer(text: str) -> Answer:
    return Answer(task_id="t", model="a", text=text)


def probe_of(example: Example, kind: ProbeKind, altered: int | None) -> Probe:
    return Probe(
        task_id=example.task.id, kind=kind, comparison=comparison_of(example), answers=example.answers,
        altered=altered, judgments=example.judgments,
    )  # fmt: skip


def test_one_reading_a_readable_judgment_of_the_pair() -> None:
    pair = judged_pair(0, (3, 1), texts=("- a **b** c", "a"), families=("x", "y"))
    failed = Judgment(
        comparison_id=comparison_of(pair).id, task_id=pair.task.id, teacher="gpt", judge="judgelm", shown=(0, 1),
        failure=Failure(kind="unreadable", message="no"),
    )  # fmt: skip
    others = judged_pair(1).judgments
    judgments = (*pair.judgments, failed, *others)
    first, second = readings_of(comparison_of(pair), pair.answers, judgments, {"gpt": "y"})
    assert (first.place, first.margin, second.place, second.margin) == (1, 3, -1, 1)
    assert first.length == pytest.approx(log(4))
    assert (first.format, first.label, first.own, first.kind) == (1, 0, -1, None)
    assert first.comparison_id == second.comparison_id
    assert readings_of(comparison_of(pair), pair.answers, pair.judgments, {})[0].own == 0


def test_a_signature_is_what_probes_write() -> None:
    text = "Rivers differ in length.\n\nSome are written by poets."
    for line in SIGNATURES:
        signed = answer(relabelled(text, line) or "")
        assert signature(signed, answer(text)) == 1
        assert signature(answer(text), signed) == -1
        assert signature(signed, signed) == 0
    assert signature(answer("(written by GPT-4o)\n" + text), answer(text)) == 1
    for innocent in (
        "Google is a company that was founded in 1998.",
        "The answer was given by Claude Monet himself.",
        "As Meta says, the text was written by people.",
    ):
        assert signature(answer(innocent), answer(text)) == 0


def test_probe_readings() -> None:
    pair = judged_pair(0, (3, 1), texts=("a b c", "a"))
    kinds: tuple[tuple[ProbeKind, int | None], ...] = (
        ("padded", 0), ("relabelled", 0), ("relabelled", 1), ("swapped", None), ("truncated", 0), ("refusal", 1)
    )  # fmt: skip
    found = probe_readings([probe_of(pair, kind, altered) for kind, altered in kinds], {})
    assert [(one.kind, one.label) for one in found[::2]] == [
        ("padded", 0),
        ("relabelled", 1),
        ("relabelled", -1),
    ]


def test_an_answer_beside_itself() -> None:
    alone = answer("a b c")
    comparison = Comparison(task_id="t", answer_ids=(alone.id, alone.id), models=("a", "a"))
    judgment = Judgment(
        comparison_id=comparison.id, task_id="t", teacher="gpt", judge="judgelm", shown=(0, 1), scores=(7, 6)
    )  # fmt: skip
    probe = Probe(
        task_id="t", kind="identical", comparison=comparison, answers=(alone, alone), judgments=(judgment,)
    )  # fmt: skip
    (reading,) = probe_readings([probe], {"gpt": "x"})
    assert (reading.place, reading.margin, reading.length, reading.format, reading.label) == (1, 1, 0, 0, 0)
