"""What can be set without touching code: settings, rules, mappings, regions, the calendar.

Every other package may import this one; it imports none of them (checked by ``tests/unit/test_house.py``).
"""
