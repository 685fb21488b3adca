"""Language of tasks: keeps those that are written in listed languages."""

from __future__ import annotations

from pydantic import Field, field_validator

from ...schemas.rows import Task
from . import TaskFilter
from ._languages import Known, counted_as, listed


class TaskLanguage(Known, TaskFilter):
    """Drops tasks whose user writes in a language that is not listed. Needs `pip install 'prefmill[lang]'`.

    A teacher that reads a language badly labels by length and format, and a rubric in one language is another rubric in
    another. What is looked at are the user's turns, code and addresses aside. What is too short or too mixed to say is
    kept: of the 805 AlpacaEval instructions, all English, `languages: [en]` drops none.
    """

    languages: tuple[str, ...] = Field(min_length=1)
    """Codes of the languages to keep, as of ISO 639-1 (639-3 where there is none): `[en, de]`. Some are counted as one,
    because they are not told apart well: Bosnian, Croatian and Serbian; Norwegian's two; Chinese ones; Malay and
    Indonesian; Arabic ones."""

    @field_validator("languages")
    @classmethod
    def _known(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        return listed(languages)

    def drop(self, task: Task) -> str | None:
        asked = "\n".join(message.content for message in task.turns if message.role == "user")
        language = self.language(asked)
        if language is None or language in map(counted_as, self.languages):
            return None
        return f"written in {language}, not in {' or '.join(self.languages)}"
