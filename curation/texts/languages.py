"""Which language a text is written in, by py3langid.

py3langid (github.com/adbar/py3langid, BSD) is a fork of langid.py (Lui & Baldwin, ACL 2012): naive Bayes over byte
n-grams, its model within the package, nothing is downloaded. From version 0.4 on it divides log-probabilities by the
square root of the number of bytes before it normalises them, without which long texts have a probability of 1 for
whatever comes out (`LanguageIdentifier._decide`).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from ...schemas.errors import UserError
from .prose import without_code

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LANGUAGES = frozenset((
    "ace", "af", "am", "an", "ar", "ary", "arz", "as", "az", "ba", "bcl", "be", "bg", "bn", "br", "bs", "ca", "crh",
    "cs", "cy", "da", "de", "dz", "el", "en", "eo", "es", "et", "eu", "ext", "fa", "fi", "fo", "fr", "fuv", "fy",
    "ga", "gcf", "gcr", "gd", "gl", "gom", "grc", "gu", "gug", "guw", "ha", "hbo", "he", "hi", "hr", "ht", "hu",
    "hy", "id", "ig", "is", "it", "ja", "jv", "ka", "kab", "kik", "kk", "km", "kn", "ko", "ku", "ky", "la", "lb",
    "lg", "lij", "ln", "lo", "lt", "ltg", "lv", "mg", "mk", "ml", "mn", "mr", "ms", "mt", "my", "ne", "nl", "nn",
    "no", "nso", "oc", "om", "or", "pa", "pcm", "pl", "ps", "pt", "qu", "ro", "ru", "rw", "sa", "sdh", "se", "si",
    "sk", "sl", "sn", "so", "sq", "sr", "st", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl", "tr", "tt", "ug",
    "uk", "ur", "uz", "uzs", "vec", "vi", "vo", "wa", "wuu", "xh", "yo", "yue", "zh", "zu",
))  # fmt: skip
"""Codes (ISO 639-1, or 639-3 where there is none) of the languages that the model of py3langid 0.4 tells apart; its
`zxx`, no language, is not one."""
ALIKE = {
    "pcm": "en",
    "wuu": "zh",
    "yue": "zh",
    "nn": "no",
    "bs": "hr",
    "sr": "hr",
    "arz": "ar",
    "ary": "ar",
    "ms": "id",
}
"""Languages that are counted as one: what the model takes for the left one is mostly the right one. Of 7,245 English
answers that AlpacaEval holds, lists of names and tables were taken for Nigerian Pidgin."""
LONGEST = 20_000
"""Characters of a text that are looked at."""
_NOT_PROSE = re.compile(r"`[^`\n]{0,200}`|https?://\S{1,2000}")


def language_of(text: str, least_letters: int, confidence: float) -> str | None:
    """Code of the language of a text, code and addresses aside; None where it does not say.

    It does not say where there are fewer than `least_letters` letters, or where no language has a probability of at
    least `confidence`. Raises `UserError` where py3langid is not installed.
    """
    tells = identifier()
    prose = _NOT_PROSE.sub(" ", without_code(text[:LONGEST]))
    if sum(map(str.isalpha, prose)) < least_letters:
        return None
    found: dict[str, float] = {}
    for code, probability in tells.rank(prose):
        counted = ALIKE.get(code, code)
        found[counted] = found.get(counted, 0.0) + probability
    language = max(found, key=found.__getitem__)
    return language if found[language] >= confidence and language in LANGUAGES else None


@cache
def identifier() -> LanguageIdentifier:
    """What tells languages apart. Raises `UserError` where py3langid is not installed."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise UserError(
            "the filters of languages need the package py3langid. Next: pip install 'prefmill[lang]'"
        ) from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
