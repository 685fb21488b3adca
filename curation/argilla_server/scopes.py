"""Argilla's filters and orders as the search engine's own.

Source: argilla-server 2.8.0, `search_engine/base.py`.
"""

from __future__ import annotations

from argilla_server import search_engine as argilla

from .filters import All, Answer, Column, Fact, Filter, Range, ResponseStatus, Scope, Terms
from .sorting import Order


def own_filter(given: argilla.Filter) -> Filter:
    """Raises ValueError for a scope or a filter that Argilla did not have."""
    if isinstance(given, argilla.AndFilter):
        return All([own_filter(part) for part in given.filters])
    if isinstance(given, argilla.TermsFilter):
        return Terms(own_scope(given.scope), [str(value) for value in given.values])
    if isinstance(given, argilla.RangeFilter):
        return Range(own_scope(given.scope), given.ge, given.le)
    raise ValueError(f"filters of the kind {type(given).__name__} are not known")


def own_order(given: argilla.Order) -> Order:
    """Raises ValueError for a scope that Argilla did not have."""
    return Order(own_scope(given.scope), str(given.order) == "desc")


def own_scope(scope: argilla.FilterScope) -> Scope:
    """Raises ValueError for a scope that Argilla did not have."""
    if isinstance(scope, argilla.MetadataFilterScope):
        return Fact(f"metadata.{scope.metadata_property}")
    if isinstance(scope, argilla.SuggestionFilterScope):
        return Fact(f"suggestion.{scope.question}.{scope.property}")
    if isinstance(scope, argilla.RecordFilterScope):
        return Column(str(scope.property))
    if isinstance(scope, argilla.ResponseFilterScope):
        user = str(scope.user.id) if scope.user is not None else None
        if scope.question:
            return Answer(scope.question, user)
        if scope.property == "status":
            return ResponseStatus(user)
    raise ValueError(f"{scope} is nothing that records can be filtered or sorted by")
