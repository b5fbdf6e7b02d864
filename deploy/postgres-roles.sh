#!/bin/sh
# Run once by the PostgreSQL image, on an empty data folder: the database, the role that the workers write it with, and
# the role that the page reads it with. Passwords come from files and go in by standard input, where no process list
# shows them.
set -eu
secrets=${SECRETS_FOLDER:-/run/secrets}
worker=$(cat "$secrets/worker_password")
web=$(cat "$secrets/web_password")

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
CREATE ROLE credit_monitor_worker LOGIN PASSWORD '$worker';
CREATE ROLE credit_monitor_web LOGIN PASSWORD '$web';
ALTER ROLE credit_monitor_web SET default_transaction_read_only = on;
CREATE DATABASE credit_monitor OWNER credit_monitor_worker;
REVOKE ALL ON DATABASE credit_monitor FROM PUBLIC;
GRANT CONNECT ON DATABASE credit_monitor TO credit_monitor_web;
\connect credit_monitor
ALTER DEFAULT PRIVILEGES FOR ROLE credit_monitor_worker GRANT USAGE ON SCHEMAS TO credit_monitor_web;
ALTER DEFAULT PRIVILEGES FOR ROLE credit_monitor_worker GRANT SELECT ON TABLES TO credit_monitor_web;
SQL
