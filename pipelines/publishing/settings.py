"""The recipe's `publish:` block: where a run is published, and under which licence."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from ...schemas.frozen import Frozen

REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
"""OWNER/NAME as the Hub takes it (`huggingface_hub.utils.validate_repo_id` refuses `--` and `..` besides)."""


def repo_name(value: str) -> str:
    """A repository's name. Raises `ValueError`."""
    if not REPO.fullmatch(value) or "--" in value or ".." in value or value.endswith(".git"):
        raise ValueError("OWNER/NAME: letters, digits, `.`, `_` and `-`, no `--` or `..`, at most 96 each")
    return value


class Publish(Frozen):
    """Where and how `prefmill publish` publishes a run."""

    repo: Annotated[str, AfterValidator(repo_name)] | None = None
    """Data set repository on the Hub, as OWNER/NAME; `--repo` goes before it."""
    private: bool = False
    """Make the repository private where it does not exist yet; nothing is put into a public one."""
    license: str | None = None
    """Licence to publish under, as the Hub writes it (`cc-by-4.0`). None: what the sources and models leave. One that
    they do not leave is refused."""
    language: tuple[str, ...] = ()
    """Languages of the texts, as codes of ISO 639 (`en`); nothing is guessed."""
