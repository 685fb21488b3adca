"""Secrets in tasks: keys, tokens and passwords that open somebody's account."""

from __future__ import annotations

from ...schemas.rows import Task
from ..texts.secrets import secrets
from . import TaskFilter


class TaskSecrets(TaskFilter):
    """Drops tasks that hold a key, a token or a password, in any message or in the reference.

    People paste code with their keys into chats. Published, a key is used within minutes, and a model that is trained
    on it can say it. Known are keys of services by prefix, length and alphabet, private keys, JSON web tokens, and
    values of at least 20 random characters that are assigned to a name such as `api_key`. Placeholders are kept. The
    reason tells kind and place and does not repeat what was found; the task itself stays in the run's own folder, in
    `1-tasks/`, which is not what is published. Of the 805 AlpacaEval instructions it drops none; none holds a key.
    """

    def drop(self, task: Task) -> str | None:
        texts = [message.content for message in task.messages]
        texts += [task.reference.text] if task.reference is not None else []
        return next((place.told(kind) for text in texts for kind, place in secrets(text)), None)
