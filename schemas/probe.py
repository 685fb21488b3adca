"""Probe pairs: answers against copies of themselves, whose right judgment is known without a person.

What a teacher says of two texts with the same content is bias, and what it says of an answer beside a refusal shows
whether it, and the reader of its replies, work at all. Sources: the repetition of an answer's own content as a test of
verbosity bias is from MT-Bench (arXiv 2306.05685, section 3.3), pairs of equal content in two styles from arXiv
2604.23178.
"""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

from pydantic import Field

from .row import Row
from .rows import Answer, Comparison, Judgment

ProbeKind = Literal["identical", "padded", "reformatted", "relabelled", "truncated", "refusal", "swapped"]
"""What is done to one of the two.

`identical`: nothing, the answer meets itself; `padded`: what it says is said again at greater length; `reformatted`:
the same words as markdown; `relabelled`: a line names a famous maker; `truncated`: it breaks off; `refusal`: a refusal
stands in its place; `swapped`: nothing, an ordinary comparison is asked in both orders.
"""
PROBE_KINDS: tuple[ProbeKind, ...] = get_args(ProbeKind)
EQUAL: frozenset[ProbeKind] = frozenset({"identical", "padded", "reformatted", "relabelled"})
"""Kinds whose two answers have the same content: neither is better."""


Removable = Literal["position", "length", "format", "label"]
"""A bias that probes measure and that can be taken off margins: for standing first, for length, for markdown, for the
name of a maker."""


class Probe(Row):
    """One probe pair, with what the teachers said of it."""

    identity: ClassVar[tuple[str, ...]] = ("kind", "comparison")

    task_id: str
    kind: ProbeKind
    comparison: Comparison
    answers: tuple[Answer, ...] = Field(min_length=2, max_length=2)
    """In the comparison's order; an altered copy is an answer of the same model with the altered text."""
    altered: int | None = None
    """Index of the altered copy; None where both are as they came."""
    judgments: tuple[Judgment, ...] = ()
    """Every teacher's, in the order asked; unreadable ones included."""
