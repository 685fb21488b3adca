"""Personal data and keys: found by form and check digits, placeholders kept, nothing repeated in the reason.

No key or address here is anybody's: keys are put together in the test, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from prefmill.curation.filters.answer_pii import AnswerPii
from prefmill.curation.filters.answer_secrets import AnswerSecrets
from prefmill.curation.filters.task_pii import TaskPii
from prefmill.curation.filters.task_secrets import TaskSecrets
from prefmill.curation.texts.account_numbers import cards, ibans
from prefmill.curation.texts.secrets import entropy
from prefmill.schemas.rows import Answer, Message, Reference, Task

TASK = Task(messages=(Message(role="user", content="Who can help me?"),))
MIXED = "q7Rk2ZtLw9XbVn4cJd8MfHs3GpYe6TaKu5QrWz0NvBxCmDjFhEgS"
"""Characters as of a key; as many as are needed are taken."""
HEX = "9f8e3c7a1b5d204e6f9a8c7b3d1e5f20a4c6e8b1d3f57092"


def pii(text: str) -> str | None:
    return AnswerPii().drop(TASK, Answer(task_id=TASK.id, model="m", text=text))


def secret(text: str) -> str | None:
    return AnswerSecrets().drop(TASK, Answer(task_id=TASK.id, model="m", text=text))


PERSONAL = [
    ("e-mail address", "Write to ", "g.mueller84@gmx.de"),
    ("e-mail address", "Mail: ", "Anna-Lena.Fuchs@uni-bonn.de"),
    ("e-mail address", "<a href='mailto:", "petra+lists@posteo.net"),
    ("telephone number", "Call ", "+49 228 9087 3316"),
    ("telephone number", "Call ", "(415) 308-2719"),
    ("telephone number", "Call ", "415-308-2719"),
    ("telephone number", "Call ", "+1 415 308 2719"),
    ("telephone number", "Call ", "+442071838750"),
    ("bank account (IBAN)", "IBAN ", "DE02120300000000202051"),
    ("bank account (IBAN)", "Pay to ", "DE02 1203 0000 0000 2020 51"),
    ("bank account (IBAN)", "Pay to ", "NO9386011117947"),
    ("payment card", "Card ", "4539 1488 0343 6467"),
    ("payment card", "Card ", "5425233430109903"),
    ("payment card", "Card ", "3742-454554-00126"),
    ("public IP address", "The host is ", "81.169.145.64"),
    ("public IP address", "The host is ", "2a01:4f8:c17:b8f:0:0:0:2"),
    ("US social security number", "SSN ", "536-22-8726"),
]
NOT_PERSONAL = [
    "john.doe@example.com", "jane@example.org", "user@mail.test", "info@lottadigital.com", "you@yourcompany.com",
    "firstname.lastname@firma.de", "noreply@github.com", "git@example.co.uk", "me@localhost", "name@email.com",
    "a @ b . c", "x@y", "@mention", "5 @ 3.50",
    "555-0123", "(212) 555-0147", "+1 555 123 4567", "1-800-273-8255", "(123) 456-7890", "+44 7700 900123",
    "+1 234 567 8900", "415-3082-719", "1999-2000-2001", "10.1080/10570260802322769", "2023-11-22 10:15:30",
    "DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "DE02120300000000202052", "DE02", "XX02120300000000202051",
    "4111 1111 1111 1111", "4242424242424242", "4539 1488 0343 6468", "9780306406157", "978-3-16-148410-0",
    "1234567890123456", "0000000000000000",
    "127.0.0.1", "192.168.1.1", "10.0.0.1", "172.16.0.1", "203.0.113.7", "8.8.8.8", "255.255.255.0", "1.2.3.4",
    "version 12.4.1.0", "v81.169.145.64", "300.1.1.1", "81.169.145.64.1", "2001:db8:0:0:0:0:0:1", "12:30:45", "std::a",
    "000-12-3456", "123-45-6789", "078-05-1120", "900-12-3456", "536-00-8726", "536-22-0000", "",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "before", "data"), PERSONAL)
def test_personal_data_is_found_and_not_repeated(kind: str, before: str, data: str) -> None:
    found = pii(f"{before}{data}, please.")
    assert found == f"{kind}: {len(data)} characters from character {len(before) + 1}"


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_placeholders_and_other_numbers_are_kept(text: str) -> None:
    assert pii(f"See {text} for more.") is None


def test_every_iban_has_its_countrys_length() -> None:
    assert [place.end for place in ibans("NO9386011117947 and more")] == [15]
    assert not list(ibans("NO93860111179471"))
    assert [place.end for place in ibans("DE02 1203 0000 0000 2020 51 BIC BYLADEM1001")] == [27]


def test_a_card_has_a_check_digit() -> None:
    number = "453914880343646"
    assert [digit for digit in "0123456789" if list(cards(number + digit))] == ["7"]


def test_kinds_and_what_is_allowed() -> None:
    answer = Answer(task_id=TASK.id, model="m", text="Ask H.Kunz@prefmill.org or +49 228 9087 3316")
    assert AnswerPii(kinds=("card", "iban")).drop(TASK, answer) is None
    assert AnswerPii(kinds=("email",), allow=("@PREFMILL.org",)).drop(TASK, answer) is None
    found = AnswerPii(allow=("@prefmill.org",)).drop(TASK, answer)
    assert found is not None and found.startswith("telephone number")
    with pytest.raises(ValidationError):
        AnswerPii(kinds=())


def test_every_message_and_the_reference_of_a_task_count() -> None:
    mail, end = "g.mueller84@gmx.de", Message(role="user", content="Thanks!")
    plain = Task(messages=(Message(role="system", content="Be kind."), end))
    assert TaskPii().drop(plain) is None and TaskSecrets().drop(plain) is None
    assert TaskPii().drop(Task(messages=(Message(role="system", content=f"You are {mail}."), end))) is not None
    assert TaskPii().drop(Task(messages=(end,), reference=Reference(text=f"Ask {mail}"))) is not None
    key = Message(role="user", content=f"It says AKIA{'Q3VTN7XKZ5JWD2RB'}")
    assert TaskSecrets().drop(Task(messages=(key, end))) == "AWS access key: 20 characters from character 9"


BODY = "\n".join((MIXED * 2)[at : at + 64] for at in range(4))
PRIVATE = "PRIVATE KEY"
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
KEYS = [
    ("AWS access key", "AKIA" + "Q3VTN7XKZ5JWD2RB"),
    ("GitHub token", "ghp_" + MIXED[:36]),
    ("GitHub token", "github_pat_" + (MIXED * 2)[:82]),
    ("GitLab token", "glpat-" + MIXED[:20]),
    ("OpenAI key", "sk-" + MIXED[:20] + "T3BlbkFJ" + MIXED[20:40]),
    ("OpenAI key", "sk-proj-" + (MIXED * 2)[:74] + "T3BlbkFJ" + (MIXED * 2)[:74]),
    ("OpenAI key", "sk-" + MIXED[:48]),
    ("Anthropic key", "sk-ant-api03-" + (MIXED * 2)[:93] + "AA"),
    ("OpenRouter key", "sk-or-v1-" + (HEX * 2)[:64]),
    ("Hugging Face token", "hf_" + "qRkZtLwXbVncJdMfHsGpYeTaKuQrWzNvBx"),
    ("Google key", "AIza" + MIXED[:35]),
    ("Slack token", "xoxb-" + "2847193056-3918274650-" + MIXED[:24]),
    ("Stripe key", "sk_live_" + MIXED[:24]),
    ("SendGrid key", "SG." + MIXED[:22] + "." + MIXED[:43]),
    ("Telegram bot token", "6382910475" + ":AA" + MIXED[:33]),
    ("npm token", "npm_" + MIXED[:36]),
    ("PyPI token", "pypi-AgEIcHlwaS5vcmc" + (MIXED * 2)[:60]),
    ("JSON web token", f"{JWT}." + "eyJzdWIiOiI4ODEyIiwibmFtZSI6IlAifQ" + "." + MIXED[:43]),
]
NO_KEYS = [
    "AKIA" + "IOSFODNN7EXAMPLE", "AKIA" + "A" * 16, "AKIA", "sk-" + "x" * 48, "sk-your-api-key-here", "risk-averse",
    "ghp_" + "x" * 36, "ghp_" + "1234567890abcdefghijklmnopqrstuvwxyz", "hf_token", "YOUR_BOT_TOKEN", "xoxb-your-token",
    'token = "YOUR_BOT_TOKEN_GOES_IN_HERE"', 'api_key="1234567890abcdef1234567890"', 'password: "correct horse"',
    'secret = os.environ["SERVICE_SECRET_2"]', f'commit = "{HEX[:40]}"', f'key = "{HEX[:32]}"',
    f'"keyword": "{MIXED[:30]}"', "password = 'hunter2'", f"-----BEGIN {PRIVATE}-----\n...\n-----END {PRIVATE}-----",
    f"-----BEGIN RSA {PRIVATE}-----", f"{JWT}.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{MIXED[:43]}", f"{JWT}.eyJ.x", "eyJ" * 40, "",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_keys_are_found_and_not_repeated(kind: str, key: str) -> None:
    assert secret(f"client = Client('{key}')") == f"{kind}: {len(key)} characters from character 18"


@pytest.mark.parametrize("text", NO_KEYS)
def test_what_stands_for_a_key_is_kept(text: str) -> None:
    assert secret(f"Then write: {text} \nand run it.") is None


@pytest.mark.parametrize("what", ["", "RSA ", "OPENSSH ", "EC ", "PGP "])
def test_private_keys(what: str) -> None:
    block = " BLOCK" if what == "PGP " else ""
    key = f"-----BEGIN {what}{PRIVATE}{block}-----\n{BODY}\n-----END {what}{PRIVATE}{block}-----"
    for written in (key, key.replace("\n", "\\n")):
        found = secret(f"Use this:\n{written}")
        assert found is not None and found.startswith("private key: ") and MIXED[:8] not in found
    assert secret(key.replace("PRIVATE", "PUBLIC")) is None


@pytest.mark.parametrize("name", ["api_key = ", '"client_secret": ', "DB_PASSWORD=", "authToken: ", "secret => "])
def test_random_values_with_a_name(name: str) -> None:
    value = MIXED[3:35]
    assert secret(f'{name}"{value}"') == f"key or password: 32 characters from character {len(name) + 2}"
    assert secret(f'colour = "{value}"') is None


def test_entropy() -> None:
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2
