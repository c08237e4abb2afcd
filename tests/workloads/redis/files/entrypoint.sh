#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Gives a data volume to the server's user and becomes the server as that user.
set -eu

umask 077
if [ "${1:-}" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find /var/lib/redis /var/log/redis \! -user redis -exec chown redis:redis '{}' +
    exec setpriv --reuid=redis --regid=redis --clear-groups "$@"
fi
exec "$@"
