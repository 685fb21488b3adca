"""What the card, the front matter and the Croissant metadata of a published set tell of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..recipe import Recipe
from .configs import Split
from .data import Written, all_splits
from .licence import Derived
from .seen import Seen


@dataclass(frozen=True, slots=True)
class Told:
    """Everything the card tells."""

    repo: str
    """OWNER/NAME, or the run's name where it is not known yet."""
    recipe: Recipe
    manifest: Mapping[str, Any]
    """As it is published."""
    written: Sequence[Written]
    seen: Seen
    licence: Derived
    ended: str = ""
    """Day on which the run ended; empty where it is not known."""

    @property
    def splits(self) -> tuple[tuple[Split, int], ...]:
        """Every published split with its rows."""
        return tuple(all_splits(self.written))

    @property
    def simulated(self) -> bool:
        """Whether any part of the set is."""
        return bool(self.manifest["simulated"] or self.seen.simulated)

    @property
    def address(self) -> str:
        """Where it is published, or the card beside the files where that is not known."""
        return f"https://huggingface.co/datasets/{self.repo}" if "/" in self.repo else "README.md"
