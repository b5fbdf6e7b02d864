"""What machine a benchmark ran on, and how a figure is taken: every benchmark prints this line first."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

Result = TypeVar("Result")


def described() -> str:
    """Processor, cores, memory, Python, and how busy the machine is."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.python_implementation()} "
        f"{platform.python_version()}, load {load:.1f}"
    )


def timed(work: Callable[[], Result]) -> tuple[Result, float, float]:
    """What some work gives, with the wall and processor seconds it took."""
    wall, processor = perf_counter(), process_time()
    result = work()
    return result, perf_counter() - wall, process_time() - processor


def peak_mib(*, of_children: bool = False) -> float:
    """The largest resident memory so far, of this process or of the largest child it has waited for, in MiB."""
    who = resource.RUSAGE_CHILDREN if of_children else resource.RUSAGE_SELF
    return resource.getrusage(who).ru_maxrss / 1024


def say(text: str) -> None:
    """Prints a line of results."""
    print(text, flush=True)
