"""Random inspections (双随机): plans, draws that are committed to before chance decides, and their proof.

A draw goes in two steps. `sealing` fixes the list, the officers and a secret seed, and publishes what binds the agency
to them. After the day on which a public value became known, `lots` joins it with the seed and draws. `proof` checks
what was published from itself alone; `audit` checks the rest with the agency's own file. Scheme: `docs/sampling.md`.
"""

from __future__ import annotations


class DrawError(Exception):
    """A plan, list or folder that cannot be used: one line that says what to do."""


class ProofError(DrawError):
    """Published files that do not prove their draw: one line that says where they fail."""
