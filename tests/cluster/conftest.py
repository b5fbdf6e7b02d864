"""Servers for the tests of the cluster: each is started at its first use, once a session."""

from __future__ import annotations

import pytest

from tests.kafka.fixtures import kafka, prefix
from tests.postgres_fixtures import database, databases, empty_databases, postgres

__all__ = ["database", "databases", "empty_databases", "kafka", "postgres", "prefix"]

pytest.register_assert_rewrite("tests.unit", "tests.integration")
