"""The synthetic province: a made-up population with its events, and the truth about what was planted in it.

Order of the parts: `words`, `places`, `identities` (what things are called), `lines` (how events are
written); `block`, `registrations`, `lives` (the quiet background); `plot`, `plots_*`, `derived`, `planting`
(what is planted); `poison`, `mixing`; and `province`, which puts it all together. See `docs/synthetic.md`.
"""

from __future__ import annotations

from models.population.province import Summary, write_province

__all__ = ["Summary", "write_province"]
