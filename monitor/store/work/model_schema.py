"""Tables of the models: which one was in force from when, by whom and why, how far the present has drifted, and what
the forecast says.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Float, LargeBinary, Table

from monitor.store.schema import METADATA, REFERENCE, WORDS

PROMOTIONS: Final = Table(
    "model_promotions",
    METADATA,
    Column("id", WORDS, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", WORDS, nullable=False),
    Column("model", WORDS, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("officer", WORDS, nullable=False),
    Column("reason", WORDS, nullable=False),
)
"""A row for each `model.promoted` of the log. `id`: of the event; `at`: when it was written, in microseconds."""

DRIFTS: Final = Table(
    "model_drift",
    METADATA,
    Column("kind", WORDS, primary_key=True),
    Column("name", WORDS, primary_key=True),
    Column("value", Float, nullable=False),
)
"""Of the last cut: the population stability index of each feature, and the distance of p-values from uniform."""

FORECASTS: Final = Table(
    "forecasts",
    METADATA,
    Column("enterprise", REFERENCE, primary_key=True, autoincrement=False),
    Column("chance", Float, nullable=False),
)
"""Of the last daily cut: the chance of something adverse within twelve months, for each live enterprise, to a
thousandth; one that rounds to nothing has no row.
"""

FORECAST_REASONS: Final = Table(
    "forecast_reasons",
    METADATA,
    Column("enterprise", REFERENCE, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
"""Why, for those whom a signal is about: `models.explanation.foretelling.Foretold` as MessagePack."""
