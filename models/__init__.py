"""Models: the synthetic province now; features, anomaly model, forecasts and their evaluation later.

Imports `config` and the leaf packages of `monitor` (identifiers, addresses), and nothing else of the program.
"""
