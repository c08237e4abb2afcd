# SPDX-License-Identifier: Apache-2.0
"""Notes on boards: list, add, show, edit, delete, search, export (plain through a temporary file, or by gzip)."""
import csv
import io
import os
import subprocess
import tempfile

from flask import Blueprint, abort, current_app, redirect, render_template, request, send_file

from store import database

blueprint = Blueprint("boards", __name__, url_prefix="/boards/<board>")
COLUMNS = ("number", "title", "body", "edits")


def _notes(board, where="", *values):
    query = f"SELECT {', '.join(COLUMNS)} FROM notes WHERE board = ? {where} ORDER BY number"
    return database().execute(query, (board, *values)).fetchall()


def _note(board, number):
    found = _notes(board, "AND number = ?", number)
    if not found:
        abort(404)
    return found[0]


def _form():
    title, body = request.form.get("title", "").strip(), request.form.get("body", "")
    if not title or len(title) > 100:
        abort(400)
    return title, body


@blueprint.get("")
def listing(board):
    return render_template("board.html", board=board, notes=_notes(board), query=None)


@blueprint.get("/search")
def search(board):
    query = request.args.get("q", "")
    return render_template("board.html", board=board, notes=_notes(board, "AND instr(body, ?) > 0", query), query=query)


@blueprint.get("/notes.json")
def as_json(board):
    return {"board": board, "notes": [dict(note) for note in _notes(board)]}


@blueprint.post("/notes")
def add(board):
    title, body = _form()
    with database() as connection:
        number = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM notes WHERE board = ?", (board,)).fetchone()[0]
        connection.execute("INSERT INTO notes (board, number, title, body) VALUES (?, ?, ?, ?)", (board, number, title, body))
    current_app.logger.info("added %s/%d", board, number)
    return redirect(f"/boards/{board}/notes/{number}", code=303)


@blueprint.get("/notes/<int:number>")
def show(board, number):
    return render_template("note.html", board=board, note=_note(board, number))


@blueprint.post("/notes/<int:number>")
def edit(board, number):
    title, body = _form()
    _note(board, number)
    with database() as connection:
        connection.execute("UPDATE notes SET title = ?, body = ?, edits = edits + 1 WHERE board = ? AND number = ?",
                           (title, body, board, number))
    return redirect(f"/boards/{board}/notes/{number}", code=303)


@blueprint.delete("/notes/<int:number>")
def delete(board, number):
    _note(board, number)
    with database() as connection:
        connection.execute("DELETE FROM notes WHERE board = ? AND number = ?", (board, number))
    return "", 204


@blueprint.delete("")
def clear(board):
    with database() as connection:
        gone = connection.execute("SELECT id FROM files WHERE board = ?", (board,)).fetchall()
        connection.execute("DELETE FROM notes WHERE board = ?", (board,))
        connection.execute("DELETE FROM files WHERE board = ?", (board,))
    for (identity,) in gone:
        os.unlink(os.path.join(current_app.config["UPLOADS"], identity))
    return "", 204


def _write_csv(board, target):
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(tuple(note) for note in _notes(board))
    text.detach()  # else it would close the file with itself
    target.flush()


@blueprint.get("/export.csv")
def export(board):
    target = tempfile.TemporaryFile(dir="/tmp")
    _write_csv(board, target)
    target.seek(0)
    return send_file(target, mimetype="text/csv", download_name="notes.csv")


@blueprint.get("/export.csv.gz")
def export_compressed(board):
    with tempfile.NamedTemporaryFile(dir="/tmp", suffix=".csv") as target:
        _write_csv(board, target)
        packed = subprocess.run(["gzip", "-9", "-n", "-c", target.name], check=True, stdout=subprocess.PIPE).stdout
    return current_app.response_class(packed, mimetype="application/gzip")
