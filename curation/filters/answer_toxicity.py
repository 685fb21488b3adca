"""Toxic answers, by a classifier on disk."""

from __future__ import annotations

from ...schemas.rows import Answer, Task
from . import AnswerFilter
from ._toxic import Classified


class AnswerToxicity(Classified, AnswerFilter):
    """Drops answers that a local classifier finds toxic. Needs `pip install 'prefmill[toxicity]'`.

    For data sets that must not hold abuse; a judge of harmlessness needs such answers, beside better ones. How precise
    it is depends on the classifier; look at `dropped/`.
    """

    def drop(self, task: Task, answer: Answer) -> str | None:
        return self.toxic(answer.text or "")
