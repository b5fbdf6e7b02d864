"""Version 5: what the forecast says, as in a home.

Written out as it was then, and never changed: the tables of the program go on changing after it.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "5"
down_revision: Final = "4"


def upgrade() -> None:
    """Makes the tables; nothing is in them before the first daily cut of the models."""
    op.execute("CREATE TABLE forecasts (enterprise BIGINT NOT NULL, chance FLOAT NOT NULL, PRIMARY KEY (enterprise))")
    op.execute(
        "CREATE TABLE forecast_reasons (enterprise BIGINT NOT NULL, body BYTEA NOT NULL, PRIMARY KEY (enterprise))"
    )


def downgrade() -> None:
    """Takes the tables away; the next daily cut would fill them again."""
    op.execute("DROP TABLE forecasts, forecast_reasons")
