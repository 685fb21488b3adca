"""Language of answers: drops those in another language than the task."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from ...schemas.rows import Answer, Task
from ..texts.languages import LONGEST
from . import AnswerFilter
from ._languages import Known, counted_as, listed

LEAST_LETTERS = 15
"""Of a task, or of a part of it. Questions are short; of the AlpacaEval instructions with so many letters none was
taken for another language with a probability of 0.9."""
OTHER_WANTED = re.compile(
    r"\b(?:translat\w*|languages?|bilingual|multilingual|polyglot|[öo]vers[äa]tt\w*|[üu]bersetz\w*|tradu\w*|translit\w*|"
    r"afrikaans|albanian|amharic|arabic|armenian|azerbaijani|basque|belarusian|bengali|bosnian|bulgarian|burmese|"
    r"cantonese|catalan|chinese|croatian|czech|danish|dutch|english|esperanto|estonian|farsi|finnish|flemish|french|"
    r"gaelic|galician|georgian|german|greek|gujarati|hausa|hebrew|hindi|hungarian|icelandic|indonesian|irish|italian|"
    r"japanese|kannada|kazakh|khmer|korean|kurdish|lao|latin|latvian|lithuanian|malay|malayalam|maltese|mandarin|"
    r"marathi|mongolian|nepali|norwegian|pashto|persian|polish|portuguese|punjabi|quechua|romanian|russian|sanskrit|"
    r"serbian|sinhala|slovak|slovene|slovenian|somali|spanish|swahili|swedish|tagalog|tamil|telugu|thai|tibetan|"
    r"turkish|ukrainian|urdu|uyghur|uzbek|vietnamese|welsh|yiddish|yoruba|zulu|"
    r"englisch\w*|franz[öo]sisch\w*|deutsch\w*|spanisch\w*|anglais\w*|allemand\w*|espagnol\w*|ingl[eé]s\w*|franc[eé]s|"
    r"alem[aá]n|espa[nñ]ol|inglese|francese|tedesco|spagnolo|engels|frans|duits|spaans)\b|"
    r"перев\w+|англий|русск|немец|翻译|翻譯|英[语語文]|中文|法[语語]|德[语語]|日[语語文]|翻訳|英語|번역|영어|ترجم|अनुवाद|अंग्रेज"
)
"""A task that, in lower case, names a language, or translating, may want an answer in that one."""
PARTS = 40
"""Paragraphs of a task whose languages are looked at."""


class AnswerLanguage(Known, AnswerFilter):
    """Drops answers that are not in the task's language. Needs `pip install 'prefmill[lang]'`.

    A model that slips into another language is marked down for that alone, or praised by a teacher that likes the
    language better; either way the pair does not teach what makes an answer good. Written for precision: kept is what
    is too short or too mixed to say, what any paragraph of the chat is written in, and every answer to a task that
    names a language or asks to translate. Of 7,245 answers of nine models to AlpacaEval it drops two, both rightly: one
    in Chinese, one half in Chinese, to English questions. It misses two that go over into Chinese or Korean.
    """

    also: tuple[str, ...] = Field(())
    """Languages that an answer may be in whatever the task's is."""

    @field_validator("also")
    @classmethod
    def _known(cls, also: tuple[str, ...]) -> tuple[str, ...]:
        return listed(also)

    def drop(self, task: Task, answer: Answer) -> str | None:
        language = self.language(answer.text or "")
        if language is None or language in map(counted_as, self.also):
            return None
        sizes = self.model_copy(update={"least_letters": min(LEAST_LETTERS, self.least_letters)})
        asked = sizes.language(task.instruction)
        if asked is None or asked == language:
            return None
        parts = [part for message in task.messages for part in message.content[:LONGEST].split("\n")][:PARTS]
        if any(sizes.language(part) == language for part in parts):
            return None
        # Asked last: a task may be long, and few answers get here.
        if any(OTHER_WANTED.search(message.content.lower()) for message in task.messages):
            return None
        return f"written in {language}, asked in {asked}"
