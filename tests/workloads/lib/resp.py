# SPDX-License-Identifier: Apache-2.0
"""The redis serialization protocol, version 2, as a client speaks it.

    connection = Resp(socket)
    connection.ask("SET", "k", "v")     # b"OK"; a server's error is returned as RespError, not raised
"""


class RespError(str):
    """An error that the server answered, by its text."""


class Resp:
    def __init__(self, sock):
        self.sock = sock
        self.stream = sock.makefile("rb")

    def close(self):
        self.stream.close()
        self.sock.close()

    def ask(self, *words):
        self.send(words)
        return self.read()

    def send(self, *commands):
        """Any number of commands at once; read() fetches the answers one by one."""
        self.sock.sendall(b"".join(_encode(command) for command in commands))

    def read(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return RespError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._exactly(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise EOFError(f"not an answer: {line!r}")

    def _exactly(self, size):
        data = self.stream.read(size)
        if len(data) != size:
            raise EOFError("the server closed the connection")
        return data


def _encode(command):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
