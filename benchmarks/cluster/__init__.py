"""Speed, recovery and delay of the cluster, on a real broker and a real PostgreSQL: `python -m benchmarks.cluster`."""

from __future__ import annotations
