"""Makes users, with random secrets, in Argilla's database.

Source: argilla-server 2.8.0, `contexts/accounts.py` and `models/database.py`. Its own default user, argilla with the
password 1234, is never made.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from argilla_server.contexts import accounts
from argilla_server.database import AsyncSessionLocal
from argilla_server.enums import UserRole
from argilla_server.models import User, Workspace

from .home import Home


async def add_people(home: Home, workspace: str, annotators: Sequence[str], owner: str | None = None) -> None:
    """Make who is missing: an owner, and annotators who see the datasets of one workspace. Who is known stays as is.

    Their secrets are in the home directory's `secrets.json` afterwards. Raises ValueError for a name that Argilla
    refuses.
    """
    async with AsyncSessionLocal() as database:
        if await Workspace.get_by(database, name=workspace) is None:
            await accounts.create_workspace(database, {"name": workspace})
        owners = [(owner, UserRole.owner)] if owner is not None else []
        for name, role in [*owners, *((name, UserRole.annotator) for name in annotators)]:
            if await accounts.get_user_by_username(database, name) is not None:
                continue
            password = secrets.token_urlsafe(16)
            made: User = await accounts.create_user(
                database,
                {"username": name, "first_name": name, "last_name": None, "role": role, "password": password},
                workspaces=[workspace],
            )
            known = home.read_secrets()
            users = known.setdefault("users", {})
            users[name] = {"role": str(role), "password": password, "api_key": made.api_key}
            home.write_secrets(known)
