"""The read model of a cluster in PostgreSQL: tables, their versions, and the board's writing."""
