"""Asks the database once in a request whether the user is a member of a workspace.

argilla-server 2.8.0, `models/database.py`, `User.is_member`, asks it for each metadata value of each record that an
annotator is shown (`api/policies/v1/metadata_property_policy.py`): that was half the time of a page of ten records.
"""

from __future__ import annotations

from uuid import UUID

from argilla_server.models import User

_KNOWN = "memberships"


def ask_for_memberships_once() -> None:
    """What is known is forgotten with the session, which lasts for a request."""
    ask = User.is_member

    async def is_member(user: User, workspace_id: UUID) -> bool:
        known: dict[tuple[UUID, UUID], bool] = user.current_async_session.info.setdefault(_KNOWN, {})
        if (user.id, workspace_id) not in known:
            known[user.id, workspace_id] = await ask(user, workspace_id)
        return known[user.id, workspace_id]

    User.is_member = is_member
