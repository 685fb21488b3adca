"""Keys must not stand in a recipe: a recipe is copied into the run directory, committed and published."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SECRET_NAMES = re.compile(r"(?i)^(api[_-]?key|key|token|access[_-]?token|secret|password|authorization|bearer)$")
_SECRET_VALUES = re.compile(
    r"\b(sk-[\w-]{12,}|sk_[\w-]{12,}|hf_\w{16,}|gsk_\w{16,}|xai-[\w-]{16,}|AIza[\w-]{20,}|AKIA[A-Z0-9]{12,}|Bearer\s+\S{8,})"
)
"""How keys of common providers begin."""
_VARIABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def written_out(value: object, path: str = "") -> Iterator[str]:
    """One line for each place where a key is written out; the lines never repeat the key."""
    if isinstance(value, dict):
        for key, item in value.items():
            where = f"{path}.{key}" if path else str(key)
            if _SECRET_NAMES.match(str(key)) and isinstance(item, str | int):
                yield f"{where}: a key is named, never written out. Put it in a variable and give `api_key_env: NAME`."
            elif str(key) == "api_key_env" and isinstance(item, str) and not _is_variable(item):
                yield f"{where}: a variable's name, e.g. OPENAI_API_KEY (what stands there is not shown)."
            else:
                yield from written_out(item, where)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from written_out(item, f"{path}[{index}]")
    elif isinstance(value, str) and _SECRET_VALUES.search(value):
        yield f"{path}: this looks like a key (not shown). Put it in a variable and give `api_key_env: NAME`."


def _is_variable(name: str) -> bool:
    return bool(_VARIABLE.match(name)) and not _SECRET_VALUES.search(name)
