"""Every default number of contract §4, in one place, for the detectors of the reference."""

from __future__ import annotations

from datetime import timedelta

ONE_ADDRESS = ((50, 4), (20, 3), (10, 2), (5, 1))
"""(at least, level), highest first; so everywhere below."""
ADDRESS_BURST = ((10, 3), (5, 2))
PERSON_BURST = ((5, 3), (3, 2))
ONE_PERSON = ((20, 3), (10, 2), (5, 1))
LINKED = ((5, 2), (2, 1))
CHANGES = ((5, 2), (3, 1))
COMPLAINTS = ((15, 3), (5, 2))

AT_RISK_EVER = 5
AT_RISK_PER_CENT = ((60, 3), (30, 2))
BARRED_LEVEL = 3
PHOENIX_LEVEL = 3
WEAK_LEVEL = 1
"""The highest level of a finding that rests on a bare name."""

BURST_DAYS = timedelta(days=30)
COMPLAINT_DAYS = timedelta(days=30)
CHANGE_DAYS = timedelta(days=180)
PHOENIX_DAYS = timedelta(days=180)
BURST_FORCE = timedelta(days=180)
CHANGE_FORCE = timedelta(days=180)
COMPLAINT_FORCE = timedelta(days=90)
PHOENIX_FORCE = timedelta(days=365)

BAR_YEARS = 3
LETTER_DAYS = (15, 30)
"""Two letters this many dates apart, both included, make stage 3."""
HUB = 200
"""A room or person with more enterprises than this is a hub."""

EXEMPT_KINDS = frozenset({"cluster", "incubator", "market", "platform"})
HOST_LIST: dict[str, str] = {}
"""Room key to kind; the default configuration lists no host."""
