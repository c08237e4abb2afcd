# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's frontend/backend protocol, version 3 (the manual's chapter 55), without authentication or encryption.

    session = Session(socket)
    session.query("SELECT 1, NULL")                     # [["1", None]]; values are text, as the server sends them
    session.execute("SELECT $1::int + 1", 41)           # the extended protocol: parse, bind, execute, sync
    session.copy_in("COPY t FROM STDIN", b"1\\n")         # "COPY 1"
An error of the server is raised as ServerError, after which the session can be used again.
"""
import struct


class ServerError(Exception):
    def __init__(self, fields):
        self.code, self.text = fields.get("C"), fields.get("M")
        super().__init__(f"{self.code} {self.text}")


class Session:
    def __init__(self, sock, user="postgres", database="postgres"):
        self.sock = sock
        self.stream = sock.makefile("rb")
        self.tag, self.columns, self.notifications = None, [], []
        options = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database, "application_name", "traffic"))
        body = struct.pack("!i", 196608) + options + b"\0"
        self.sock.sendall(struct.pack("!i", len(body) + 4) + body)
        self.process, self.secret = 0, 0
        self._until_ready()

    def close(self):
        try:
            self.sock.sendall(_message(b"X"))
        except OSError:
            pass
        self.stream.close()
        self.sock.close()

    def query(self, text):
        """The rows of the last statement in `text`; self.tag says what was done ("INSERT 0 3")."""
        self.sock.sendall(_message(b"Q", text.encode() + b"\0"))
        return self._until_ready()

    def execute(self, text, *parameters, name=""):
        self.sock.sendall(self._parse(name, text) + self._bind(name, parameters) + _message(b"S"))
        return self._until_ready()

    def prepare(self, name, text):
        self.sock.sendall(self._parse(name, text) + _message(b"S"))
        self._until_ready()

    def run(self, name, *parameters):
        self.sock.sendall(self._bind(name, parameters) + _message(b"S"))
        return self._until_ready()

    def copy_in(self, text, data):
        self.sock.sendall(_message(b"Q", text.encode() + b"\0"))
        kind, body = self._read()
        if kind != b"G":
            self._until_ready((kind, body))
            raise EOFError(f"COPY was answered {kind!r}")
        for start in range(0, len(data), 8192):
            self.sock.sendall(_message(b"d", data[start:start + 8192]))
        self.sock.sendall(_message(b"c"))
        self._until_ready()
        return self.tag

    def copy_out(self, text):
        self.sock.sendall(_message(b"Q", text.encode() + b"\0"))
        return b"".join(self._until_ready())

    def cancel(self, open_socket):
        """Asks, on a connection of its own, that what this session runs be cancelled."""
        with open_socket() as other:
            other.sendall(struct.pack("!iiii", 16, 80877102, self.process, self.secret))
            other.recv(1)

    def send(self, text):
        self.sock.sendall(_message(b"Q", text.encode() + b"\0"))

    def result(self):
        return self._until_ready()

    @staticmethod
    def _parse(name, text):
        return _message(b"P", name.encode() + b"\0" + text.encode() + b"\0" + struct.pack("!h", 0))

    @staticmethod
    def _bind(name, parameters):
        values = b""
        for value in parameters:
            encoded = None if value is None else str(value).encode()
            values += struct.pack("!i", -1) if encoded is None else struct.pack("!i", len(encoded)) + encoded
        body = b"\0" + name.encode() + b"\0" + struct.pack("!hh", 0, len(parameters)) + values + struct.pack("!h", 0)
        return _message(b"B", body) + _message(b"D", b"P\0") + _message(b"E", b"\0" + struct.pack("!i", 0))

    def _read(self):
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack("!i", head[1:])[0] - 4)

    def _exactly(self, size):
        data = self.stream.read(size)
        if len(data) != size:
            raise EOFError("the server closed the connection")
        return data

    def _until_ready(self, first=None):
        rows, problem = [], None
        while True:
            kind, body = first or self._read()
            first = None
            if kind == b"Z":
                if problem:
                    raise problem
                return rows
            if kind == b"T":
                rows = []
            elif kind == b"D":
                rows.append(_row(body))
            elif kind == b"d":
                rows.append(body)
            elif kind == b"C":
                self.tag = body[:-1].decode()
            elif kind == b"E":
                problem = ServerError(_fields(body))
                if problem.code and problem.code[:2] in ("57", "53") and problem.code != "57014" or not self.process:
                    raise problem  # the server hangs up after these
            elif kind == b"K":
                self.process, self.secret = struct.unpack("!ii", body)
            elif kind == b"A":
                channel, _, payload = body[4:].partition(b"\0")
                self.notifications.append((channel.decode(), payload[:-1].decode()))
            elif kind == b"R" and body[:4] != b"\0\0\0\0":
                raise EOFError("the server wants a password: pg_hba.conf is not the workload's")


def _message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


def _row(body):
    values, at = [], 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        (size,) = struct.unpack("!i", body[at:at + 4])
        at += 4
        values.append(None if size < 0 else body[at:at + size].decode())
        at += max(size, 0)
    return values


def _fields(body):
    parts = body.rstrip(b"\0").split(b"\0")
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in parts if part}
