"""Where the shared part of a judge's prompts stands.

Published templates show the question and the answers first, and then what is the same in every prompt: the request, the
criteria, the rubric. An inference server that keeps the computed prefixes of earlier prompts (vLLM's automatic prefix
caching, https://docs.vllm.ai/en/latest/features/automatic_prefix_caching.html) can use no more of such a prompt than
its first words. With `shared_first` the same parts stand in another order; `benchmarks/vllm.py` measures the gain.
"""

from __future__ import annotations

from . import Judge


class Laid(Judge):
    """Base of the judges whose template can be laid out either way."""

    shared_first: bool = False
    """Put what is the same in many prompts (request, criteria, rubric) before the question and the answers: a server
    with prefix caching then computes it once. False: the published order, on which judge models were trained."""
