"""Keys, tokens and passwords: what opens somebody's account.

Prefixes, lengths and alphabets are those of gitleaks' default rules (github.com/gitleaks/gitleaks, MIT, 8.30,
`config/gitleaks.toml`) and of the services' own documentation; the rule for values assigned to a name is narrower than
gitleaks' `generic-api-key`: the value is in quotation marks, long, mixed and as random as a key. Not counted is what
stands for a key in manuals: `AKIAIOSFODNN7EXAMPLE`, `sk-xxxx…`, `your-api-key`, jwt.io's token.
"""

from __future__ import annotations

import math
import re
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from .places import Place


@dataclass(frozen=True, slots=True)
class Form:
    """How one service writes its keys."""

    mark: str
    """What is in every one of them; looked for first, because that is fast."""
    pattern: str

    def find(self, text: str) -> Iterator[re.Match[str]]:
        """Every place where one may stand."""
        if self.mark in text:
            yield from re.finditer(rf"(?<![\w-])(?:{self.pattern})(?![\w-])", text, re.ASCII)


KEYS: Mapping[str, tuple[Form, ...]] = {
    "AWS access key": (Form("AKIA", r"AKIA[A-Z2-7]{16}"), Form("ASIA", r"ASIA[A-Z2-7]{16}")),
    "GitHub token": (
        *(Form(mark, rf"{mark}[0-9A-Za-z]{{36}}") for mark in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
        Form("github_pat_", r"github_pat_\w{82}"),
    ),
    "GitLab token": (Form("glpat-", r"glpat-[\w-]{20}"),),
    "OpenAI key": (
        Form("T3BlbkFJ", r"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
        Form("T3BlbkFJ", r"sk-(?:proj|svcacct|admin)-[\w-]{58,74}T3BlbkFJ[\w-]{58,74}"),
        Form("sk-", r"sk-(?:proj-)?[A-Za-z0-9]{48}"),
    ),
    "Anthropic key": (Form("sk-ant-", r"sk-ant-(?:api|admin)\d\d-[\w-]{80,100}AA"),),
    "OpenRouter key": (Form("sk-or-v1-", r"sk-or-v1-[0-9a-f]{64}"),),
    "Hugging Face token": (Form("hf_", r"hf_[A-Za-z]{34}"), Form("api_org_", r"api_org_[A-Za-z]{34}")),
    "Google key": (Form("AIza", r"AIza[\w-]{35}"), Form("GOCSPX-", r"GOCSPX-[\w-]{28}")),
    "Slack token": (
        Form("xoxb-", r"xoxb-\d{10,13}-\d{10,13}-?[A-Za-z0-9-]{20,60}"),
        Form("xoxp-", r"xoxp-(?:\d{10,13}-){3}[A-Za-z0-9-]{28,34}"),
        Form("xapp-", r"xapp-\d-[A-Z0-9]{8,20}-\d{8,20}-[a-z0-9]{20,100}"),
        Form("hooks.slack.com", r"hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24}"),
    ),
    "Stripe key": (Form("sk_live_", r"sk_live_[A-Za-z0-9]{10,99}"), Form("rk_live_", r"rk_live_[A-Za-z0-9]{10,99}")),
    "SendGrid key": (Form("SG.", r"SG\.[\w-]{22}\.[\w-]{43}"),),
    "Telegram bot token": (Form(":AA", r"\d{8,10}:AA[\w-]{33}"),),
    "npm token": (Form("npm_", r"npm_[A-Za-z0-9]{36}"),),
    "PyPI token": (Form("pypi-AgEIcHlwaS5vcmc", r"pypi-AgEIcHlwaS5vcmc[\w-]{50,500}"),),
}
"""What is found -> how it is written."""
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST_KEY = 16_000
_FILLED_IN = re.compile(r"x{6}|example|your|\.\.\.|…", re.IGNORECASE)
_BASE64_LINE = re.compile(r"(?:^|\\n|\s)[A-Za-z0-9+/]{60,76}={0,2}(?:\s|\\n|$)")
_JWT = re.compile(
    r"(?<![\w.-])(?P<head>eyJ[\w-]{10,2000})\.(?P<claims>eyJ[\w-]{10,8000})\.[\w-]{20,2000}(?![\w-])", re.ASCII
)
_QUOTED = re.compile(r"[\"'](?P<value>[A-Za-z0-9+/_.~=-]{20,200})[\"']")
_NAME_BEFORE = re.compile(
    r"(?:key|token|secret|passw(?:or)?d|pwd|credentials?)[\"']?\s{0,5}(?:=>|:=|=|:)\s{0,5}$", re.IGNORECASE
)
_STANDS_FOR_ONE = re.compile(
    r"example|sample|dummy|fake|placeholder|your|here|xxx|\*\*\*|\.\.\.|test|demo|changeme|insert|replace|redacted|"
    r"secret|password|token|api[_-]?key|1234567|abcdef|0000|deadbeef|foobar|qwerty|lorem",
    re.IGNORECASE,
)
_ENTROPY = 3.0
"""Bits a character that a key has at least, as in gitleaks' rules of keys with a prefix."""
_ENTROPY_ASSIGNED = 3.5
"""As in gitleaks' `generic-api-key`."""


def secrets(text: str) -> Iterator[tuple[str, Place]]:
    """What is found and where: keys by their form, then private keys, tokens (JWT) and values assigned to a name."""
    for name, forms in KEYS.items():
        for found in (found for form in forms for found in form.find(text)):
            if entropy(found[0]) >= _ENTROPY and not _STANDS_FOR_ONE.search(found[0]):
                yield name, Place(*found.span())
    yield from (("private key", place) for place in _private_keys(text))
    for found in _JWT.finditer(text) if "eyJ" in text else ():
        if _is_jwt(found["head"], found["claims"]):
            yield "JSON web token", Place(*found.span())
    for found in _QUOTED.finditer(text):
        value, before = found["value"], text[max(0, found.start() - 30) : found.start()]
        if _NAME_BEFORE.search(before) and _random(value) and not _STANDS_FOR_ONE.search(value):
            yield "key or password", Place(*found.span("value"))


def entropy(text: str) -> float:
    """Shannon's, of the characters of the text: bits a character, 0 for the same one throughout."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


def _private_keys(text: str) -> Iterator[Place]:
    """Blocks with at least one whole line of base64 between their marks; manuals write three dots there."""
    for found in _PRIVATE_KEY.finditer(text) if "PRIVATE KEY" in text else ():
        body = text[found.end() : found.end() + _LONGEST_KEY].partition("-----")[0]
        if _BASE64_LINE.search(body) and not _FILLED_IN.search(body):
            yield Place(found.start(), found.end() + len(body))


def _random(value: str) -> bool:
    """Small and capital letters and digits, and no fewer bits a character than a key has."""
    mixed = all(any(map(is_one, value)) for is_one in (str.islower, str.isupper, str.isdigit))
    return mixed and entropy(value) >= _ENTROPY_ASSIGNED


def _is_jwt(head: str, claims: str) -> bool:
    """Whether both parts are JSON and somebody's: the token of jwt.io, of John Doe, is nobody's."""
    try:
        parts = [orjson.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, claims)]
    except ValueError:
        return False
    return all(isinstance(part, dict) for part in parts) and "alg" in parts[0] and parts[1].get("sub") != "1234567890"
