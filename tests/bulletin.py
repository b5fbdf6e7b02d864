"""Where the French bulletin lies, and what is said where it does not.

It holds pseudonymised people and stays outside this repository: tests that take the fixture `bulletin` run where the
data is (a folder ``shared/data`` beside the repository, or the one that CREDIT_MONITOR_TEST_DATA names). A test file
imports `pytest_generate_tests` from here; where the data is missing its tests are deselected, and the terminal says so.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

_OUTSIDE = [Path(os.environ["CREDIT_MONITOR_TEST_DATA"])] if "CREDIT_MONITOR_TEST_DATA" in os.environ else []
_OUTSIDE.append(ROOT.parent / "shared" / "data")
BULLETIN = next((path for path in _OUTSIDE if (path / "fr_bodacc" / "officers.csv.gz").is_file()), None)


class BulletinIsElsewhere:
    """Where the bulletin is not there, deselects its tests and says so on the terminal."""

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        gone = [item for item in items if "bulletin" in getattr(item, "fixturenames", ())]
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=gone)
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            sys.stderr.write(
                f"\n未找到法国公告数据，{len(gone)} 个测试没有运行 / the French bulletin is not here: "
                f"{len(gone)} tests did NOT run. Set CREDIT_MONITOR_TEST_DATA to the folder that holds fr_bodacc.\n"
            )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Called by pytest for each test of a file that imports this."""
    plugins = metafunc.config.pluginmanager
    if BULLETIN is None and not plugins.has_plugin("bulletin-is-elsewhere"):
        plugins.register(BulletinIsElsewhere(), "bulletin-is-elsewhere")
