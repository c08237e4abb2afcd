#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Creates the cluster if the data directory is empty, and becomes the server as the user postgres.
#   entrypoint.sh postgres [ARGUMENT...]   what the container runs
#   entrypoint.sh initdb-only              what building the image runs
set -eu

: "${PGDATA:=/var/lib/postgresql/data}"
export PGDATA
PATH="/usr/lib/postgresql/15/bin:$PATH"
as_postgres="setpriv --reuid=postgres --regid=postgres --clear-groups"

mkdir -p "$PGDATA" /run/postgresql
chown postgres:postgres "$PGDATA" /run/postgresql
chmod 700 "$PGDATA"
cd /

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # Segments of 1 MB: the log is switched and recycled within a short run.
    $as_postgres initdb --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --wal-segsize=1 --no-sync
fi
if [ "${1:-}" = initdb-only ]; then
    exit 0
fi
if [ "${1:-}" = postgres ]; then
    shift
    exec $as_postgres postgres -c config_file=/etc/postgresql/postgresql.conf "$@"
fi
exec "$@"
