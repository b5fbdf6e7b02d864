"""Fixtures of the tests that need a broker: one for the whole run, and names of topics for each test alone."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from tests.kafka.broker import Broker


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a broker answers without a password: that of `CREDIT_MONITOR_KAFKA_BOOTSTRAP`, where the run was started
    with it, else one of the tests' own.
    """
    outside = os.environ.get("TESTS_KAFKA_BOOTSTRAP")
    if outside:
        yield outside
        return
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker.address
    broker.stop()


@pytest.fixture
def prefix() -> str:
    """A text before the names of the topics of one test."""
    return f"test-{os.getpid()}-{uuid.uuid4().hex[:8]}."
