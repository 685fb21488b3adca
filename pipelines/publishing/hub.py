"""The Hub, and whether one may write there.

The token is that of the environment (HF_TOKEN) or of `hf auth login`; it is read by `huggingface_hub`, and kept
nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

from ...schemas.errors import UserError
from .hub_errors import OFFLINE, one_line

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True, slots=True)
class Hub:
    """A Hub, and who we are there."""

    endpoint: str | None = None
    """Its address; None: as the environment says (HF_ENDPOINT)."""
    token: str | None = field(default=None, repr=False)
    """None: as the environment or the login says."""

    def check(self, repo: str | None = None) -> str:
        """Who the token belongs to. Raises `UserError`: offline, no token, one that cannot write, no such owner."""
        import huggingface_hub

        if huggingface_hub.is_offline_mode():
            raise UserError(OFFLINE)
        if (token := self.effective_token()) is None:
            raise UserError(
                "no token for the Hub: set HF_TOKEN, or log in with `hf auth login`. It must be allowed to write."
            )
        api = self.api()
        with one_line(api.endpoint, repo, token):
            account: dict[str, Any] = api.whoami()
        name = str(account.get("name"))
        if _role(account) == "read":
            raise UserError(
                f"the Hub token of {name} may only read. Make one that may write: {api.endpoint}/settings/tokens."
            )
        owners = [name, *(str(one.get("name")) for one in account.get("orgs", ()))]
        owner = repo.partition("/")[0] if repo else name
        # A fine-grained token may not tell every organisation that it can write to.
        if _role(account) == "write" and owner not in owners:
            raise UserError(f"{repo}: {name} is not {owner} and no member of it. Known: {', '.join(sorted(owners))}.")
        return name

    def api(self) -> HfApi:
        """The library's client."""
        from huggingface_hub import HfApi

        version = metadata.version("prefmill")
        return HfApi(self.endpoint, token=self.token, library_name="prefmill", library_version=version)

    def effective_token(self) -> str | None:
        """The token that is sent: to be kept out of messages."""
        import huggingface_hub

        return self.token or huggingface_hub.get_token()


def _role(account: dict[str, Any]) -> str:
    """`read`, `write` or `fineGrained`; what a fine-grained token may do is told when it does it."""
    token = account.get("auth", {}).get("accessToken") or {}
    return str(token.get("role", ""))
