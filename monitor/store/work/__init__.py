"""Alerts, tasks, to-dos, classes and objections in a database: what is written at cuts and acts, and who reads it."""
