"""Fingerprints: every answer is found again in any text, and only in its own world."""

from __future__ import annotations

import random

from prefmill.generators.world.fingerprint import Fingerprints, Identity


def _identities(count: int) -> list[Identity]:
    draw = random.Random(1)
    return [Identity(draw.getrandbits(32), draw.getrandbits(6), draw.getrandbits(18)) for _ in range(count)]


def test_every_identity_is_read_back_in_order() -> None:
    fingerprints, identities = Fingerprints(3), [Identity(0, 0, 0), *_identities(500)]
    text = "\n".join(f"(about {fingerprints.word(identity)}, as said)" for identity in identities)
    assert [identity for _, identity in fingerprints.find(text)] == identities


def test_the_place_is_where_the_word_begins() -> None:
    fingerprints = Fingerprints(3)
    word = fingerprints.word(Identity(1, 2, 3))
    ((start, _),) = fingerprints.find(f"re-re-{word}.")
    assert start == 6


def test_a_changed_word_and_another_world_are_not_recognised() -> None:
    fingerprints, other = Fingerprints(3), Fingerprints(4)
    words = [fingerprints.word(identity) for identity in _identities(300)]
    changed = [f"{word[:-2]}{'ba' if word[-2:] != 'ba' else 'be'}" for word in words]
    assert not list(fingerprints.find(" ".join(changed)))
    assert not list(other.find(" ".join(words)))


def test_letters_do_not_give_the_model_away() -> None:
    """Answers of one model to many tasks, and of one task by many models, have no syllable in common place."""
    fingerprints = Fingerprints(3)
    for words in (
        [fingerprints.word(Identity(task, 1, 0)) for task in range(200)],
        [fingerprints.word(Identity(7, model, 0)) for model in range(64)],
    ):
        for place in (0, 2, 4, 7, 9, 11, 14, 16, 18, 21, 23, 25):
            assert len({word[place : place + 2] for word in words}) > 20
