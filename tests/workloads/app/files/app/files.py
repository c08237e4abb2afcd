# SPDX-License-Identifier: Apache-2.0
"""Files on boards: written under a temporary name, renamed to a fresh UUID, found again through the database."""
import hashlib
import os
import tempfile
import uuid

from flask import Blueprint, abort, current_app, request, send_file

from store import database

blueprint = Blueprint("files", __name__)


def _path(identity):
    return os.path.join(current_app.config["UPLOADS"], str(identity))


def _row(identity):
    row = database().execute("SELECT id, name, size, digest FROM files WHERE id = ?", (str(identity),)).fetchone()
    if row is None:
        abort(404)
    return row


@blueprint.post("/boards/<board>/files")
def upload(board):
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        abort(400)
    identity, total, size = uuid.uuid4(), hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=current_app.config["UPLOADS"], delete=False) as target:
        while block := sent.stream.read(65536):
            total.update(block)
            size += len(block)
            target.write(block)
    os.chmod(target.name, 0o640)
    os.rename(target.name, _path(identity))
    with database() as connection:
        connection.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?)",
                           (str(identity), board, sent.filename, size, total.hexdigest()))
    current_app.logger.info("stored %s as %s", sent.filename, identity)
    return {"id": str(identity), "name": sent.filename, "size": size, "sha256": total.hexdigest()}, 201


@blueprint.get("/files/<uuid:identity>")
def download(identity):
    row = _row(identity)
    return send_file(_path(identity), mimetype="application/octet-stream", download_name=row["name"], etag=row["digest"])


@blueprint.get("/files/<uuid:identity>/info")
def info(identity):
    row = _row(identity)
    return {"name": row["name"], "size": row["size"], "sha256": row["digest"]}


@blueprint.delete("/files/<uuid:identity>")
def delete(identity):
    _row(identity)
    with database() as connection:
        connection.execute("DELETE FROM files WHERE id = ?", (str(identity),))
    os.unlink(_path(identity))
    return "", 204
