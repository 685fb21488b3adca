"""How one record becomes a Task: which columns are read, what counts as absent, and what is refused.

Null, NaN and blank text are absent. Nothing is repaired or guessed: what does not fit is `Malformed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...schemas.rows import Message, Reference, Task
from . import Source
from ._chat import chat_of
from ._rubric import rubric_of
from ._values import Malformed, parts_of, present, scalar_of, text_of


def task_of(record: Mapping[str, Any], source: Source, line: int) -> Task:
    """The task in a record. Raises `Malformed`."""
    fields = source.fields
    value = {field: present(record.get(column)) for field, column in fields}
    return Task(
        source_id=scalar_of(value["id"], fields.id),
        messages=_messages(value, source),
        category=scalar_of(value["category"], fields.category),
        licence=scalar_of(value["licence"], fields.licence) or source.licence,
        reference=_reference(value["reference"], fields.reference),
        rubric=rubric_of(value["rubric"], fields.rubric),
        source=source.label,
        line=line,
    )


def _messages(value: dict[str, Any], source: Source) -> tuple[Message, ...]:
    """The chat up to the last user turn, from `messages` or else from `instruction` and `input`."""
    fields = source.fields
    system: tuple[Message, ...] = ()
    if value["system"] is not None:
        system = (Message(role="system", content=text_of(value["system"], fields.system)),)
    if value["messages"] is not None:
        chat = chat_of(value["messages"], fields.messages)
        return chat if chat[0].role == "system" else (*system, *chat)
    if value["instruction"] is None:
        raise Malformed(f"no {fields.instruction} and no {fields.messages}, or blank ones")
    instruction = text_of(value["instruction"], fields.instruction)
    if value["input"] is not None:
        instruction = f"{instruction}\n\n{text_of(value['input'], fields.input)}"
    return (*system, Message(role="user", content=instruction))


def _reference(value: object, name: str) -> Reference | None:
    if not isinstance(value, dict):
        return None if value is None else Reference(text=text_of(value, name))
    parts = parts_of(value, name, set(Reference.model_fields))
    if "text" not in parts:
        return None
    return Reference.model_validate({key: text_of(part, f"{name}.{key}") for key, part in parts.items()})
