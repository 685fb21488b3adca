"""Numbers of bank accounts, payment cards and US social security, told by their check digits and ranges.

IBANs: ISO 13616, lengths from the registry (SWIFT, release 99), remainder 1 modulo 97 (ISO 7064). Cards: ISO/IEC 7812,
ranges and lengths of the networks, Luhn's check digit. Social security numbers: the ranges that the Social Security
Administration never gives out (ssa.gov, `Social Security Number Randomization`). Not counted are the numbers that
stand in manuals: test cards (docs.stripe.com/testing), the registry's example IBANs, and numbers printed as samples.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from .places import Place

_LENGTHS = {
    code: int(length)
    for code, length in re.findall(
        r"([A-Z]{2})(\d{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
        "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
        "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
        "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
        "YE30",
    )
}
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?= ?[A-Z0-9]{4})")
_WHOLE_IBAN = {
    length: re.compile(rf"(?:[A-Z0-9] ?+){{{length - 1}}}[A-Z0-9](?![A-Za-z0-9])") for length in set(_LENGTHS.values())
}
"""Characters of the number -> what it looks like, with a space behind any of them."""
_AS_DIGITS = {character: str(int(character, 36)) for character in string.digits + string.ascii_uppercase}
_EXAMPLE_IBANS = frozenset((
    "GB82WEST12345698765432", "GB29NWBK60161331926819", "GB33BUKB20201555555555", "DE89370400440532013000",
    "DE75512108001245126199", "FR1420041010050500013M02606", "FR7630006000011234567890189", "CH9300762011623852957",
    "ES9121000418450200051332", "IT60X0542811101000000123456", "NL91ABNA0417164300", "BE68539007547034",
    "AT611904300234573201", "SE4550000000058398257466",
))  # fmt: skip
_CARD = re.compile(r"(?<![\w.-])(?<!\d )\d(?:[ -]?\d){13,15}(?![\w-]|[ .]?\d)", re.ASCII)
_NETWORKS = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|"
    r"6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}"
)
"""Visa, Mastercard (two ranges), American Express, Discover, JCB, Diners Club."""
_TEST_CARDS = frozenset((
    "4111111111111111", "4242424242424242", "4000056655665556", "4012888888881881", "4000000000000002",
    "4000000000009995", "4000002500003155", "5555555555554444", "5105105105105100", "2223003122003222",
    "5200828282828210", "378282246310005", "371449635398431", "6011111111111117", "6011000990139424",
    "3056930009020004", "36227206271667", "30569309025904", "38520000023237", "3566002020360505",
    "3530111333300000", "6555900000604105", "4539578763621486", "4532015112830366",
))  # fmt: skip
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])", re.ASCII)
_SAMPLE_SSNS = frozenset({"078-05-1120", "219-09-9999", "123-45-6789", "457-55-5462", "111-22-3333", "123-12-1234"})


def ibans(text: str) -> Iterator[Place]:
    """Each place with an account number whose check digits are right."""
    for found in _IBAN.finditer(text):
        if (length := _LENGTHS.get(found[0][:2])) is None:
            continue
        start = found.start()
        taken = _WHOLE_IBAN[length].match(text, start)
        number = taken[0].replace(" ", "") if taken else ""
        if taken and number not in _EXAMPLE_IBANS and _remainder(number) == 1:
            yield Place(start, taken.end())


def cards(text: str) -> Iterator[Place]:
    """Each place with a card number of a network whose check digit is right."""
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if _NETWORKS.fullmatch(digits) and digits not in _TEST_CARDS and len(set(digits)) > 3 and _luhn(digits):
            yield Place(*found.span())


def social_security_numbers(text: str) -> Iterator[Place]:
    """Each place with a number that may have been given out, written with its hyphens."""
    for found in _SSN.finditer(text):
        if found[0] not in _SAMPLE_SSNS and len(set(found[0])) > 3:
            yield Place(*found.span())


def _remainder(number: str) -> int:
    return int("".join(map(_AS_DIGITS.__getitem__, number[4:] + number[:4]))) % 97


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
