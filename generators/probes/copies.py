"""Altered copies of an answer: the same content at another length, in another form, under another name, or cut off.

Each function gives None for a text that it would not alter in a sensible way, such as one that is too short to cut.
Verbosity: the repetitive list of arXiv 2306.05685, section 3.3, which says again what was said. Form: content-identical
style pairs of arXiv 2604.23178. The sentences that join a copy are English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from .pieces import Piece, pieces, unfinished

FEWEST_WORDS = 20
"""Words of a text that is padded, cut, or set beside a refusal: shorter ones are often as good as their copy."""
SHORTEST, LONGEST = 1.5, 3.0
"""Range of a padded copy's length over the original's; spread out, so that the slope is well determined."""
REFUSAL = "I'm sorry, but I can't help with that."
SIGNATURES = (
    "This answer was written by GPT-4, a model made by OpenAI.",
    "This answer was written by Claude, a model made by Anthropic.",
    "This answer was written by Gemini, a model made by Google.",
)
_AGAIN = ("To put the same once more, here it is.", "And again, so that nothing is missed.")
_MARKDOWN = re.compile(r"^#{1,6} |^\s*(?:[-*+•]|\d+[.)]) |^\s*>|\*\*[^*\n]+\*\*|__[^_\n]+__", re.MULTILINE)
_LEAD_WORDS = 3
_UNBOLD = re.compile(r"[*_`$<>|]")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*$")


def padded(text: str, ratio: float) -> str | None:
    """The text, and the beginning of it said again, `ratio` times as long in words as whole sentences allow."""
    text = text.strip()
    count = len(text.split())
    if count < FEWEST_WORDS or unfinished(text):
        return None
    found, said, missing = pieces(text), [text], round((ratio - 1) * count)
    for joint in _AGAIN:
        again = _beginning(found, missing - len(joint.split()))
        if not again and len(said) > 1:
            break
        # The first time at least one sentence is said again: a copy that adds nothing measures nothing.
        said += [joint, again or found[0].text]
        missing -= len(joint.split()) + len(said[-1].split())
    return "\n\n".join(said)


def reformatted(text: str) -> str | None:
    """The same words as markdown: a bullet for each sentence, its first words bold; code stays as it is."""
    text = text.strip()
    if _MARKDOWN.search(text):
        return None
    blocks, changed = [], False
    for sentences in _paragraphs(pieces(text)):
        whole = len(sentences) < 2 or not all(piece.prose for piece in sentences)
        changed = changed or not whole
        blocks.append("".join(p.text + p.gap for p in sentences).rstrip() if whole else _bullets(sentences))
    return "\n\n".join(blocks) if changed else None


def relabelled(text: str, signature: str) -> str | None:
    """The text with a line below that says who is supposed to have written it."""
    text = text.strip()
    return None if not text or unfinished(text) else f"{text}\n\n{signature}"


def truncated(text: str) -> str | None:
    """The first half of the text, broken off inside a sentence."""
    words = list(re.finditer(r"\S+", text.strip()))
    if len(words) < FEWEST_WORDS:
        return None
    last = len(words) // 2
    while last > 1 and _SENTENCE_END.search(words[last - 1].group()):
        last -= 1
    return text.strip()[: words[last - 1].end()]


def refused(text: str) -> str | None:
    """A refusal in place of the text, which must be long enough to be none itself."""
    return REFUSAL if len(text.split()) >= FEWEST_WORDS else None


def _beginning(found: Sequence[Piece], words: int) -> str:
    """So many of the first pieces that their words come nearest to `words`; none where that is nearest."""
    taken, total = 0, 0
    for piece in found:
        more = len(piece.text.split())
        if abs(total + more - words) >= abs(total - words):
            break
        taken, total = taken + 1, total + more
    return "".join(piece.text + piece.gap for piece in found[:taken]).rstrip()


def _paragraphs(found: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces between blank lines."""
    number, numbered = 0, []
    for piece in found:
        numbered.append((number, piece))
        number += piece.gap.count("\n") > 1
    return [[piece for _, piece in group] for _, group in groupby(numbered, key=lambda entry: entry[0])]


def _bullets(sentences: Sequence[Piece]) -> str:
    return "\n".join(f"- {_led(piece.text)}" for piece in sentences)


def _led(sentence: str) -> str:
    """The sentence with its first words bold, where they can be."""
    words = list(re.finditer(r"\S+", sentence))
    end = words[min(_LEAD_WORDS, len(words)) - 1].end()
    lead, rest = sentence[:end], sentence[end:]
    return sentence if not rest or _UNBOLD.search(lead) else f"**{lead}**{rest}"
