#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fills in the configuration from the environment, as the entrypoints of published images do, and becomes the server.
set -eu

: "${NGINX_WORKERS:=2}"
mkdir -p /run/nginx
sed "s/@WORKERS@/$NGINX_WORKERS/" /etc/nginx/workers.conf.template > /run/nginx/workers.conf

if [ "${1:-}" = nginx ]; then
    nginx -t -q
fi
exec "$@"
