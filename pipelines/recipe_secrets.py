"""Keys must not stand in a recipe: a recipe is copied into the run directory, committed and published."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SECRET_NAME = re.compile(
    r"(?ix)^(?:[\w-]*[_-])? (?: api[_-]?key | (?:access|secret|private|auth)[_-]?key | key | (?:[\w-]*[_-])?token | jwt"
    r" | secret | password | passwd | credentials? | authorization | bearer | cookie )$"
)
"""Names of keys in headers and request bodies. `max_tokens` and `stop_token_ids` are none."""
_SECRET_VALUE = re.compile(
    r"\b(?:sk-[\w-]{12,}|sk_[\w-]{12,}|hf_\w{16,}|gsk_\w{16,}|xai-[\w-]{16,}|AIza[\w-]{20,}|AKIA[A-Z0-9]{12,})"
    r"|\b(?:Bearer|Basic)\s+\S{8,}|://[^/\s@]*@|[?&](?:api[_-]?key|key|token)=[^&\s]+",
    re.IGNORECASE,
)
"""How keys of common providers begin, and where keys stand in headers and addresses."""
_VARIABLE = re.compile(r"^[A-Z_][A-Z0-9_]*$")
_INSTEAD = "Put it in an environment variable and give `api_key_env: NAME`."


def written_out(value: object, path: str = "") -> Iterator[str]:
    """One line for each place where a key is written out; the lines never repeat the key."""
    if isinstance(value, dict):
        for key, item in value.items():
            where = f"{path}.{key}" if path else str(key)
            if key == "api_key_env":
                if isinstance(item, str) and not is_variable(item):
                    yield f"{where}: the name of a variable, in capitals, e.g. OPENAI_API_KEY (what stands there is not shown)."
            elif _SECRET_NAME.match(str(key)) and item and not isinstance(item, bool):
                yield f"{where}: a key is named, never written out (not shown). {_INSTEAD}"
            else:
                yield from written_out(item, where)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from written_out(item, f"{path}[{index}]")
    elif isinstance(value, str) and _SECRET_VALUE.search(value):
        yield f"{path}: this looks like a key (not shown). {_INSTEAD}"


def is_variable(name: str) -> bool:
    """Whether a text can be the name of a variable rather than a key."""
    return bool(_VARIABLE.match(name)) and not _SECRET_VALUE.search(name)
