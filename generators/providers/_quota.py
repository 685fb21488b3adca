"""What an endpoint's headers say about its limits: `retry-after` and OpenAI's `x-ratelimit-*`.

Source: https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers; `retry-after` is RFC 9110 10.2.3.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz

from . import Quota

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date; None without."""
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        if (seconds := _number(headers.get(name))) is not None:
            return max(0.0, seconds * scale)
    parsed = parsedate_tz(headers.get("retry-after", ""))
    return max(0.0, mktime_tz(parsed) - time.time()) if parsed else None


def quota_of(headers: Mapping[str, str]) -> Quota | None:
    """What is left of the requests and tokens, whichever is scarcer; None where the headers do not say."""
    if "x-ratelimit-remaining-requests" not in headers and "x-ratelimit-remaining-tokens" not in headers:
        return None
    found = [quota for kind in ("requests", "tokens") if (quota := _quota(headers, kind)) is not None]
    return min(found, key=lambda quota: quota.left, default=None)


def _quota(headers: Mapping[str, str], kind: str) -> Quota | None:
    left, limit = (
        _number(headers.get(f"x-ratelimit-remaining-{kind}")),
        _number(headers.get(f"x-ratelimit-limit-{kind}")),
    )
    reset = span_s(headers.get(f"x-ratelimit-reset-{kind}", ""))
    if left is None or not limit or limit <= 0 or reset is None:
        return None
    return Quota(left / limit, reset)


def span_s(text: str) -> float | None:
    """Seconds of a span such as `6m0s`, `20ms` or `1.5`; None for anything else."""
    if (seconds := _number(text)) is not None:
        return seconds
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.replace(" ", ""):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
