"""The store: log, source positions, dead letters, signals and names in SQLite; snapshots beside it."""
