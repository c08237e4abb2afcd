# SPDX-License-Identifier: Apache-2.0
"""Traffic for nginx: pages, ranges, conditions, compression, uploads, a password, the caching proxy, wrong requests."""
import base64
import functools
import json

from web import WebTraffic
from website import BACKEND, PAGES

TYPES = {"html": "text/html", "css": "text/css", "js": "application/javascript", "png": "image/png", "txt": "text/plain",
         "bin": "application/octet-stream"}
PASSWORD = {"Authorization": "Basic " + base64.b64encode(b"reader:treeline").decode()}
PUBLIC = sorted(url for url in PAGES if not url.startswith("/private/") and url != "/404.html")

SMALL = [url for url in PUBLIC if len(PAGES[url]) < 100_000]


class NginxTraffic(WebTraffic):
    name, port = "nginx", 80

    def __init__(self, address, source, seed):
        super().__init__(address, source, seed)
        self.uploads = {}       # name -> content

    def ping(self):
        if self.ask("GET", "/robots.txt").status != 200:
            raise OSError("not ready")

    def tour(self):
        yield from (functools.partial(self.page, url) for url in PUBLIC)
        yield from (functools.partial(self.item, path) for path in sorted(BACKEND) for _ in range(2))
        yield from (step for _, step in self.steps())
        yield from (self.put, self.put, self.put_chunked, self.fetch, self.copy, self.move, self.collection, self.delete)

    def steps(self):
        return [(30, self.page), (6, self.index), (6, self.head), (6, self.range), (2, self.ranges), (6, self.unchanged),
                (4, self.compressed), (5, self.missing), (2, self.folder), (2, self.moved), (3, self.listing),
                (3, self.private), (2, self.refused), (8, self.item), (2, self.fresh_item), (10, self.put),
                (2, self.put_chunked), (8, self.fetch), (2, self.copy), (2, self.move), (4, self.delete),
                (1, self.collection), (2, self.wrong_method), (1, self.malformed), (1, self.too_large),
                (1, self.pipelined), (1, self.status), (2, self.new_connection)]

    def finish(self):
        for name in self.uploads:
            self.ask("DELETE", f"/upload/{name}")
        self.reset()

    # Reading

    def page(self, url=None):
        url = url or self.rng.choice(PUBLIC if self.rng.random() < 0.3 else SMALL)
        self.check("GET", url, 200, PAGES[url], kind=TYPES[url.rpartition(".")[2]])

    def index(self):
        self.check("GET", "/", 200, PAGES["/index.html"])

    def head(self):
        url = self.rng.choice(PUBLIC)
        answer = self.ask("HEAD", url)
        self.expect(f"HEAD {url}", [answer.status, answer.headers.get("content-length"), answer.body],
                    [200, str(len(PAGES[url])), b""])

    def range(self):
        url = self.rng.choice([url for url in PUBLIC if url.startswith("/files/")])
        content = PAGES[url]
        first = self.rng.randrange(len(content))
        last = self.rng.randrange(first, min(len(content), first + 50_000))
        self.check("GET", url, 206, content[first:last + 1], headers={"Range": f"bytes={first}-{last}"},
                   label=f"GET {url} {first}-{last}")

    def ranges(self):
        content = PAGES["/files/medium.bin"]
        spans = [(start, start + self.rng.randint(1, 500)) for start in (10, 5_000, 90_000)]
        answer = self.ask("GET", "/files/medium.bin", headers={
            "Range": "bytes=" + ",".join(f"{first}-{last}" for first, last in spans)})
        boundary = answer.headers.get("content-type", "").partition("boundary=")[2].encode()
        parts = answer.body.split(b"--" + boundary)[1:-1] if boundary else []
        self.expect(f"GET /files/medium.bin {spans}", [answer.status, [part.partition(b"\r\n\r\n")[2][:-2] for part in parts]],
                    [206, [content[first:last + 1] for first, last in spans]])
        self.check("GET", "/files/small.bin", 416, headers={"Range": "bytes=100000-"}, label="GET /files/small.bin beyond its end")

    def unchanged(self):
        url = self.rng.choice(PUBLIC)
        answer = self.ask("HEAD", url)
        by_tag = self.rng.random() < 0.5 and "etag" in answer.headers
        headers = {"If-None-Match": answer.headers["etag"]} if by_tag else \
            {"If-Modified-Since": answer.headers.get("last-modified", "")}
        self.check("GET", url, 304, b"", headers=headers, label=f"GET {url} if changed")
        if not by_tag:
            self.check("GET", url, 200, PAGES[url], headers={"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"})

    def compressed(self):
        url = self.rng.choice([url for url in PUBLIC if url.endswith((".html", ".css", ".js"))])
        answer = self.ask("GET", url, headers={"Accept-Encoding": "gzip"})
        self.expect(f"GET {url} compressed", [answer.status, answer.headers.get("content-encoding"), answer.body],
                    [200, "gzip", PAGES[url]])

    def missing(self):
        path = self.rng.choice(["/absent", "/articles/none.html", "/upload/none", "/files/none.bin"])
        self.check("GET", path, 404, PAGES["/404.html"])

    def folder(self):
        self.check("GET", "/articles", 301)
        self.check("GET", "/articles/", 403)

    def moved(self):
        answer = self.ask("GET", "/old/3.html")
        self.expect("GET /old/3.html", [answer.status, answer.headers.get("location", "").endswith("/articles/3.html")],
                    [301, True])

    def listing(self):
        answer = self.ask("GET", "/listing/")
        got = [answer.status]
        if answer.status == 200:
            got.append(sorted((entry["name"], entry["size"]) for entry in json.loads(answer.body)))
        self.expect("GET /listing/", got, [200, sorted(
            (url.rpartition("/")[2], len(content)) for url, content in PAGES.items() if url.startswith("/listing/"))])

    def private(self):
        self.check("GET", "/private/report.html", 200, PAGES["/private/report.html"], headers=PASSWORD)

    def refused(self):
        self.check("GET", "/private/report.html", 401)
        wrong = base64.b64encode(b"reader:guess").decode()
        self.check("GET", "/private/report.html", 401, headers={"Authorization": f"Basic {wrong}"}, label="GET with a wrong password")

    # Through the proxy

    def item(self, path=None):
        path = path or self.rng.choice(sorted(BACKEND))
        self.check("GET", "/items" + path.removeprefix("/item"), 200, BACKEND[path])

    def fresh_item(self):
        """A question of its own has a cache file of its own."""
        path = self.rng.choice(sorted(BACKEND))
        self.check("GET", f"/items{path.removeprefix('/item')}?{self.rng.getrandbits(40)}", 200, BACKEND[path])
        self.check("GET", f"/items/none?{self.rng.getrandbits(40)}", 404)

    # Writing

    def put(self):
        name = self.rng.choice(sorted(self.uploads)) if self.uploads and self.rng.random() < 0.2 else self.uuid()
        content = self.blob(0, 600) if self.rng.random() < 0.5 else self.blob(5_000, 60_000)
        self.check("PUT", f"/upload/{name}", 204 if name in self.uploads else 201, sent=content)
        self.uploads[name] = content

    def put_chunked(self):
        name, content = self.uuid(), self.blob(3_000, 30_000)
        self.check("PUT", f"/upload/{name}", 201, sent=content, chunked=True)
        self.uploads[name] = content

    def fetch(self):
        name = self._uploaded()
        self.check("GET", f"/upload/{name}", 200, self.uploads[name])

    def copy(self):
        name, other = self._uploaded(), self.uuid()
        self.check("COPY", f"/upload/{name}", 204, headers={"Destination": f"http://workload/upload/{other}"})
        self.uploads[other] = self.uploads[name]

    def move(self):
        name, other = self._uploaded(), self.uuid()
        self.check("MOVE", f"/upload/{name}", 204, headers={"Destination": f"http://workload/upload/{other}"})
        self.uploads[other] = self.uploads.pop(name)
        self.check("GET", f"/upload/{name}", 404)

    def delete(self):
        name = self._uploaded()
        del self.uploads[name]
        self.check("DELETE", f"/upload/{name}", 204)
        self.check("DELETE", f"/upload/{name}", 404)

    def collection(self):
        name = self.uuid()
        self.check("MKCOL", f"/upload/{name}/", 201)
        self.check("MKCOL", f"/upload/{name}/", 405)
        self.check("DELETE", f"/upload/{name}/", 204)

    def _uploaded(self):
        if not self.uploads:
            self.put()
        return self.rng.choice(sorted(self.uploads))

    # Wrong

    def wrong_method(self):
        self.check("POST", "/about.html", 405, sent=b"x=1")
        self.check("PUT", "/about.html", 405, sent=b"gone")

    def malformed(self):
        for label, text, code in (("no version", b"GET /index.html HTTP/x.y\r\n\r\n", 400),
                                  ("no host", b"GET /index.html HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
                                  ("above the root", b"GET /../../etc/passwd HTTP/1.0\r\n\r\n", 400),
                                  ("a long line", b"GET /" + b"a" * 20_000 + b" HTTP/1.0\r\n\r\n", 414)):
            self.expect(label, self.raw(text), [code])

    def too_large(self):
        self.expect("PUT of 5 MB", self.raw(b"PUT /upload/large HTTP/1.0\r\nContent-Length: 5000000\r\n\r\n"), [413])

    def pipelined(self):
        text = b"".join(f"GET /articles/{number}.html HTTP/1.1\r\nHost: workload\r\n\r\n".encode() for number in (1, 99, 2))
        self.expect("three requests at once", self.raw(text, 3), [200, 404, 200])

    def status(self):
        answer = self.ask("GET", "/status")
        self.expect("GET /status", [answer.status, answer.body.startswith(b"Active connections: ")], [200, True])

    def new_connection(self):
        self.reset()
        self.index()


GENERATOR = NginxTraffic
