"""Stages: what happens to an event after intake. They know neither Kafka nor SQLite.

Order of the flow: `enterprises` (by code) → `rooms` and `persons` → `assessment`; each sends absolute facts to
the next, so a repeat or another order changes nothing.
"""
