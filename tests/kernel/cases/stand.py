# SPDX-License-Identifier: Apache-2.0
"""Where the cases are performed: the actors on their nodes, and the files that their acts are about."""

import os
import pathlib
import re
import select
import shutil
import socket
import subprocess

TOP = pathlib.Path("/srv/tl")
KEPT = ("bin", "lib")
PRESENT = {"read", "write", "append", "read,write", "read,append", "write,append", "setattr", "map", "delete"}
ABSENT = {"create", "link", "mkdir", "mknod"}


def sample(pattern):
    """A path that the executable's pattern matches."""
    path = re.sub(r"\{digits\}", "1", pattern)
    path = re.sub(r"\{([^,{}]*),[^{}]*\}", r"\1", path)
    return path.replace("*", "x")


class Actor:
    """A process on a node. `prefix`: what it is started by, or nothing."""

    def __init__(self, steps, prefix=()):
        argv = []
        for step in steps:
            if argv and step["users"] and 0 not in step["users"]:
                argv.append(f"uid={step['users'][0]}")
            argv.append(sample(step["exec"]))
        self.process = subprocess.Popen([*map(str, prefix), *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.rest = b""
        said = self.line(120)
        if said != "ready":
            self.close()
            raise RuntimeError(f"the actor is not on its node: {said!r} {self.said}")

    def line(self, seconds=30):
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                return "cannot it does not answer"
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                return "cannot it has ended"
            self.rest += chunk
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode("utf-8", "replace")

    def ask(self, act, thing):
        escaped = "".join(chr(b) if 0x20 <= b < 0x7f and b != 0x5c else f"\\{b:02x}" for b in thing.encode())
        try:
            self.process.stdin.write(f"{act} {escaped}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            return "cannot it has ended"
        return self.line()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.said = self.process.stderr.read().decode("utf-8", "replace")[-600:]


class Scene:
    """The files below TOP, made anew for each act. `actor` is the program that all executables are."""

    def __init__(self, actor):
        self.actor = actor
        self.listener = None
        TOP.mkdir(parents=True, exist_ok=True)
        # Else ping sockets and the kernel's log need more than the right that is asked for.
        pathlib.Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647\n")
        pathlib.Path("/proc/sys/kernel/dmesg_restrict").write_text("0\n")

    def programs(self, nodes):
        for top in KEPT:
            shutil.rmtree(TOP / top, ignore_errors=True)
        for steps in nodes.values():
            for step in steps:
                self.program(sample(step["exec"]), step["interpreter"])

    def program(self, path, interpreter=""):
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if interpreter:
            path.write_text(f"#!{interpreter}\n")
            path.chmod(0o755)
            self.program(interpreter)
        elif not path.exists():
            shutil.copy(self.actor, path)

    def prepare(self, act, thing):
        """Makes the world such that the act would come about."""
        if self.listener:
            self.listener.close()
            self.listener = None
        if act == "connect" and thing.startswith("{abstract}/"):
            return self.listen("\0" + thing.removeprefix("{abstract}/"))
        if not thing.startswith(f"{TOP}/"):
            return None
        path = pathlib.Path(thing)
        if act == "exec":
            if not path.exists() and not any(parent.is_file() for parent in path.parents):
                self.program(thing)
        elif act in PRESENT | ABSENT | {"list", "connect"} and path.parts[3] not in KEPT:
            self.lay(act, path)
        return None

    def lay(self, act, path):
        for entry in TOP.iterdir():
            if entry.name not in KEPT:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name == "{tmpfile}":
            return
        if act == "list" or act == "delete" and path.name in ("d", "list"):
            path.mkdir()
        elif act == "connect":
            self.listen(str(path))
            path.chmod(0o666)
        elif act in PRESENT:
            path.write_bytes(b"x" * 4096)
            path.chmod(0o666)  # another user than root performs some of the cases

    def listen(self, address):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen(4)
