"""New rubrics and rubrics in other words.

A model has favourites: a share of what it calls new is one of a few rubrics again, word for word or with a few words
more.
"""

from __future__ import annotations

import re

from ..chance import Chance
from . import Wanted, part

_LINES = re.compile(r"^Criterion: \((?:.*)\)((?:\nScore -?\d+: \(.*\))+)\Z", re.MULTILINE)
_SCORE = re.compile(r"^Score (-?\d+): ", re.MULTILINE)
_BRAINSTORM, _REWORD = "\nWrite a new rubric ", "Say this rubric in other words."

FAVOURITES, NEARLY = 0.12, 0.12
"""Shares of new rubrics that are a favourite word for word, and one with a few words more."""
_FAVOURITE_DRAWS = 3

_KINDS = (
    "recipes", "contracts", "museum labels", "bug reports", "bedtime stories", "school reports", "eulogies", "sermons",
    "chess lessons", "weather warnings", "product reviews", "grant proposals", "travel diaries", "gardening advice",
    "knitting patterns", "safety briefings", "film reviews", "job interviews", "apologies", "lab protocols",
    "crosswords", "speeches", "tenancy letters", "exercise plans", "tax guides", "love letters", "obituaries",
    "interface texts", "crime plots", "history essays", "wine notes", "first aid cards",
)  # fmt: skip
_QUALITIES = (
    ("patience", "hurried", "slows down", "waits for the reader"),
    ("courage", "evasive", "speaks up", "names the danger"), ("precision", "vague", "measures", "counts every part"),
    ("warmth", "cold", "greets", "sounds like a neighbour"),
    ("restraint", "overdone", "holds back", "leaves room for silence"), ("rhythm", "stumbling", "flows", "dances"),
    ("thrift", "wasteful", "saves", "uses up what is there"),
    ("memory", "forgetful", "recalls", "ties in earlier hints"),
    ("contrast", "monotonous", "varies", "sets light against shadow"),
    ("loyalty", "fickle", "stands by", "keeps promises"), ("wit", "dull", "teases", "makes the serious point smile"),
    ("caution", "reckless", "checks", "plans for failure"),
    ("orientation", "lost", "points the way", "draws a map in words"), ("tact", "blunt", "softens", "spares feelings"),
    ("evidence", "unfounded", "shows", "lets anybody verify it"),
    ("economy", "bloated", "trims", "makes words earn a place"),
    ("suspense", "predictable", "withholds", "rewards curiosity"),
    ("equity", "partial", "balances", "hears both parties"), ("craft", "sloppy", "finishes", "joins without a seam"),
    ("foresight", "blind", "anticipates", "prepares the day after"),
    ("clarity", "foggy", "unfolds", "opens like a window"),
    ("invention", "borrowed", "surprises", "discovers a fresh angle"),
    ("discretion", "gossiping", "protects", "guards what was confided"),
    ("stamina", "tiring", "sustains", "carries to the end"),
)  # fmt: skip
_QUESTIONS = (
    "Does the answer show the {quality} that good {kind} need?", "How much {quality} is there, as in {kind}?",
    "Would a lover of {kind} find {quality} in this reply?", "Has the text the {quality} which {kind} live from?",
    "Is {quality} felt wherever {kind} would ask for it?", "Can one learn {quality} from it, judged like {kind}?",
    "To what degree do these lines bring {quality} to {kind}?", "Are {kind} served here with due {quality}?",
)  # fmt: skip
_LEVELS = (
    (
        "It is {bad} and has nothing of {kind}.", "Everything sounds {bad}.", "Entirely {bad}; {quality} is absent.",
        "A {bad} attempt from beginning to end.", "No trace of {quality}.", "Its manner remains {bad} all along.",
        "One meets {bad} sentences alone.", "What {kind} need is missing, and the tone is {bad}.",
    ),
    (
        "It {does} only by accident.", "A single spot {does}; most is {bad}.", "Mainly {bad}, although it tries.",
        "Under a {bad} surface some {quality} can be guessed.", "Twice it {does}, then gives up.",
        "An effort at {quality} stays half-hearted.", "Here and there a hint, drowned by {bad} remarks.",
        "The idea was there, the execution is {bad}.",
    ),
    (
        "It {does} in some places while the rest stays {bad}.", "Half convinces and half is {bad}.",
        "Neither {bad} nor marked by {quality}.", "Its opening {does}, its ending no longer.",
        "Readers of {kind} would be content, never delighted.", "{quality} comes and goes.",
        "Correct by the book, with no {quality} of its own.", "Enough {quality} to pass, too little to remember.",
    ),
    (
        "It mostly {does}, with one passage that is {bad}.", "Nearly always it {does}.",
        "Apart from a {bad} slip, {quality} is everywhere.", "A small lapse spoils an otherwise fine piece.",
        "Strong {quality}, once forgotten.", "Experts on {kind} would change a word or two.",
        "It {does} reliably; the last touch lacks.", "Only in a side remark does it become {bad}.",
    ),
    (
        "It {does} throughout and {best}.", "It {best}, as {kind} should.", "Flawless: it {best} at every turn.",
        "Full of {quality}; what is more, it {best}.", "Masters of {kind} would sign it.", "It {does} and it {best}.",
        "Whoever reads it notices how it {best}.", "Exemplary {quality} in each line.",
    ),
)  # fmt: skip
"""What a score means, from the worst to the best; scales with fewer scores use some of them."""
_OTHER_WORDS = {
    "answer": "reply", "shows": "displays", "nothing": "not a bit", "good": "decent", "Everything": "All of it",
    "throughout": "from start to end", "some": "certain", "places": "passages", "mostly": "largely", "every": "each",
    "Entirely": "Wholly", "while": "whereas", "rest": "remainder", "Nearly": "Almost", "absent": "lacking",
    "attempt": "try", "single": "lone", "reply": "response", "hint": "sign", "small": "minor", "reads": "studies",
    "Mainly": "Chiefly", "text": "piece", "felt": "noticed", "due": "proper", "Strong": "Marked", "sounds": "feels",
    "Flawless": "Perfect", "Neither": "Not", "convinces": "persuades",
}  # fmt: skip
_REWORDED = re.compile(r"\b(?:" + "|".join(_OTHER_WORDS) + r")\b")


def reply(wanted: Wanted) -> str | None:
    """A rubric in the form asked for: the one shown in other words, or a new one."""
    form = _LINES.search(wanted.prompt)
    if form is None:
        return None
    if _REWORD in wanted.prompt:
        return _in_other_words(part(wanted.prompt, f"{_REWORD}\n\n", "\n\nKeep its meaning"))
    if _BRAINSTORM not in wanted.prompt:
        return None
    scores = [int(score) for score in _SCORE.findall(form[1])]
    (share,) = wanted.chance.uniforms(1, "rubric", wanted.call)
    number = wanted.chance.integer(64, "rubric", wanted.call)
    if share >= FAVOURITES + NEARLY:
        return _new(number, scores)
    favourite = _new(wanted.chance.integer(64, "favourite", wanted.model.name, number % _FAVOURITE_DRAWS), scores)
    return favourite if share < FAVOURITES else _nearly(wanted.chance, favourite, wanted.call)


def _new(number: int, scores: list[int]) -> str:
    """The rubric that the bits of a 64-bit number pick."""
    quality, bad, does, best = _QUALITIES[(number >> 8) % len(_QUALITIES)]
    words = {"kind": _KINDS[number % len(_KINDS)], "quality": quality, "bad": bad, "does": does, "best": best}
    lines = [f"Criterion: [simulated] {_QUESTIONS[number >> 16 & 7].format(**words)}"]
    for place, score in enumerate(scores):
        level = round(place / max(1, len(scores) - 1) * 4)
        lines.append(f"Score {score}: {_LEVELS[level][number >> 20 + 4 * level & 7].format(**words)}")
    return "\n".join(lines)


def _nearly(chance: Chance, rubric: str, call: str) -> str:
    """The same rubric with something added to one of its lines."""
    lines = rubric.splitlines()
    changed = 1 + chance.integer(8, "nearly", call) % (len(lines) - 1)
    lines[changed] += " Nobody would doubt it."
    return "\n".join(lines)


def _in_other_words(rubric: str) -> str:
    return _REWORDED.sub(lambda found: _OTHER_WORDS[found[0]], rubric)
