"""The keys of the pseudonyms on a cluster: those of the settings, the same for every process; no home keeps one."""

from __future__ import annotations

import hashlib

from config.settings import Settings
from monitor.cluster import ClusterError
from monitor.identifiers.pseudonyms import Pseudonymiser


def pseudonyms_of(chosen: Settings) -> Pseudonymiser:
    """The pseudonyms under the keys of the settings. Raises ClusterError."""
    try:
        chain = chosen.key_chain()
        if chain is None:
            raise ClusterError(
                "未设置假名密钥 / the pseudonym key is missing: set CREDIT_MONITOR_PSEUDONYM_KEY, the same for every "
                "worker (`openssl rand -hex 32` makes one; keep it apart from the data)"
            )
        return Pseudonymiser(chain)
    except ValueError as error:
        raise ClusterError(f"假名密钥有误 / the pseudonym key is wrong: {error}") from error


def seed_of(pseudonyms: Pseudonymiser) -> int:
    """The seed of all hashes of a cluster, the same on every worker."""
    return int.from_bytes(hashlib.blake2b(pseudonyms.fingerprint.encode(), digest_size=7).digest())
