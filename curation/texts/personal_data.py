"""The kinds of personal data that are looked for, and what finds each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from .account_numbers import cards, ibans, social_security_numbers
from .ip_addresses import ip_addresses
from .mail_addresses import mail_addresses
from .phone_numbers import phone_numbers
from .places import Finder

Personal = Literal["email", "phone", "iban", "card", "ip", "ssn"]
FINDERS: Mapping[Personal, Finder] = {
    "email": mail_addresses,
    "phone": phone_numbers,
    "iban": ibans,
    "card": cards,
    "ip": ip_addresses,
    "ssn": social_security_numbers,
}
NAMES: Mapping[Personal, str] = {
    "email": "e-mail address",
    "phone": "telephone number",
    "iban": "bank account (IBAN)",
    "card": "payment card",
    "ip": "public IP address",
    "ssn": "US social security number",
}
_DIGIT = re.compile(r"[0-9]")


def personal_data(text: str, kinds: Iterable[Personal], allow: Iterable[str]) -> str | None:
    """One line on the first piece of personal data, by kind and place; None where there is none.

    `allow`: what may stand there, in lower case: whole finds, or their ends (`@mycompany.org`).
    """
    ends = tuple(allow)
    has_digits = _DIGIT.search(text) is not None
    for kind in kinds:
        if kind != "email" and not has_digits:
            continue
        for place in FINDERS[kind](text):
            if not (ends and text[place.start : place.end].lower().endswith(ends)):
                return place.told(NAMES[kind])
    return None
