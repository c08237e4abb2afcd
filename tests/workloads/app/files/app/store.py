# SPDX-License-Identifier: Apache-2.0
"""The database: one SQLite file, one connection a request."""
import os
import sqlite3

from flask import current_app, g

SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
    board TEXT NOT NULL, number INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL, edits INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (board, number));
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, board TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, digest TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS files_by_board ON files (board);
"""


def create(data):
    connection = sqlite3.connect(os.path.join(data, "app.db"))
    connection.executescript(SCHEMA)
    connection.close()


def database():
    if "database" not in g:
        g.database = sqlite3.connect(os.path.join(current_app.config["DATA"], "app.db"), timeout=30)
        g.database.row_factory = sqlite3.Row
    return g.database


def close(_problem):
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()
