"""Why a model did not start, in one line: read off the last lines of what vLLM logged.

vLLM ends with a traceback of the process that waited, `RuntimeError: Engine core initialization failed. See root cause
above`; the cause stands before it, in the traceback of another process (`vllm/v1/engine/utils.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST = 300
"""Characters of a reason."""
_PREFIX = re.compile(
    r"^(\([\w :=.-]+\) *)?((ERROR|WARNING|INFO|CRITICAL) [\d-]+ [\d:.]+ (\[[^\]]+\] *)?)?(\[rank\d+\]: *)?"
)
"""`(EngineCore pid=123) ERROR 11-22 09:40:00 [core.py:866] `."""
_ERROR = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt): *(.*)$")
"""Last line of a traceback."""
_USAGE = re.compile(r"^[\w. -]+: error: (.*)$")
"""argparse."""
_FOLLOWS = ("Engine core initialization failed", "Engine process failed to start", "WorkerProc initialization failed")
"""Messages about another process's error."""


def reason(lines: Sequence[str]) -> str:
    """The error that explains the end, or else the last line; `it said nothing` without any."""
    plain = [_PREFIX.sub("", line) for line in lines]
    for number in range(len(plain) - 1, -1, -1):
        line = plain[number].strip()
        if (_ERROR.match(plain[number]) or _USAGE.match(plain[number])) and not any(text in line for text in _FOLLOWS):
            return _short(_with_detail(line, plain[number + 1 : number + 3]))
    return _short(next((line.strip() for line in reversed(plain) if line.strip()), "it said nothing"))


def _with_detail(line: str, after: Sequence[str]) -> str:
    """pydantic says what is wrong in the lines that follow, indented."""
    if "validation error" not in line:
        return line
    return " ".join([line, *(text.strip() for text in after if text.startswith("  "))])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
