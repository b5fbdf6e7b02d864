"""Compiles the hot modules with mypyc while the wheel is built; asked for by `make install` where a C compiler is.

The plain modules stay beside the compiled ones and do the same: without a compiler nothing else changes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HOT_MODULES = (
    "config/moments.py",
    "detectors/views.py",
    "detectors/windows.py",
    "monitor/addresses/locality.py",
    "monitor/addresses/normaliser.py",
    "monitor/addresses/place.py",
    "monitor/addresses/spelling.py",
    "monitor/addresses/units.py",
    "monitor/classing/book.py",
    "monitor/classing/happenings.py",
    "monitor/classing/reckoning.py",
    "monitor/events/intake.py",
    "monitor/identifiers/pseudonyms.py",
    "monitor/identifiers/resident_id.py",
    "monitor/modelling/gathering.py",
    "monitor/runners/core.py",
    "monitor/runners/deciding.py",
    "monitor/engine/filing.py",
    "monitor/engine/flow.py",
    "monitor/engine/judging.py",
    "monitor/stages/assessment.py",
    "monitor/stages/enterprises.py",
    "monitor/stages/facts.py",
    "monitor/stages/fold.py",
    "monitor/stages/history.py",
    "monitor/stages/members.py",
    "monitor/stages/membership.py",
    "monitor/stages/numbering.py",
    "monitor/stages/openings.py",
    "monitor/stages/persons.py",
    "monitor/stages/rooms.py",
    "monitor/stages/shelf.py",
    "monitor/stages/signals.py",
    "monitor/stages/touched.py",
    "monitor/stages/traits.py",
)


class CompileHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds compiled modules to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before the wheel is put together: compiles, and says what goes in beside the sources."""
        if self.target_name != "wheel" or version == "editable":
            return
        from mypyc.build import mypycify
        from setuptools import Distribution
        from setuptools.command.build_ext import build_ext

        self._folder = Path(tempfile.mkdtemp(prefix="credit-monitor-build-"))
        before = Path.cwd()
        os.chdir(self.root)
        try:
            extensions = mypycify(
                [*HOT_MODULES, "--ignore-missing-imports", "--follow-imports=silent"],
                opt_level="2",
                target_dir=str(self._folder / "c"),
            )
            command = build_ext(Distribution({"name": "credit-monitor", "ext_modules": extensions}))
            command.build_lib = str(self._folder / "lib")
            command.build_temp = str(self._folder / "temp")
            command.parallel = os.cpu_count()
            command.ensure_finalized()
            command.run()
        finally:
            os.chdir(before)
        for built in sorted((self._folder / "lib").rglob("*.so")):
            build_data["force_include"][str(built)] = str(built.relative_to(self._folder / "lib"))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """After the wheel is written: nothing of the building stays."""
        if hasattr(self, "_folder"):
            shutil.rmtree(self._folder, ignore_errors=True)
