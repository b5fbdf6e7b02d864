"""Finds the detectors of this package. Nothing else needs to change when one is added."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

import detectors
from detectors.base import Detector, ViewKind


@lru_cache(maxsize=1)
def all_detectors() -> tuple[Detector, ...]:
    """Every detector, in the order of their ids. Raises ValueError when two share an id."""
    found: dict[str, Detector] = {}
    for module in pkgutil.iter_modules(detectors.__path__):
        detector = getattr(importlib.import_module(f"detectors.{module.name}"), "DETECTOR", None)
        if isinstance(detector, Detector):
            if detector.id in found:
                msg = f"two detectors are called {detector.id}"
                raise ValueError(msg)
            found[detector.id] = detector
    return tuple(found[name] for name in sorted(found))


def by_id(name: str) -> Detector:
    """The detector of an id. Raises KeyError."""
    return {detector.id: detector for detector in all_detectors()}[name]


def for_view(view: ViewKind) -> tuple[Detector, ...]:
    """The detectors that look at a kind of view."""
    return tuple(detector for detector in all_detectors() if detector.view == view)


def at_cuts() -> tuple[Detector, ...]:
    """The detectors that are computed at cuts of their own."""
    return for_view("cut")
