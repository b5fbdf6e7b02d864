"""What every test of credit-monitor can rely on.

Policy for fixtures: here stands only what all tests need. Data of one test file is made in that file; real
data with its origin and licence lies in ``tests/data``. Nothing here reaches a network, nor the home of the
person who runs the tests.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Servers that the tests are to use in place of their own (`tests/kafka`, `tests/postgres_fixtures.py`) are no settings.
for given, kept in (("KAFKA_BOOTSTRAP", "TESTS_KAFKA_BOOTSTRAP"), ("DATABASE_URL", "TESTS_DATABASE_URL")):
    if f"CREDIT_MONITOR_{given}" in os.environ:
        os.environ.setdefault(kept, os.environ[f"CREDIT_MONITOR_{given}"])

# Settings of the person who runs the tests must not leak into them: every test sets what it means to set. The place of
# data outside the repository is no setting of the product.
for name in [name for name in os.environ if name.startswith("CREDIT_MONITOR_")]:
    if name != "CREDIT_MONITOR_TEST_DATA":
        del os.environ[name]

# A deadline per example fails on a busy machine and says nothing about the code; so does a slow generator.
settings.register_profile("credit-monitor", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("credit-monitor")
