# SPDX-License-Identifier: Apache-2.0
"""Containers without a runtime: processes with a cgroup and a mount namespace of their own, bound at the control socket before their exec."""

import ctypes
import json
import os
import pathlib
import socket

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 16384, 1 << 18
libc = ctypes.CDLL(None, use_errno=True)


class Daemon:
    """The control socket (enforcer/daemon/protocol.h)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect("/run/treeline/treeline.sock")
        self.lines = self.socket.makefile("r")

    def ask(self, **request):
        """The answer; None where the daemon ended before it came."""
        try:
            self.socket.sendall((json.dumps({"id": 1, **request}) + "\n").encode())
            line = self.lines.readline()
        except OSError:
            line = ""
        return json.loads(line) if line else None


class Member:
    """One container: its process waits, is bound, and execs a shell with this script, or a command, when it is told to begin."""

    def __init__(self, number, script="", command=None):
        command = command or ["/usr/bin/dash", "-c", script]
        self.name = f"crowd-{number}"
        self.cgroup = pathlib.Path("/sys/fs/cgroup") / self.name
        self.cgroup.mkdir()
        self.start, go_on = os.pipe()[::-1]
        stdin, self.stdin = os.pipe()
        self.stdout, stdout = os.pipe()
        ready, is_ready = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.dup2(stdin, 0)
                os.dup2(stdout, 1)
                os.dup2(os.open("/dev/null", os.O_RDWR), 2)
                (self.cgroup / "cgroup.procs").write_text("0")
                if libc.unshare(CLONE_NEWNS) or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None):
                    os._exit(98)
                os.write(is_ready, b"x")
                os.read(go_on, 1)
                os.closerange(3, 65536)
                os.execv(command[0], [os.path.basename(command[0]), *command[1:]])
            finally:
                os._exit(99)
        for fd in (stdin, stdout, go_on, is_ready):
            os.close(fd)
        os.read(ready, 1)
        os.close(ready)

    def begin(self):
        os.write(self.start, b"x")
        os.close(self.start)

    def ask(self, text):
        """Says a line to the script and returns the one that comes back."""
        os.write(self.stdin, text.encode())
        said = b""
        while not said.endswith(b"\n"):
            chunk = os.read(self.stdout, 4096)
            if not chunk:
                break
            said += chunk
        return said.decode().strip()

    def finish(self, text=""):
        """The words that it says till its end."""
        if text:
            os.write(self.stdin, text.encode())
        os.close(self.stdin)
        said = b""
        while chunk := os.read(self.stdout, 4096):
            said += chunk
        os.close(self.stdout)
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return said.decode().split()

    def remove(self):
        self.cgroup.rmdir()
