"""Regular expressions that a recipe gives to a filter."""

from __future__ import annotations

import re


def compiled(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns, where all are regular expressions. Raises `ValueError`."""
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression ({error}): {pattern!r}") from error
    return patterns
