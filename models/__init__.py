"""Models: what they know of an enterprise (`features`), what is odd (`anomaly`, `calibration`), what is coming
(`forecast`), why (`explanation`), how good they are (`evaluation`); models on disk (`keeping`); the made-up province
(`population`).
"""
