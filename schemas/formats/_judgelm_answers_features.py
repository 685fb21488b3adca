"""Columns of JudgeLM's files for several answers."""

from __future__ import annotations

import pyarrow as pa

from ._features import NUMBER, TEXT, WHOLE

_METADATA = pa.struct([("decoding_method", TEXT)])
_STATISTICS = pa.struct([("logprobs", NUMBER)])
ANSWER = pa.schema(
    [
        ("question_id", WHOLE),
        ("question_body", TEXT),
        ("decoding_method", TEXT),
        ("model", TEXT),
        ("text", TEXT),
        ("scores", _STATISTICS),
    ]
)
JUDGMENT = pa.schema(
    [
        ("review_id", TEXT),
        ("question_id", WHOLE),
        ("answer1_id", TEXT),
        ("answer2_id", TEXT),
        ("reviewer_id", WHOLE),
        ("text", TEXT),
        ("score", pa.list_(NUMBER)),
    ]
)


def sample(answers: int) -> pa.Schema:
    """Columns of a sample with so many answers."""
    kinds = (("body", TEXT), ("model_id", TEXT), ("metadata", _METADATA))
    return pa.schema(
        [
            ("question_id", WHOLE),
            ("score", pa.list_(_STATISTICS)),
            ("question_body", TEXT),
            *((f"answer{number}_{kind}", type) for kind, type in kinds for number in (1, 2)),
            *((f"answer{number}_{kind}", type) for number in range(3, answers + 1) for kind, type in kinds),
        ]
    )
