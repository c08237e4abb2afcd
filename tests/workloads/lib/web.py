# SPDX-License-Identifier: Apache-2.0
"""HTTP for the generators: one kept connection, answers as plain values, and raw bytes where http.client is too polite."""
import dataclasses
import gzip
import http.client

from traffic import Traffic


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict       # names in lower case
    body: bytes


class WebTraffic(Traffic):
    broken = (*Traffic.broken, http.client.HTTPException)

    def __init__(self, address, source, seed):
        super().__init__(address, source, seed)
        self.connection = None

    def reset(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def ask(self, method, path, body=None, headers=None, chunked=False):
        """One request on the kept connection. A compressed body comes back unpacked."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address, self.port, timeout=120)
            self.connection.sock = self.socket()
        sent = {"Host": "workload", **(headers or {})}
        if chunked:
            sent["Transfer-Encoding"] = "chunked"
            body = iter([body[start:start + 4096] for start in range(0, len(body), 4096)] or [b""])
        self.connection.request(method, path, body, sent, encode_chunked=chunked)
        response = self.connection.getresponse()
        content = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        if found.get("connection") == "close":
            self.reset()
        if found.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        return Answer(response.status, found, content)

    def check(self, method, path, status, body=None, sent=None, headers=None, kind=None, label=None, chunked=False):
        """Asks, and expects a status, where given the body and the content type; returns the answer."""
        answer = self.ask(method, path, sent, headers, chunked)
        got, wanted = {"status": answer.status}, {"status": status}
        if body is not None:
            got["body"], wanted["body"] = answer.body, body
        if kind is not None:
            got["type"], wanted["type"] = answer.headers.get("content-type"), kind
        self.expect(label or f"{method} {path}", got, wanted)
        return answer

    def raw(self, text, answers=1):
        """Sends bytes as they are on a connection of their own; returns the status codes of the answers."""
        codes = []
        with self.socket() as connection:
            connection.sendall(text)
            stream = connection.makefile("rb")
            for _ in range(answers):
                line = stream.readline()
                if not line:
                    raise EOFError("the server closed the connection")
                codes.append(int(line.split()[1]))
                length = 0
                while (line := stream.readline().strip()):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                stream.read(length)
        return codes
