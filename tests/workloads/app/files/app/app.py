# SPDX-License-Identifier: Apache-2.0
"""Boards of notes and files: pages from templates, forms, uploads, a database, a log, one child program.

Started by /app/start.sh; gunicorn's master and its workers run in this one program.
"""
import logging
import os

from flask import Flask, redirect, render_template, request, session
from gunicorn.app.base import BaseApplication

import boards
import files
import store

DATA = os.environ.get("APP_DATA", "/app/data")
LOG = "/var/log/app"


def create():
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=2_000_000, DATA=DATA, UPLOADS=os.path.join(DATA, "uploads"))
    with open(os.path.join(DATA, "secret.key"), "rb") as key:
        app.secret_key = key.read()
    handler = logging.FileHandler(os.path.join(LOG, "app.log"))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    app.logger.addHandler(handler)
    app.logger.setLevel(logging.INFO)
    app.teardown_appcontext(store.close)
    app.register_blueprint(boards.blueprint)
    app.register_blueprint(files.blueprint)

    @app.get("/")
    def index():
        return render_template("index.html", user=session.get("user"))

    @app.get("/healthz")
    def healthz():
        store.database().execute("SELECT 1").fetchone()
        return {"status": "ok"}

    @app.post("/login")
    def login():
        if request.form.get("password") != "treeline":
            app.logger.warning("refused a login of %r", request.form.get("user"))
            return render_template("error.html", code=403, text="wrong password"), 403
        session["user"] = request.form["user"]
        return redirect("/", code=303)

    @app.post("/logout")
    def logout():
        session.clear()
        return redirect("/", code=303)

    @app.post("/api/echo")
    def echo():
        return {"you sent": request.get_json()}

    @app.get("/fail")
    def fail():
        raise RuntimeError("this page always fails")

    @app.errorhandler(Exception)
    def failed(problem):
        code = getattr(problem, "code", None) or 500
        if code == 500:
            app.logger.exception("%s %s", request.method, request.path)
        return render_template("error.html", code=code, text=getattr(problem, "name", "Internal Server Error")), code

    return app


class Server(BaseApplication):
    """gunicorn, configured here instead of on a command line."""

    def load_config(self):
        for key, value in {"bind": "0.0.0.0:8000", "workers": int(os.environ.get("APP_WORKERS", "2")),
                           "worker_class": "gthread", "threads": 2, "keepalive": 60, "graceful_timeout": 5,
                           "timeout": 120, "accesslog": os.path.join(LOG, "access.log"),
                           "errorlog": os.path.join(LOG, "error.log")}.items():
            self.cfg.set(key, value)

    def load(self):
        return create()


if __name__ == "__main__":
    store.create(DATA)
    Server().run()
