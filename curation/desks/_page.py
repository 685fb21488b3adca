"""The page on which one annotator labels their records: one file that asks nothing of any network.

The records stand in it as JSON that no HTML parser can take for markup, and its script puts them on the screen as text
only. Its content security policy forbids everything but this script, so that an answer which holds HTML stays text
even in a browser that we do not know.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources

from . import Batch, Record

WORK, HASH = "{{WORK}}", "{{SCRIPT_HASH}}"
"""Where the template takes the records, and the hash of its script for its policy."""
_SCRIPT, _END = "<script>", "</script>"
_MARKUP = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def page(batch: Batch, annotator: str, records: Sequence[Record]) -> str:
    """The HTML page for those records of a batch that are one annotator's."""
    template = (resources.files(__package__) / "_page.html").read_text(encoding="utf-8")
    script = template.partition(_SCRIPT)[2].partition(_END)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    work = {
        "run": batch.run,
        "annotator": annotator,
        "guidelines": batch.guidelines,
        "asked": batch.asked.model_dump(),
        "records": [record.model_dump(exclude={"annotator", "metadata", "vector"}) for record in records],
    }
    # The records come last: a text that holds a marker stays as it is.
    head, marker, tail = template.replace(HASH, digest).partition(WORK)
    assert marker
    return head + as_data(work) + tail


def as_data(value: object) -> str:
    """JSON for a `<script>` element: no sign in it can end the element or begin markup."""
    return json.dumps(value, ensure_ascii=False).translate(_MARKUP)
