"""Detectors: one file each, found by the registry, pure functions of one subject's view.

A detector knows neither store nor stream: `find(view, parameters, now)` gives a Finding or None. To add one, add
a file with a `DETECTOR`; it is then listed by `credit-monitor rules`, explained in `docs/rules.md`, and put
through the common checks.
"""
