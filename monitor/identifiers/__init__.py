"""Identifiers: credit codes, identity numbers, county codes and pseudonyms.

A leaf of the program: intake, addresses and the synthetic province use it, it imports nothing but `config`.
"""
