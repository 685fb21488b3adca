"""distilabel's `UltraFeedback` task over pairs: the peer among the strategies of `judging.py`."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

Pair = tuple[str, str, str]
"""Instruction, first answer, second answer."""


def rated(base_url: str, model: str, pairs: Sequence[Pair]) -> list[tuple[float, float] | None]:
    """The two overall ratings of each pair, in the order given; None where distilabel could not read them."""
    logging.disable(logging.INFO)  # It logs every request on the standard output, where the table goes.
    home = Path(tempfile.mkdtemp())
    os.environ.setdefault("DISTILABEL_CACHE_DIR", str(home))
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import UltraFeedback

    llm = OpenAILLM(
        model=model, base_url=base_url, api_key="none", timeout=60, generation_kwargs={"max_new_tokens": 1024}
    )
    with Pipeline(name="ultrafeedback", cache_dir=home) as pipeline:
        rows = [
            {"number": number, "instruction": instruction, "generations": [first, second]}
            for number, (instruction, first, second) in enumerate(pairs)
        ]
        source = LoadDataFromDicts(name="load", data=rows, batch_size=200)
        task = UltraFeedback(name="rate", llm=llm, aspect="overall-rating", input_batch_size=200)
        source >> task
    found = pipeline.run(use_cache=False)["default"]["train"]
    ratings: list[tuple[float, float] | None] = [None] * len(pairs)
    for row in found:
        read = row["ratings"]
        if read is not None and len(read) == 2 and None not in read:
            ratings[row["number"]] = (float(read[0]), float(read[1]))
    return ratings
