"""Brings the database up to date and makes the users that are missing. Runs in a container, before the server does.

The text of this file is the command of the service `setup`: it must not import prefmill. Argilla's own command that
makes users writes their API keys into the container's log, and its passwords stand in the list of processes.

Source: argilla-server 2.8.0, `cli/database/migrate.py`, `contexts/accounts.py` and `models/database.py`.
"""

import asyncio
import json
import os
import sys

from argilla_server.cli.database.migrate import migrate_db
from argilla_server.contexts import accounts
from argilla_server.database import AsyncSessionLocal
from argilla_server.enums import UserRole
from argilla_server.models import Workspace


async def make_users() -> None:
    """Users that are there keep their password; the owner's API key is what the environment says."""
    workspace, owner = os.environ["TEAM_WORKSPACE"], os.environ["TEAM_OWNER"]
    wanted = {name: (UserRole.annotator, password) for name, password in json.loads(os.environ["ANNOTATORS"]).items()}
    wanted[owner] = (UserRole.owner, os.environ["OWNER_PASSWORD"])
    async with AsyncSessionLocal() as database:
        if await Workspace.get_by(database, name=workspace) is None:
            await accounts.create_workspace(database, {"name": workspace})
        for name, (role, password) in wanted.items():
            if await accounts.get_user_by_username(database, name) is None:
                user = {"username": name, "first_name": name, "last_name": None, "role": role, "password": password}
                await accounts.create_user(database, user, workspaces=[workspace])
                sys.stdout.write(f"made {name}\n")
        made = await accounts.get_user_by_username(database, owner)
        await accounts.update_user(database, made, {"api_key": os.environ["OWNER_API_KEY"]})


if __name__ == "__main__":
    migrate_db("head")
    asyncio.run(make_users())
