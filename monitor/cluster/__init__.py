"""The cluster: the stages of the topology on Kafka, one host for each stage and partition, and PostgreSQL for people.

Nothing of Kafka is imported here: commands that need no cluster start without its libraries.
"""

from __future__ import annotations


class ClusterError(Exception):
    """Something about the cluster that a person can mend: one line, zh and en, that says how."""
