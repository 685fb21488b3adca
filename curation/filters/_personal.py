"""What the filters of personal data have in common: what is looked for, and what may stay."""

from __future__ import annotations

from pydantic import Field

from ...schemas.frozen import Frozen
from ..texts.personal_data import Personal, personal_data


class Sought(Frozen):
    """Which kinds of personal data are looked for."""

    kinds: tuple[Personal, ...] = Field(("email", "phone", "iban", "card", "ip", "ssn"), min_length=1)
    """`email`; `phone`, with a plus or in North American groups; `iban` and `card`, with right check digits; `ip`,
    public ones; `ssn`, of US social security."""
    allow: tuple[str, ...] = ()
    """What may stand there, in any case: whole finds, or how they end, as `@mycompany.org`."""

    def found_in(self, text: str) -> str | None:
        """One line on the first find, which does not repeat it; None where there is none."""
        return personal_data(text, self.kinds, (end.lower() for end in self.allow))
