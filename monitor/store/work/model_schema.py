"""Tables of the models: which one was in force from when, by whom and why, how far the present has drifted, what the
forecast says, and what a challenger would have found.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, Table

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

SHADOWS: Final = Table(
    "model_shadows",
    METADATA,
    Column("as_of", BigInteger, primary_key=True, autoincrement=False),
    Column("challenger", WORDS, primary_key=True),
    Column("model", WORDS, nullable=False),
    Column("both", Integer, nullable=False),
    Column("in_force_alone", Integer, nullable=False),
    Column("challenger_alone", Integer, nullable=False),
    Column("correlation", Float, nullable=False),
)
"""A row for each daily cut at which a challenger was asked beside the model in force, and how far both agreed."""
