"""What the index finds is what the definition, written out naively, calls contaminated: no more and no less."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from prefmill.curation.contamination.items import Held, Index, Item, Search
from prefmill.curation.duplicates.words import normalised, words

WORDS = [
    "give",
    "me",
    "a",
    "list",
    "of",
    "sorting",
    "algorithms",
    "and",
    "explain",
    "each",
    "naïve",
    "3",
    "+",
    "*",
    "–",
]
LONGER = [*WORDS, *(word * 3 for word in WORDS), "internationalisation", "Straße", "ﬁne", "天", "气", "很", "ไทย", "🙂"]


def held(item: str, row: Sequence[str]) -> float:
    """Share of the item that the row holds, position by position; 0 where the rules do not count it."""
    item_words, row_words = words(item), words("\n".join(row))
    count, characters = len(item_words), sum(map(len, item_words))
    if count >= 20:
        ngrams = [row_words[place : place + 8] for place in range(len(row_words) - 7)]
        covered = {
            start + step for start in range(count - 7) if item_words[start : start + 8] in ngrams for step in range(8)
        }
        return len(covered) / count
    if count >= 5 and characters >= 25:
        best = 0
        for start in range(count):
            for place in range(len(row_words)):
                length = 0
                while (
                    start + length < count
                    and place + length < len(row_words)
                    and item_words[start + length] == row_words[place + length]
                ):
                    length += 1
                run = item_words[start : start + length]
                if length == count or (length >= 5 and sum(map(len, run)) >= 50):
                    best = max(best, length)
        return best / count
    return float(any(normalised([message]) == normalised([item]) for message in row))


def corpus(seed: int) -> tuple[list[Item], list[list[str]]]:
    """Items of all lengths, and rows that hold whole ones, parts of them, or only common phrases."""
    draw = random.Random(seed)
    vocabulary = draw.choice([WORDS, LONGER])

    def text(most: int) -> str:
        chosen = draw.choices(vocabulary, k=draw.randint(1, most))
        return "".join(word + draw.choice([" ", " ", " ", ", ", "\n", ". ", "  "]) for word in chosen)

    template = " ".join(draw.choices(vocabulary, k=14)) + " "
    originals = [draw.choice(["", "", template]) + text(draw.choice([3, 8, 19, 40])) for _ in range(25)]
    items = [Item("set", str(number), (each,)) for number, each in enumerate(originals)]
    rows = []
    for _ in range(30):
        pieces = draw.choice(originals).split(" ")
        first = draw.randrange(len(pieces))
        part = " ".join(pieces[first : first + draw.randint(1, len(pieces))])
        whole = draw.choice(originals)
        rows.append(
            draw.choice([
                [text(30) + part + text(5)], [whole.upper()], [part, text(9)], [text(9), whole], [whole + text(9)],
                [template + text(4)], [" ".join(draw.sample(pieces, len(pieces)))], [text(60)], [""], ["…"],
            ])
        )  # fmt: skip
    return items, rows


@pytest.mark.parametrize("seed", range(12))
def test_the_index_finds_what_the_definition_says(seed: int) -> None:
    items, rows = corpus(seed)
    search = Search(Index(items))
    found = list(search.look(rows))
    met = set()
    for row, most in zip(rows, found, strict=True):
        shares = {item.id: held(item.texts[0], row) for item in items if item.texts[0].strip()}
        met |= {id_ for id_, share in shares.items() if share > 0.5}
        best = max(shares.values())
        if best > 0.5:
            assert most is not None
            assert most.share == pytest.approx(best)
            assert shares[most.item.id] == pytest.approx(best)
        else:
            assert most is None
    assert met
    assert search.told()["set"]["met"] == len(met)


def test_rows_are_judged_by_themselves_however_many_come_together() -> None:
    """Chunks of any size, and any order of the rows, give the same."""
    items, rows = corpus(7)
    index = Index(items)
    together = list(Search(index).look(rows))
    assert [next(Search(index).look([row])) for row in rows] == together
    assert list(Search(index).look(rows[::-1])) == together[::-1]
    many = list(Search(index).look(rows * 100))
    assert many == together * 100


def test_what_a_row_holds_most_of_does_not_depend_on_the_rows_before() -> None:
    """Of the first item more 5-grams are shared, of the second a longer run; both have been met before."""
    parted = (
        "alternating thermodynamically irreversible crystallisation phenomena with interesting names all in order too"
    )
    whole = "alternating thermodynamically irreversible crystallisation phenomena in brief"
    index = Index([Item("set", "parted", (parted,)), Item("set", "whole", (f"{whole} and so on and on",))])
    row = [f"{' '.join(parted.split()[:8])} - {' '.join(parted.split()[3:])} - {whole} and so"]
    alone = next(Search(index).look([row]))
    assert alone is not None
    assert list(Search(index).look([[parted], [whole + " and so on and on"], row]))[2] == alone


def test_ngrams_never_cross_from_one_row_into_the_next() -> None:
    text = " ".join(f"word{number}" for number in range(24))
    halves = [" ".join(text.split()[:12]), " ".join(text.split()[12:])]
    index = Index([Item("set", "1", (text,))])
    assert list(Search(index).look([[halves[0]], [halves[1]]])) == [None, None]
    assert list(Search(index).look([halves])) == [Held(index.items[0], 1.0, 24)]


@pytest.mark.parametrize(
    ("item", "row"),
    [
        ("Write a haiku about the autumn moon over Kyoto.", "WRITE A HAIKU, about the  autumn moon over ＫＹＯＴＯ!"),
        ("Wie groß ist der Abstand zwischen Erde und Mond?", "wie gross ist der abstand zwischen erde und mond"),
        ("Expliquez le théorème de Pythagore", "Expliquez le the\u0301ore\u0300me de Pythagore"),
        ("用简单的语言解释一下什么是量子纠缠以及为什么重要", "请用简单的语言解释一下什么是量子纠缠，以及为什么重要"),
        ("2 + 2", "2+2"),
        ("🙂🙃", "🙂 🙃"),
        ("???", "???"),
        ("What is Atlantis?", "what is atlantis"),
    ],
)  # fmt: skip
def test_spelling_does_not_hide_an_item(item: str, row: str) -> None:
    index = Index([Item("set", "1", (item,))])
    assert next(Search(index).look([[row]])) is not None
    assert next(Search(index).look([["Hello", row]])) is not None


def test_the_shortest_items_have_to_equal_a_message() -> None:
    index = Index([Item("set", "1", ("What is Atlantis?",)), Item("set", "2", ("天气怎么样",))])
    assert list(Search(index).look([["Tell me: what is Atlantis?"], ["今天天气怎么样"]])) == [None, None]


def test_a_short_item_is_found_by_whole_words_and_by_more_than_half_of_it() -> None:
    index = Index([Item("set", "1", ("Is this the start of something rather new?",))])
    search = Search(index)
    assert next(search.look([["Is this the start of something rather newer?"]])) is None
    assert next(search.look([["Ask them: is this the start of something rather new? Then wait."]])) is not None
    long_words = "Characterise thermodynamically irreversible crystallisation phenomena"
    index = Index([Item("set", "1", (f"{long_words} in the light of what we know of it by now today, friend",))])
    assert next(Search(index).look([[long_words]])) is None


def test_a_phrase_that_a_thousand_items_share_is_no_overlap_with_any_of_them() -> None:
    draw = random.Random(3)
    template = "Answer the following question and then explain in detail why your answer is the right one: "
    questions = [" ".join(f"w{draw.randrange(5000)}" for _ in range(30)) for _ in range(1000)]
    index = Index([Item("set", str(number), (template + each,)) for number, each in enumerate(questions)])
    rows = [[template + " ".join(f"v{draw.randrange(5000)}" for _ in range(30))] for _ in range(500)]
    assert not any(Search(index).look(rows))
    found = next(Search(index).look([[questions[123]]]))
    assert found is not None
    assert found.item.id == "123"


def test_a_template_that_is_most_of_every_item_is_found_in_texts_that_have_it() -> None:
    template = " ".join(f"t{number}" for number in range(30))
    index = Index([Item("set", str(number), (f"{template} n{number}",)) for number in range(50)])
    search = Search(index)
    found = next(search.look([[f"{template} and then something else"]]))
    assert found is not None
    assert str(found) == "set 0: 97% of its 31 words"
    assert search.told() == {"set": {"items": 50, "met": 50, "share": 1.0, "contaminated": True}}


def test_every_set_that_has_a_text_is_told_and_a_share_of_two_percent_is_not_yet_contaminated() -> None:
    twice = "Compose an engaging travel blog post about a recent trip to Hawaii"
    others = [Item("one", str(number), (f"item number {number} of {number * 7919}",)) for number in range(49)]
    index = Index([*others, Item("one", "twice", (twice,)), Item("two", "twice", ("blank follows", twice + "!"))])
    search = Search(index)
    assert next(search.look([[twice]])) is not None
    assert search.told()["one"] == {"items": 50, "met": 1, "share": 0.02, "contaminated": False}
    assert search.told()["two"] == {"items": 1, "met": 1, "share": 1.0, "contaminated": True}


def test_nothing_to_look_for_and_nothing_to_look_at() -> None:
    assert list(Search(Index([])).look([["anything at all that has words"], [""]])) == [None, None]
    assert list(Search(Index([Item("set", "1", (" ",))])).look([[" "]])) == [None]
    assert list(Search(Index([Item("set", "1", ("text",))])).look([])) == []
    assert list(Search(Index([Item("set", "1", ("text",))])).look([[]])) == [None]
