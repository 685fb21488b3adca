"""Where an endpoint is and with which key it is asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """Where an endpoint is and with which key it is asked."""

    base_url: str
    key: str | None
    key_variable: str | None
    """Name of the variable the key comes from, for messages."""
    socket: str | None = None
    """Path of the Unix socket where it listens; None: at the host and port of `base_url`."""

    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        authorization = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return {"Content-Type": "application/json", **authorization}

    def masked(self, text: str) -> str:
        """A text without the key: some servers repeat it in what they say."""
        return text.replace(self.key, "***") if self.key else text
