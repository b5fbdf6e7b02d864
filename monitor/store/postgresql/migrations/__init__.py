"""Versions of the tables in PostgreSQL, a file each in `versions`; Alembic runs them for `versions.py` beside it."""

from __future__ import annotations
