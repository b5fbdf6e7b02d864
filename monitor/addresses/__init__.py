"""Addresses: from a text to region, building key and room key.

A leaf of the program: it reads the tables of ``config/regions`` and imports only `monitor.identifiers`.
"""

from __future__ import annotations

from monitor.addresses.normaliser import NORMALISER_VERSION, Address, normalise

__all__ = ["NORMALISER_VERSION", "Address", "normalise"]
