"""Which side of a train and test split an example is on.

A format that splits has one field whose name ends in `_share`: the expected size of its held-out part, 0 to 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..chat_text import question_text
from ..errors import CannotCarry
from ..row import digest
from ..rows import Example, Task

if TYPE_CHECKING:
    from . import Format


def group_of(task: Task) -> str:
    """What a task is held out by where nothing is known of others like it: 16 hex digits, a hash of what was asked."""
    return digest("held_out", question_text(task))


def held_out(example: Example, share: float) -> bool:
    """Whether an example belongs to the held-out part, of which `share` is the expected size (0 to 1).

    Decided by its group (`Example.split`), or without one by a hash of what was asked, so it depends neither on the
    order of tasks nor on how many there are, and all rows about one question are on one side, whatever their source,
    reference or place in the file. Raises `CannotCarry` for an example that may only be held out, and is not: its
    reason is what keeps it from being trained on.
    """
    split = example.split
    group = group_of(example.task) if split is None else split.group
    out = int(group, 16) < share * 2**64 or (share > 0 and split is not None and split.held_out)
    if not out and split is not None and split.never_train is not None:
        raise CannotCarry(split.never_train)
    return out


def share_of(plugin: Format) -> float | None:
    """The expected size of a format's held-out part; None where it does not split."""
    return next((float(value) for name, value in plugin if name.endswith("_share")), None)
