"""Runners: the same stages in one process (`embedded`) or on a cluster."""
