"""A command with a defect that goes when a file does: `python -m tests.cluster.defective FILE worker …`.

While FILE exists, a detector of the stages `enterprises`, `rooms` and `assessment` raises for every subject. Persons
are left in order: a stage that raises ties nobody, and `assessment` would have nothing to judge.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

import monitor.cli
from detectors.registry import by_id

DETECTORS = ("untraceable", "one-address-many-licences", "linked-risk")


def breaks(name: str, flag: Path) -> None:
    """Lets a detector raise while a file exists."""
    one = by_id(name)
    right = one.find

    def find(view: Any, parameters: Any, now: int) -> Any:
        if flag.exists():
            raise ZeroDivisionError("a defect of ours")
        return right(view, parameters, now)

    msgspec.structs.force_setattr(one, "find", find)


if __name__ == "__main__":
    for detector in DETECTORS:
        breaks(detector, Path(sys.argv[1]))
    sys.argv = ["credit-monitor", *sys.argv[2:]]
    monitor.cli.main()
