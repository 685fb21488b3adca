"""Keys must not stand in a recipe: a recipe is copied into the run directory, committed and published."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

_SECRET_NAME = re.compile(
    r"""(?ix)^(?:
        key | (?:[\w-]*[_-])? (?:api|access|secret|private|auth|subscription) [_-]? key
        | token | (?:[\w-]*[_-])? (?:api|access|auth|bearer|hf|refresh|session) [_-]? token
        | (?:[\w-]*[_-])? (?:secret|password|passwd|credentials?|authorization) | bearer | cookie | jwt
    )$"""
)
"""Names of keys in headers and request bodies; `max_tokens` and `eos_token` are none."""
_SECRET_VALUE = re.compile(
    r"\b(?:sk-[\w-]{12,}|sk_[\w-]{12,}|hf_\w{16,}|gsk_\w{16,}|xai-[\w-]{16,}|AIza[\w-]{20,}|AKIA[A-Z0-9]{12,})"
    r"|\b(?:Bearer|Basic)\s+[\w.~+/-]{16,}|://[^/\s@]*@|[?&](?:api[_-]?key|key|token)=[^&\s]+"
)
"""How keys of common providers begin, and where keys stand in headers and addresses."""
_VARIABLE = re.compile(r"^[A-Z_][A-Z0-9_]*$")
_SHORTEST = 8
"""Characters; a shorter value of a variable may stand in a recipe by chance."""
_INSTEAD = "Put it in an environment variable and give `api_key_env: NAME`."


def written_out(recipe: object) -> Iterator[str]:
    """One line for each place of a recipe where a key is written out; the lines never repeat the key."""
    entries = list(_entries(recipe, ""))
    named = [os.environ.get(item, "") for _, name, item in entries if name == "api_key_env" and isinstance(item, str)]
    keys = [key for key in named if len(key) >= _SHORTEST]
    for where, name, item in entries:
        if name == "api_key_env":
            if isinstance(item, str) and (not _VARIABLE.match(item) or _SECRET_VALUE.search(item)):
                yield f"{where}: name a variable, in capitals, e.g. OPENAI_API_KEY (what stands there is not shown)."
        elif _SECRET_NAME.match(name) and item and not isinstance(item, bool):
            yield f"{where}: a key is named, never written out (not shown). {_INSTEAD}"
        elif isinstance(item, str) and (_SECRET_VALUE.search(item) or any(key in item for key in keys)):
            yield f"{where}: this looks like a key (not shown). {_INSTEAD}"


def _entries(value: object, path: str, name: str = "") -> Iterator[tuple[str, str, object]]:
    """Path, key and value of everything in a recipe; below a key that names a secret nothing is looked at."""
    if path:
        yield path, name, value
    if isinstance(value, dict) and not _SECRET_NAME.match(name):
        for key, item in value.items():
            yield from _entries(item, f"{path}.{key}" if path else key, key)
    elif isinstance(value, list) and not _SECRET_NAME.match(name):
        for index, item in enumerate(value):
            yield from _entries(item, f"{path}[{index}]", name)
