"""The licence of a published set: derived from its task seeds and from the models whose replies it holds.

Nothing is made up: seeds without a licence, and models whose terms are not in `terms.py`, are named as unknown. A
licence that the recipe states is taken, unless it grants what a source or a model's terms withhold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...schemas.errors import UserError
from .licences import OTHER, UNKNOWN, Licence, licence_named, together
from .terms import Effect, terms_of


@dataclass(frozen=True, slots=True, order=True)
class Used:
    """A model whose texts are in the set."""

    name: str
    """As the endpoint knows it."""
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """Something that the use of the set is bound to."""

    source: str
    """Who says so: a licence of some seeds, or a maker's terms."""
    effect: Effect | str
    text: str
    address: str
    rows: tuple[str, ...]
    """What it comes with: the models, or the number of examples."""


@dataclass(frozen=True, slots=True)
class Derived:
    """Under which licence a set is published, and why."""

    names: tuple[str, ...]
    """As the Hub writes them: several permissive ones, or one; `unknown` and `other` are names too."""
    addresses: tuple[str, ...]
    stated: bool
    """Whether the recipe states it."""
    seeds: Mapping[str, int]
    """Licence of the seeds as the source writes it, or `unknown` -> examples."""
    restrictions: tuple[Restriction, ...]
    unknown_terms: tuple[str, ...]
    """Models whose terms are not known here."""


def derive(seeds: Counter[str | None], models: Iterable[Used], stated: str | None = None) -> Derived:
    """The licence of a set.

    `seeds`: licence of the task as the source writes it -> examples; `stated`: the recipe's. Raises `UserError` where
    the stated licence contradicts the rest.
    """
    named = {text: licence_named(text) for text in seeds}
    known = sorted({one for one in named.values() if one is not None})
    restrictions = [*_of_seeds(seeds, named), *_of_models(models := sorted(set(models)))]
    left = together(known)
    names: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    if left is None:
        names = (OTHER,)
    elif len(known) == 0 or None in named.values():
        names = (UNKNOWN,)
    elif (
        any(one.effect in ("no_competing_models", "non_commercial") for one in restrictions)
        and not left[0].non_commercial
    ):
        names = (OTHER,)
    else:
        names, addresses = tuple(one.name for one in left), tuple(one.address for one in left)
    if stated is not None:
        own = licence_named(stated)
        _check(stated, own, known, left, restrictions)
        names, addresses = (own.name if own else stated,), (own.address,) if own else ()
    return Derived(
        names,
        addresses,
        stated is not None,
        dict(sorted(_counted(seeds).items())),
        tuple(restrictions),
        tuple(model.name for model in models if terms_of(model.name, model.base_url) == "unknown"),
    )


def _counted(seeds: Counter[str | None]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for text, rows in seeds.items():
        counted[text or UNKNOWN] += rows
    return counted


def _of_seeds(seeds: Counter[str | None], named: Mapping[str | None, Licence | None]) -> Iterable[Restriction]:
    rows: Counter[Licence] = Counter()
    for text, licence in named.items():
        if licence is not None:
            rows[licence] += seeds[text]
    for licence, count in sorted(rows.items()):
        about = (f"{count:,} examples",)
        name, address = licence.name, licence.address
        if licence.non_commercial:
            yield Restriction(name, "non_commercial", "no commercial use of the set", address, about)
        if licence.share_alike:
            yield Restriction(
                name, "share_alike", "what is made of it is passed on under the same licence", address, about
            )
        if licence.no_derivatives:
            yield Restriction(name, "no_derivatives", "changed versions must not be passed on", address, about)


def _of_models(models: Iterable[Used]) -> Iterable[Restriction]:
    found: dict[str, tuple[str, ...]] = {}
    by_maker = {}
    for model in models:
        terms = terms_of(model.name, model.base_url)
        if not isinstance(terms, str):
            by_maker[terms.maker] = terms
            found[terms.maker] = (*found.get(terms.maker, ()), model.name)
    for maker, terms in by_maker.items():
        yield Restriction(maker, terms.effect, terms.text, terms.address, tuple(dict.fromkeys(found[maker])))


def _check(
    stated: str,
    own: Licence | None,
    known: Iterable[Licence],
    left: tuple[Licence, ...] | None,
    restrictions: Iterable[Restriction],
) -> None:
    """Refuse a stated licence that grants more than there is to grant.

    `other` and `unknown` grant nothing by themselves. Terms against competing models are held to be kept by a licence
    that forbids commercial use, as the publishers of GPT-4's judgments do (JudgeLM-100K: cc-by-nc-4.0).
    """
    if stated in (OTHER, UNKNOWN):
        return
    if left is None:
        raise _contradiction(stated, f"the seeds' licences exclude each other ({_list(one.name for one in known)})")
    for one in restrictions:
        if one.effect in ("non_commercial", "no_competing_models") and not (own and own.non_commercial):
            raise _contradiction(stated, f"{one.source} ({_list(one.rows)}): {one.text}, see {one.address}")
        if one.effect in ("share_alike", "no_derivatives") and (own is None or own.name != one.source):
            raise _contradiction(stated, f"{one.source} ({_list(one.rows)}): {one.text}, see {one.address}")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _contradiction(stated: str, why: str) -> UserError:
    return UserError(
        f"publish.license: {stated!r} contradicts what the set is made of: {why}. "
        "Leave `license` out to publish under what is left, or leave those rows out."
    )
