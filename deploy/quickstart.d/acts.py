# SPDX-License-Identifier: Apache-2.0
"""Acts that nginx itself commits, by injected system calls: what an attacker who runs code in it would do first.

    outcome = commit(process, "read /etc/shadow", address)    # Outcome(effect=True, detail="1,024 bytes")

The effect is judged, not an opinion: a byte was read, the connection stands, the process has become another program.
"""
import dataclasses
import os
import socket
import struct

import inject

HELP = """read PATH            open it and read
write PATH           open it for writing and append a line
create PATH          make a new file
run PATH [ARG...]    become another program
connect ADDR:PORT    a TCP connection (IPv4)
listen PORT          a TCP listener on every address
inject               memory that is writable and executable at once, as shellcode needs it"""


@dataclasses.dataclass
class Outcome:
    effect: bool
    detail: str


def commit(pid, act):
    """Raises ValueError where the act cannot be read, inject.CaptureFailed where the process cannot be stopped."""
    function, words = read(act)
    with inject.Captured(pid) as victim:
        return function(victim, *words)


def read(act):
    """The function that commits it and its arguments. Raises ValueError with what there is to choose from."""
    verb, *words = act.split() or [""]
    function, least, most = {"read": (_read, 1, 1), "write": (_write, 1, 1), "create": (_create, 1, 1), "run": (_run, 1, 64), "connect": (_connect, 1, 1),
                             "listen": (_listen, 1, 1), "inject": (_inject, 0, 0)}.get(verb, (None, 0, 0))
    if function is None or not least <= len(words) <= most:
        raise ValueError(f"{act!r} is none of these acts:\n{HELP}")
    return function, [_endpoint(words[0])] if verb in ("connect", "listen") else words


def _endpoint(text):
    host, _, port = text.rpartition(":")
    try:
        return struct.pack("=H", socket.AF_INET) + struct.pack(">H", int(port)) + socket.inet_aton(host or "0.0.0.0") + bytes(8)
    except (OSError, ValueError, struct.error):
        raise ValueError(f"{text!r}: write ADDRESS:PORT, such as 10.88.0.3:4444") from None


def _outcome(result, done):
    return Outcome(True, done) if result >= 0 else Outcome(False, os.strerror(-result))


def _open(victim, path, flags, mode=0):
    return victim.call(inject.OPENAT, inject.AT_FDCWD, victim.text(os.fsencode(path)), flags | os.O_CLOEXEC, mode)


def _read(victim, path):
    fd = _open(victim, path, os.O_RDONLY)
    if fd < 0:
        return _outcome(fd, "")
    into = victim.text(bytes(512))
    count = victim.call(inject.READ, fd, into, 512)
    victim.call(inject.CLOSE, fd)
    return _outcome(count, f"{count} bytes read")


def _write(victim, path, flags=os.O_WRONLY | os.O_APPEND, text=b"<!-- defaced -->\n"):
    fd = _open(victim, path, flags, 0o644)
    if fd < 0:
        return _outcome(fd, "")
    count = victim.call(inject.WRITE, fd, victim.text(text), len(text))
    victim.call(inject.CLOSE, fd)
    return _outcome(count, f"{count} bytes written")


def _create(victim, path):
    return _write(victim, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, b"made by an intruder\n")


def _run(victim, path, *arguments):
    words = [victim.text(os.fsencode(word)) for word in (path, *arguments)]
    result = victim.call(inject.EXECVE, words[0], victim.words([*words, 0]), victim.words([0]))
    return _outcome(result, f"the process has become {path}")


def _socket(victim, act, done):
    fd = victim.call(inject.SOCKET, socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, 0)
    if fd < 0:
        return _outcome(fd, "")
    result = act(fd)
    victim.call(inject.CLOSE, fd)
    return _outcome(result, done)


def _connect(victim, endpoint):
    return _socket(victim, lambda fd: victim.call(inject.CONNECT, fd, victim.text(endpoint), 16), "the connection stands")


def _listen(victim, endpoint):
    def act(fd):
        bound = victim.call(inject.BIND, fd, victim.text(endpoint), 16)
        return bound if bound < 0 else victim.call(inject.LISTEN, fd, 1)
    return _socket(victim, act, "it listens")


def _inject(victim):
    at = victim.call(inject.MMAP, 0, 4096, 7, 0x22, -1, 0)  # PROT_READ|WRITE|EXEC, MAP_PRIVATE|MAP_ANONYMOUS
    if -4096 < at < 0:
        return _outcome(at, "")
    victim.call(inject.MUNMAP, at, 4096)
    return Outcome(True, "the memory is there")
