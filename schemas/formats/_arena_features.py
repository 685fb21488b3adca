"""Columns of the sets of LMSYS: the arena's and MT-Bench's."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ._features import NUMBER, TEXT, WHOLE, YES

CONVERSATION = pa.list_(pa.struct([("content", TEXT), ("role", TEXT)]))
_BATTLE = [("model_a", TEXT), ("model_b", TEXT), ("winner", TEXT)]
_SIDES = [("conversation_a", CONVERSATION), ("conversation_b", CONVERSATION), ("turn", WHOLE)]


def arena(categories: Sequence[str]) -> pa.Schema:
    """Columns of the arena's conversations; `categories` are those of OpenAI's moderation."""
    flags = pa.struct([(name, YES) for name in categories])
    scores = pa.struct([(name, NUMBER) for name in categories])
    roberta = pa.struct([("flagged", YES), ("probability", NUMBER)])
    t5 = pa.struct([("flagged", YES), ("score", NUMBER)])
    return pa.schema(
        [
            ("question_id", TEXT),
            *_BATTLE,
            ("judge", TEXT),
            *_SIDES,
            ("anony", YES),
            ("language", TEXT),
            ("tstamp", NUMBER),
            ("openai_moderation", pa.struct([("categories", flags), ("category_scores", scores), ("flagged", YES)])),
            ("toxic_chat_tag", pa.struct([("roberta-large", roberta), ("t5-large", t5)])),
        ]
    )


def mt_bench(judge: pa.DataType) -> pa.Schema:
    """Columns of MT-Bench's votes; people are named by a text, models by a list of two."""
    return pa.schema([("question_id", WHOLE), *_BATTLE, ("judge", judge), *_SIDES])
