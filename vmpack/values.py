"""Frozen dataclasses that a short command can afford.

``dataclasses`` writes and compiles five methods for each frozen class: half a millisecond for each of fifty classes,
a third of the time of ``vmpack validate``. Here the standard decorator does the rest, and the methods are closures
over the fields. Type checkers see the standard decorator itself.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import field, replace
from functools import partial
from operator import attrgetter
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "field", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, slots: bool = False) -> Callable[[type], type]:
        """Make a class whose instances are values: no field can be set again, equal fields are equal values."""
        if not frozen:
            raise TypeError("a class that changes is made by the standard library's decorator")
        return partial(_frozen, slots=slots)


def _frozen(cls: type, *, slots: bool) -> type:
    made: type = dataclasses.dataclass(slots=slots, init=False, repr=False, eq=False)(cls)
    fields = dataclasses.fields(made)
    key: Callable[[object], object] = attrgetter(*(field.name for field in fields)) if fields else type
    shown = [field.name for field in fields if field.repr]

    def equal(self: object, other: object) -> bool:
        return bool(key(self) == key(other)) if type(other) is made else NotImplemented

    def show(self: object) -> str:
        return f"{made.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    methods: dict[str, Callable[..., Any]] = {
        "__init__": _init(made, fields),
        "__eq__": equal,
        "__hash__": lambda self: hash(key(self)),
        "__repr__": show,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__reduce__": lambda self: (made, tuple(getattr(self, field.name) for field in fields)),
    }
    for name, method in methods.items():
        if name not in cls.__dict__:
            setattr(made, name, method)
    return made


def _init(made: type, fields: tuple["dataclasses.Field[Any]", ...]) -> Callable[..., None]:
    """Make the constructor; fields are set past ``__setattr__``."""
    setters = [(field.name, _setter(made, field.name)) for field in fields]
    makers = {field.name: _maker(field) for field in fields}
    after = getattr(made, "__post_init__", None)

    def init(self: object, *given: object, **named: object) -> None:
        if len(given) > len(setters):
            raise TypeError(f"{made.__name__} takes {len(setters)} values, not {len(given)}")
        for (_, put), value in zip(setters, given, strict=False):
            put(self, value)
        for name, put in setters[len(given) :]:
            if name in named:
                put(self, named.pop(name))
            elif make := makers[name]:
                put(self, make())
            else:
                raise TypeError(f"{made.__name__} needs {name!r}")
        if named:
            raise TypeError(f"{made.__name__} takes no {', '.join(named)}, or not twice")
        if after:
            after(self)

    return init


def _setter(made: type, name: str) -> Callable[[object, object], None]:
    slot = getattr(made, name, None)
    if isinstance(slot, MemberDescriptorType):
        return slot.__set__
    return lambda self, value: object.__setattr__(self, name, value)


def _maker(field: "dataclasses.Field[Any]") -> Callable[[], object] | None:
    """Give what makes a field's default; None where there is none."""
    if field.default is not dataclasses.MISSING:
        return lambda: field.default
    return None if field.default_factory is dataclasses.MISSING else field.default_factory


def _refuse(self: object, name: str, _value: object = None) -> None:
    raise dataclasses.FrozenInstanceError(f"{name!r} of {type(self).__name__} is fixed")
