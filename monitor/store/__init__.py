"""The store: log, source positions, dead letters, signals and names in SQLite; alerts, tasks and classes in `work`, the
outbox in `outgoing`, the `audit` log, and the read model of a cluster in `postgresql`.
"""
