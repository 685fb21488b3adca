"""E-mail addresses of people.

The form is that of the HTML Living Standard (section 4.10.5.1.5, `valid e-mail address`), with a top-level domain of
letters and no characters that are not seen in practice. Not counted are domains that are reserved for examples (RFC
2606, RFC 6761) or stand for one in most example texts, role names (RFC 2142 and the like), and made-up people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .places import Place

_ADDRESS = re.compile(
    r"(?<![\w.+-])(?P<local>[A-Za-z0-9][\w.+-]{0,63})@(?P<domain>(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![\w@-])",
    re.ASCII,
)
_RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.[a-z.]+)?|test|invalid|localhost|local)$")
_STAND_INS = frozenset((
    "email.com", "mail.com", "domain.com", "mydomain.com", "yourdomain.com", "company.com", "mycompany.com",
    "yourcompany.com", "test.com", "emailprovider.com", "website.com", "yourwebsite.com", "university.edu",
    "school.edu", "organization.org", "placeholder.com", "site.com", "samplemail.com", "sample.com", "business.com",
    "abc.com", "xyz.com", "abccompany.com", "xyzcompany.com", "foo.com", "bar.com", "acme.com", "server.com",
    "host.com", "address.com", "provider.com", "somewhere.com",
))  # fmt: skip
_ROLES = frozenset((
    "abuse", "admin", "administrator", "billing", "careers", "contact", "customercare", "customerservice", "editor",
    "enquiries", "feedback", "hello", "help", "helpdesk", "hostmaster", "hr", "info", "information", "inquiries",
    "jobs", "legal", "mail", "marketing", "media", "news", "newsletter", "no-reply", "noreply", "office", "orders",
    "postmaster", "press", "privacy", "recruiting", "recruitment", "root", "sales", "security", "service",
    "services", "support", "team", "unsubscribe", "webmaster",
))  # fmt: skip
_NOBODY = re.compile(
    r"(?:john|jane|j|jon)[._-]?(?:doe|smith|public)\d*|doe|(?:your|my)[\w.+-]*|(?:first|last)?[._-]?name(?:[._-]\w+)?|"
    r"first[._-]?(?:name)?[._-]?last(?:name)?|user(?:name)?\d*|e?mail\d*|example\d*|sample\d*|test(?:er|user|ing)?\d*|"
    r"someone|somebody|anyone|recipient\d*|sender|foo|bar|abc\d*|xyz\d*|me|you|a|b|x|y|alice|bob|invalid[\w.+-]*",
    re.IGNORECASE,
)


def mail_addresses(text: str) -> Iterator[Place]:
    """Each place with an address that may be a person's."""
    if "@" not in text:
        return
    for found in _ADDRESS.finditer(text):
        local, domain = found["local"].lower(), found["domain"].lower()
        if local in _ROLES or _NOBODY.fullmatch(local) or domain in _STAND_INS or _RESERVED.search(domain):
            continue
        yield Place(*found.span())
