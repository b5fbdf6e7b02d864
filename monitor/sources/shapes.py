"""Which data an event type has and of what kind each field is, read off the event types themselves.

Mappings are checked and compiled against this, so a new field of an event needs no word here.
"""

from __future__ import annotations

from functools import cache
from typing import Final, Literal

import msgspec
from msgspec import inspect

from monitor.events import data, types

Kind = Literal["text", "word", "number", "whole", "truth", "date", "time", "texts", "address", "person", "persons"]


class Shape(msgspec.Struct, frozen=True):
    """One field: its kind, whether the type requires it, and the closed list of words where it has one."""

    kind: Kind
    required: bool
    words: frozenset[str] = frozenset()


TEXT: Final = Shape("text", required=True)
TIME: Final = Shape("time", required=True)


@cache
def shapes_of(event_type: str) -> dict[str, Shape]:
    """The fields of a type's data, by name. Raises KeyError for an unknown type."""
    fields = msgspec.structs.fields(types.PUBLIC_TYPES[event_type])
    return _shapes(next(field.type for field in fields if field.name == "data"))


@cache
def address_shapes() -> dict[str, Shape]:
    """The fields of an address."""
    return _shapes(data.Address)


@cache
def person_shapes() -> dict[str, Shape]:
    """The fields of a person."""
    return _shapes(data.Person)


def _shapes(struct: type[msgspec.Struct]) -> dict[str, Shape]:
    return {field.name: _shape(field.type, field.required) for field in msgspec.structs.fields(struct)}


def _shape(annotation: object, required: bool) -> Shape:
    info = inspect.type_info(annotation)
    match info:
        case inspect.StrType():
            return Shape("text", required)
        case inspect.LiteralType(values=words):
            return Shape("word", required, frozenset(str(word) for word in words))
        case inspect.FloatType():
            return Shape("number", required)
        case inspect.BoolType():
            return Shape("truth", required)
        case inspect.DateType():
            return Shape("date", required)
        case inspect.StructType(cls=data.Address):
            return Shape("address", required)
        case inspect.StructType(cls=data.Identity):
            return Shape("person", required)
        case inspect.ListType(item_type=inspect.StructType(cls=data.Person)):
            return Shape("persons", required)
        case inspect.ListType(item_type=inspect.LiteralType(values=words)):
            return Shape("texts", required, frozenset(str(word) for word in words))
        case inspect.ListType(item_type=inspect.StrType()):
            return Shape("texts", required)
        case inspect.IntType():
            return Shape("whole", required)
    raise TypeError(info)
