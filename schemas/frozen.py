"""Base of everything that flows through a run: frozen values, whose derived values are computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Self, TypeVar, overload

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class derived(Generic[T]):
    """A property that is computed once, without the lock that `functools.cached_property` takes before Python 3.12."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute, self.__doc__ = compute, compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        # Found there at once from now on: an instance's own values come before this.
        value = instance.__dict__[self._name] = self._compute(instance)
        return value


class Frozen(BaseModel):
    """A value that does not change; unknown fields are refused. `derived` values may be declared on it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, ignored_types=(derived,))

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """The value itself, for `copy.deepcopy`, which pydantic calls on every default; a copy for `model_copy`."""
        return self if memo is not None else super().__deepcopy__()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields changed, and derived values of its own."""
        copy = super().model_copy(update=update, deep=deep)
        for name in copy.__dict__.keys() - type(self).model_fields.keys():
            del copy.__dict__[name]  # pydantic copies what was cached, too
        return copy
