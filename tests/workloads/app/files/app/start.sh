#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prepares the data directory at the first start and becomes the application.
set -eu

: "${APP_DATA:=/app/data}"
mkdir -p "$APP_DATA/uploads"
if [ ! -s "$APP_DATA/secret.key" ]; then
    umask 077
    head -c 32 /dev/urandom | base64 > "$APP_DATA/secret.key"
    umask 022
fi
exec python3 /app/app.py
