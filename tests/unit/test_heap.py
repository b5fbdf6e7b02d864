"""Large buffers stand apart from the heap, also once a larger one was freed."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, sys
from pathlib import Path
from monitor.cli import heap
if sys.argv[1] == "apart":
    heap.keep_apart()
large = bytearray(20 << 20)
del large
buffer = bytearray(4 << 20)
at = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
(place,) = [line.split()[0] for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith("[heap]")]
first, last = (int(one, 16) for one in place.split("-"))
print("in" if first <= at < last else "apart")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's thresholds are set on Linux alone")
@pytest.mark.parametrize(("how", "where"), [("as it is", "in"), ("apart", "apart")])
def test_where_a_buffer_stands(how: str, where: str) -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == where
