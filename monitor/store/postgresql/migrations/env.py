"""What Alembic runs first: it takes the connection that `monitor.store.postgresql` hands over, with its transaction."""

from __future__ import annotations

from alembic import context

from monitor.store.postgresql.cluster_schema import CLUSTER

context.configure(connection=context.config.attributes["connection"], target_metadata=CLUSTER, compare_type=True)
context.run_migrations()
