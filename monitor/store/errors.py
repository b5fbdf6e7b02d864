"""What can be wrong with a store: one line that says why and what to do, zh and en."""

from __future__ import annotations


class StoreError(Exception):
    """A store that cannot be used: a home (`HomeError`), or the database of a cluster."""


class DatabaseAddressError(StoreError):
    """An address that names no PostgreSQL database."""


class SchemaError(StoreError):
    """A database whose tables are of another version than the program."""


class DatabaseGoneError(StoreError):
    """A database that cannot be reached, or went away. What was asked of it was not done: ask again."""


class GapError(StoreError):
    """A batch that begins after the offset that is due: what lies between has not been applied."""


class ActRefusedError(StoreError):
    """An act that the supervision of a cluster refused; the text says why."""


class CollisionError(StoreError):
    """Two texts of one kind that have the same reference."""
