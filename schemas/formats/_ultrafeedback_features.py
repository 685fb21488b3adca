"""Arrow types of UltraFeedback's columns. Imported when features are asked for."""

from __future__ import annotations

import pyarrow as pa

from ..ultrafeedback_aspects import ASPECTS, TYPED
from ._features import NUMBER, TEXT, schema

_PLAIN = pa.struct([("Rating", TEXT), ("Rationale", TEXT)])
_TYPED = pa.struct(
    [("Rating", TEXT), ("Rationale", TEXT), ("Rationale For Rating", TEXT), ("Type", pa.list_(TEXT))],
)
_COMPLETION = pa.struct(
    [
        ("annotations", pa.struct([(name, _TYPED if name in TYPED else _PLAIN) for name in sorted(ASPECTS)])),
        ("custom_system_prompt", TEXT),
        ("model", TEXT),
        ("principle", TEXT),
        ("response", TEXT),
        ("critique", TEXT),
        ("overall_score", NUMBER),
        ("fine-grained_score", NUMBER),
    ]
)
ROW = schema(
    source=TEXT,
    instruction=TEXT,
    models=pa.list_(TEXT),
    completions=pa.list_(_COMPLETION),
    correct_answers=pa.list_(TEXT),
    incorrect_answers=pa.list_(TEXT),
)
