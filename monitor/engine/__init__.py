"""The engine: what both runners are made of. The stages joined by calls (`flow`, `filing`, `judging`), their state as
frames (`state`), and what cuts and acts make of their signals (`supervising`).
"""
