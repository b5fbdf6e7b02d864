"""Addresses: from a text to region, building key and room key."""
from monitor.addresses.normaliser import NORMALISER_VERSION, Address, normalise
