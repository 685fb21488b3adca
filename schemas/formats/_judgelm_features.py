"""Columns of JudgeLM's files."""

from __future__ import annotations

import pyarrow as pa

from ._features import NUMBER, TEXT, WHOLE

_METADATA = pa.struct([("decoding_method", TEXT)])
_REFERENCE = pa.struct([("decoding_method", TEXT), ("model", TEXT), ("text", TEXT)])
_IDS = [("answer1_id", TEXT), ("answer2_id", TEXT), ("reviewer_id", WHOLE)]
# The published rows hold an empty object here, which Arrow and Parquet cannot have: a column of nulls stands for it.
_NOTHING = [("metadata", pa.null())]
_JUDGED = [("text", TEXT), ("score", pa.list_(NUMBER))]
_BODIES = [
    ("question_body", TEXT),
    ("answer1_body", TEXT),
    ("answer2_body", TEXT),
    ("answer1_model_id", TEXT),
    ("answer2_model_id", TEXT),
    ("answer1_metadata", _METADATA),
    ("answer2_metadata", _METADATA),
]
_NAMED = [("review_id", TEXT), ("question_id", WHOLE)]

ROW = pa.schema(
    [
        *_NAMED,
        *_IDS,
        *_NOTHING,
        *_JUDGED,
        *_BODIES,
        ("reference", _REFERENCE),
        ("score_w_reference", pa.list_(NUMBER)),
        ("text_w_reference", TEXT),
    ]
)
JUDGMENT = pa.schema([*_NAMED, *_IDS, *_NOTHING, *_JUDGED])
QUESTION = pa.schema([("question_id", WHOLE), *_BODIES])
REFERENCE = pa.schema([("question_id", WHOLE), ("reference", _REFERENCE)])
