"""A failure that a person can do something about: one line, zh and en."""

from __future__ import annotations


class Failure(Exception):
    """Ends the command with status 1 and this one line."""
