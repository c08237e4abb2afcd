# SPDX-License-Identifier: Apache-2.0
"""Traffic for the web application: pages, forms, a session, uploads and downloads, exports, errors.

The model holds the notes and files of one board, which is the seed's own.
"""
import csv
import functools
import gzip
import hashlib
import html
import io
import json
import urllib.parse

from web import WebTraffic
from workload import HERE

STATIC = {name: (HERE / "app/files/app/static" / name).read_bytes() for name in ("style.css", "app.js")}


class AppTraffic(WebTraffic):
    name, port = "app", 8000

    def __init__(self, address, source, seed):
        super().__init__(address, source, seed)
        self.board = f"/boards/board-{seed}"
        self.notes, self.highest = {}, 0        # number -> [title, body, edits]
        self.files = {}                         # label -> (identity, name, content)
        self.uploads = 0
        self.cookie = None

    def ping(self):
        if self.ask("GET", "/healthz").status != 200:
            raise OSError("not ready")

    def tour(self):
        yield self.clean
        yield from (functools.partial(self.static, name) for name in STATIC)
        yield from (self.add, self.add, self.upload, self.upload)
        yield from (step for _, step in self.steps())
        yield from (self.upload_large, self.download, self.download, self.remove)

    def steps(self):
        return [(6, self.index), (3, self.health), (4, self.static), (10, self.board_page), (14, self.add), (10, self.show),
                (6, self.edit), (3, self.delete), (5, self.search), (6, self.as_json), (3, self.export),
                (1, self.export_compressed), (8, self.upload), (0.5, self.upload_large), (8, self.download), (3, self.info),
                (3, self.part), (4, self.remove), (2, self.session), (3, self.echo), (3, self.missing), (2, self.wrong),
                (0.5, self.too_large), (1, self.fail), (2, self.new_connection)]

    def finish(self):
        self.ask("DELETE", self.board)
        self.reset()

    def clean(self):
        self.check("DELETE", self.board, 204, b"")

    # Pages

    def page(self, path, status, *texts, method="GET", **options):
        """Expects a page that holds each text, as HTML writes it."""
        answer = self.ask(method, path, **options)
        shown = answer.body.decode(errors="replace")
        self.expect(f"{method} {path}", [answer.status, answer.headers.get("content-type"),
                                         [text for text in texts if html.escape(text) not in shown], answer.body],
                    [status, "text/html; charset=utf-8", [], answer.body])
        return answer

    def index(self):
        self.page("/", 200, "Nobody is logged in.")

    def health(self):
        self.check("GET", "/healthz", 200, b'{"status":"ok"}\n')

    def static(self, name=None):
        name = name or self.rng.choice(sorted(STATIC))
        answer = self.check("GET", f"/static/{name}", 200, STATIC[name])
        if self.rng.random() < 0.3:
            self.check("GET", f"/static/{name}", 304, b"", headers={"If-None-Match": answer.headers.get("etag", "")},
                       label=f"GET /static/{name} if changed")

    def session(self):
        name = self.words(1, 1)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.check("POST", "/login", 303, sent=f"user={name}&password=treeline".encode(), headers=form)
        cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        self.page("/", 200, f"Hello, {name}.", headers={"Cookie": cookie})
        self.check("POST", "/logout", 303, sent=b"", headers={"Cookie": cookie})
        self.page("/login", 403, "wrong password", method="POST", body=f"user={name}&password=guess".encode(), headers=form)

    # Notes

    def _form(self):
        title, body = self.words(1, 5), self.words(3, 60) + " <&> \N{SNOWMAN}"
        return title, body, urllib.parse.urlencode({"title": title, "body": body}).encode()

    def _post(self, path, form):
        return self.ask("POST", path, form, {"Content-Type": "application/x-www-form-urlencoded"})

    def add(self):
        if len(self.notes) >= 40:  # a longer board only makes every page slower
            return self.delete()
        title, body, form = self._form()
        answer = self._post(f"{self.board}/notes", form)
        self.highest = max(self.notes, default=0) + 1
        self.notes[self.highest] = [title, body, 0]
        self.expect("POST a note", [answer.status, answer.headers.get("location")],
                    [303, f"{self.board}/notes/{self.highest}"])

    def _number(self):
        if not self.notes:
            self.add()
        return self.rng.choice(sorted(self.notes))

    def board_page(self):
        self.page(self.board, 200, *(title for title, _, _ in self.notes.values()))

    def show(self):
        number = self._number()
        title, body, edits = self.notes[number]
        self.page(f"{self.board}/notes/{number}", 200, title, body, f"Edited {edits} times.")

    def edit(self):
        number = self._number()
        title, body, form = self._form()
        self.notes[number] = [title, body, self.notes[number][2] + 1]
        answer = self._post(f"{self.board}/notes/{number}", form)
        self.expect(f"POST note {number}", answer.status, 303)
        self.show()

    def delete(self):
        number = self._number()
        del self.notes[number]
        self.check("DELETE", f"{self.board}/notes/{number}", 204, b"")
        self.page(f"{self.board}/notes/{number}", 404, "Not Found")

    def search(self):
        word = self.words(1, 1)
        hits = sum(word in body for _, body, _ in self.notes.values())
        self.page(f"{self.board}/search?q={word}", 200, f"{hits} of them hold")

    def as_json(self):
        answer = self.ask("GET", f"{self.board}/notes.json")
        got = json.loads(answer.body)["notes"] if answer.status == 200 else answer.status
        self.expect("GET the board as JSON", got, self._rows())

    def _rows(self):
        return [{"number": number, "title": title, "body": body, "edits": edits}
                for number, (title, body, edits) in sorted(self.notes.items())]

    def export(self):
        answer = self.ask("GET", f"{self.board}/export.csv")
        self.expect("GET the board as CSV", [answer.status, answer.body], [200, self._csv()])

    def export_compressed(self):
        answer = self.ask("GET", f"{self.board}/export.csv.gz")
        content = gzip.decompress(answer.body) if answer.status == 200 else answer.body
        self.expect("GET the board as compressed CSV", [answer.status, content], [200, self._csv()])

    def _csv(self):
        target = io.StringIO(newline="")
        writer = csv.DictWriter(target, ("number", "title", "body", "edits"))
        writer.writeheader()
        writer.writerows(self._rows())
        return target.getvalue().encode()

    # Files

    def upload(self, least=0, most=30_000):
        name, content = f"{self.words(1, 1)}.bin", self.blob(least, most)
        answer = self._send(name, content)
        got = json.loads(answer.body) if answer.status == 201 else {"status": answer.status}
        identity = got.pop("id", None)
        self.expect("POST a file", got, {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()})
        if identity:
            self.uploads += 1
            self.files[self.uploads] = (identity, name, content)

    def upload_large(self):
        """More than is kept in memory: the server's form parser uses a temporary file."""
        self.upload(600_000, 900_000)

    def _send(self, name, content):
        boundary = "b0undary"
        body = (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                f"Content-Type: application/octet-stream\r\n\r\n").encode() + content + f"\r\n--{boundary}--\r\n".encode()
        return self.ask("POST", f"{self.board}/files", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})

    def _file(self):
        if not self.files:
            self.upload()
        if not self.files:
            raise EOFError("no upload was taken")
        label = self.rng.choice(sorted(self.files))
        return label, *self.files[label]

    def download(self):
        label, identity, _, content = self._file()
        self.check("GET", f"/files/{identity}", 200, content, label=f"GET file {label}")

    def info(self):
        label, identity, name, content = self._file()
        self.check("GET", f"/files/{identity}/info", 200, label=f"GET info of file {label}", body=json.dumps(
            {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)},
            separators=(",", ":")).encode() + b"\n")

    def part(self):
        label, identity, _, content = self._file()
        if len(content) < 10:
            return self.download()
        self.check("GET", f"/files/{identity}", 206, content[3:9], headers={"Range": "bytes=3-8"}, label=f"GET part of file {label}")

    def remove(self):
        label, identity, _, _ = self._file()
        del self.files[label]
        self.check("DELETE", f"/files/{identity}", 204, b"", label=f"DELETE file {label}")
        self.check("GET", f"/files/{identity}", 404, label=f"GET deleted file {label}")

    # Wrong

    def echo(self):
        value = {"text": self.words(1, 9), "number": self.rng.randrange(10**9)}
        headers = {"Content-Type": "application/json"}
        answer = self.ask("POST", "/api/echo", json.dumps(value).encode(), headers)
        self.expect("POST /api/echo", json.loads(answer.body) if answer.status == 200 else answer.status, {"you sent": value})
        self.page("/api/echo", 400, "Bad Request", method="POST", body=b"{not json", headers=headers)

    def missing(self):
        self.page(self.rng.choice(["/absent", f"{self.board}/notes/999999", f"/files/{self.uuid()}", "/static/none.css",
                                   "/files/not-a-uuid"]), 404, "Not Found")

    def wrong(self):
        self.page("/healthz", 405, "Method Not Allowed", method="POST", body=b"")
        self.page(f"{self.board}/notes", 400, "Bad Request", method="POST", body=b"body=no+title",
                  headers={"Content-Type": "application/x-www-form-urlencoded"})

    def too_large(self):
        answer = self._send("large.bin", bytes(2_000_000))
        self.expect("POST of more than 2 MB", answer.status, 413)

    def fail(self):
        self.page("/fail", 500, "Internal Server Error")

    def new_connection(self):
        self.reset()
        self.health()


GENERATOR = AppTraffic
