# SPDX-License-Identifier: Apache-2.0
"""The static pages that nginx serves: written into the root file system, and known to the traffic generator.

    write(root, mtime)         # the tree below /srv
    PAGES["/index.html"]       # the bytes that a GET of it must answer
"""
import hashlib
import os

LOREM = ("a server answers what it was asked and nothing else ; the page is plain and the reader is patient . "
         "one process listens and another one works , and both of them end when they are told to").split()


def noise(name, size):
    """`size` bytes that depend on the name only and do not compress."""
    blocks = (hashlib.sha256(f"{name} {index}".encode()).digest() for index in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def prose(name, words):
    picked = [LOREM[byte % len(LOREM)] for byte in noise(name, words)]
    return " ".join(picked)


def _page(name, words):
    text = prose(name, words)
    return (f'<!doctype html>\n<html><head><title>{name}</title><link rel="stylesheet" href="/css/site.css"></head>\n'
            f"<body><h1>{name}</h1>\n<p>{text}</p>\n</body></html>\n").encode()


# Below /srv/www, by URL.
PAGES = {"/index.html": _page("index", 80), "/about.html": _page("about", 200), "/404.html": _page("missing", 20),
         "/css/site.css": b"body { font-family: serif; margin: 2em }\nh1 { font-size: 1.4em }\n" * 20,
         "/js/site.js": b"document.addEventListener('load', function () { /* nothing to do */ });\n" * 30,
         "/img/logo.png": b"\x89PNG\r\n\x1a\n" + noise("logo", 5000),
         "/robots.txt": b"User-agent: *\nDisallow: /private/\n",
         "/private/report.html": _page("report", 120),
         "/files/small.bin": noise("small", 700),
         "/files/medium.bin": noise("medium", 150_000),
         "/files/large.bin": noise("large", 1_500_000)}
PAGES.update({f"/articles/{number}.html": _page(f"article {number}", 60 + 40 * number) for number in range(1, 13)})
PAGES.update({f"/listing/{name}.txt": prose(name, 30).encode() for name in ("alpha", "beta", "gamma")})

# Below /srv/backend: what the second server, behind the caching proxy, answers. The last is larger than the proxy's
# buffers, so that it goes through a temporary file.
BACKEND = {f"/item/{number}": prose(f"item {number}", 50 * number).encode() for number in range(1, 9)}
BACKEND["/item/long"] = noise("long item", 300_000)


def write(root, mtime):
    for top, pages in (("srv/www", PAGES), ("srv/backend", BACKEND)):
        for url, content in pages.items():
            path = root / top / url.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for folder, _, names in os.walk(root / top):
            for name in names + [""]:
                os.utime(os.path.join(folder, name), (mtime, mtime))
