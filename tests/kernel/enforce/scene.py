# SPDX-License-Identifier: Apache-2.0
"""Where the victims act: a directory, made anew for each run.

  BASE/bin/victim, child, host, first      programs; child is another copy of victim, host is dynamically linked
  BASE/bin/door, tracer                    copies of victim, with rights of their own
  BASE/bin/broken, script                  an executable of no known format; a script whose interpreter does not exist
  BASE/page.html                           victim may read it
  BASE/log                                 victim may read it and append to it
  BASE/ok/...                              victim may read all of it; to-secret and sh are symbolic links out of it
  BASE/out/                                victim may do everything there but execute
  BASE/only/child, broken, script          for that node alone
  BASE/secret, BASE/private/               for nobody
  BASE/socket, @tl-victim                  listening unix sockets
  BASE/giver                               one that hands a descriptor of BASE/secret to whoever connects
  BASE/drop/                               victim may make, write and remove files there, not read them
  BASE/lib/code, tool                      victim may map the one and exec the other; out/code-twin, tool-twin are hard links to them
  ports `served` and `invited`             somebody connects there all the time, from 127.0.0.2 and from 127.0.0.1
  UDP ports `sent` and `welcome`           likewise somebody sends there
  UDP port `echo`                          answers each message; "stranger" from 127.0.0.2 and another port; "to PORT" from there to that port
"""

import os
import pathlib
import shutil
import socket
import subprocess
import threading

DEEP = 200
LONG = "l" * 250
PORTS = {"open": 4001, "elsewhere": 4002, "free": 4003, "taken": 4004, "served": 4005, "invited": 4006,
         "sent": 4007, "welcome": 4008, "echo": 4009}
CALLERS = {"served": "127.0.0.2", "invited": "127.0.0.1"}
SENDERS = {"sent": "127.0.0.2", "welcome": "127.0.0.1"}
CODE = bytes([0xb8, 42, 0, 0, 0, 0xc3])  # mov eax,42; ret


class Scene:
    def __init__(self, base, programs):
        self.base = pathlib.Path(base)
        self._sockets = []
        self._sleeper = None
        shutil.rmtree(self.base, ignore_errors=True)
        for name in ("bin", "lib", "ok/place", "out", "drop", "only", "private"):
            (self.base / name).mkdir(parents=True)
        for name, program in (("victim", "victim"), ("child", "victim"), ("door", "victim"), ("tracer", "victim"),
                              ("host", "victim_host"), ("first", "victim_first")):
            shutil.copy(pathlib.Path(programs) / program, self.base / "bin" / name)
        self._write("bin/broken", "this is no program\n", 0o755)
        self._write("bin/script", f"#!{self.base}/bin/no-interpreter\n", 0o755)
        shutil.copy(pathlib.Path(programs) / "victim_preload.so", self.base / "ok/evil.so")
        (self.base / "ok/to-secret").symlink_to("../secret")
        (self.base / "ok/sh").symlink_to("/bin/sh")
        for name in ("ok/file", "only/child", "only/broken", "only/script", "private/secret"):
            self._write(name, "contents\n")
        for top in ("ok", "private"):
            for depth in (20, 64, DEEP):
                directory = self.base / top / "/".join(["d"] * depth)
                directory.mkdir(parents=True, exist_ok=True)
                (directory / "file").write_text("deep\n")
        _make_long(self.base / "ok")
        self._listen()
        self._sleeper = subprocess.Popen(["sleep", "100000"], stdin=subprocess.DEVNULL)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._give), threading.Thread(target=self._echo),
                         *(threading.Thread(target=self._call, args=each) for each in CALLERS.items()),
                         *(threading.Thread(target=self._send, args=each) for each in SENDERS.items())]
        for thread in self._threads:
            thread.start()
        self.reset()

    def values(self):
        return {"base": str(self.base), "pid": str(self._sleeper.pid), **{name: str(port) for name, port in PORTS.items()}}

    def reset(self):
        """What a victim can have changed is as at first."""
        for name in ("secret", "page.html"):
            _remove(self.base / name)
            self._write(name, f"{name}\n")
        os.setxattr(self.base / "page.html", "trusted.there", b"1")
        _remove(self.base / "log")
        self._write("log", "l" * 4096)
        _remove(self.base / "new")
        for entry in (self.base / "out").iterdir():
            if entry.name == "moved" and entry.is_dir():
                entry.rename(self.base / "private")
            else:
                _remove(entry)
        (self.base / "ok/place").mkdir(exist_ok=True)
        for name in ("code", "tool"):
            _remove(self.base / "lib" / name)
            (self.base / "lib" / name).write_bytes(CODE)
            (self.base / "lib" / name).chmod(0o755)
            os.link(self.base / "lib" / name, self.base / "out" / f"{name}-twin")
        child, victim = self.base / "bin/child", self.base / "bin/victim"
        if child.stat().st_size != victim.stat().st_size or child.read_bytes() != victim.read_bytes():
            _remove(child)
            shutil.copy(victim, child)
        _remove(pathlib.Path("/dev/shm/tl-tiny"))

    def state(self):
        """What must not change under a policy, comparable: contents, modes, owners, names."""
        found = []
        for name in ("", "secret", "page.html", "new", "bin", "bin/child", "ok", "ok/place", "private", "private/secret", "only"):
            path = self.base / name
            try:
                status = path.lstat()
            except FileNotFoundError:
                found.append((name, None))
                continue
            what = sorted(os.listdir(path)) if path.is_dir() else path.read_bytes() if path.is_file() else None
            found.append((name, status.st_mode, status.st_uid, status.st_gid, what))
        return found

    def close(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()
        if self._sleeper:
            self._sleeper.kill()
            self._sleeper.wait()
        shutil.rmtree(self.base, ignore_errors=True)

    def drain(self):
        """Accepts what connects to the open port, for a victim that does it often: else the queue is full one day."""
        self._sockets[0].settimeout(0.2)
        self._threads.append(threading.Thread(target=self._drain))
        self._threads[-1].start()

    def _send(self, port, whence):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((whence, 0))
            while not self._ended.wait(0.05):
                try:
                    sender.sendto(b"x", ("127.0.0.1", PORTS[port]))
                except OSError:
                    pass  # nobody is there

    def _echo(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            echo.bind(("127.0.0.1", PORTS["echo"]))
            stranger.bind(("127.0.0.2", 0))
            echo.settimeout(0.2)
            while not self._ended.is_set():
                try:
                    message, whence = echo.recvfrom(100)
                    if message.startswith(b"to "):
                        stranger.sendto(message, ("127.0.0.1", int(message[3:])))
                    else:
                        (stranger if message == b"stranger" else echo).sendto(message, whence)
                except OSError:
                    pass

    def _drain(self):
        while not self._ended.is_set():
            try:
                self._sockets[0].accept()[0].close()
            except socket.timeout:
                pass

    def _give(self):
        while not self._ended.is_set():
            try:
                there, _ = self._giver.accept()
            except socket.timeout:
                continue
            with there, open(self.base / "secret", "rb") as secret:
                socket.send_fds(there, [b"x"], [secret.fileno()])

    def _call(self, port, address):
        while not self._ended.wait(0.05):
            with socket.socket() as caller:
                caller.settimeout(0.5)  # a request that is dropped gets no answer
                try:
                    caller.bind((address, 0))
                    caller.connect(("127.0.0.1", PORTS[port]))
                except OSError:
                    pass

    def _write(self, name, text, mode=0o644):
        path = self.base / name
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, 0, 0)

    def _listen(self):
        for host, port in (("127.0.0.1", "open"), ("127.0.0.2", "open"), ("127.0.0.1", "elsewhere")):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, PORTS[port]))
            self._sockets.append(listener)
        for name in (str(self.base / "socket"), "\0tl-victim"):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(name)
            self._sockets.append(listener)
        self._giver = socket.socket(socket.AF_UNIX)
        self._giver.bind(str(self.base / "giver"))
        self._giver.settimeout(0.2)
        self._sockets.append(self._giver)
        for listener in self._sockets:
            listener.listen(1000)  # nobody accepts: a connection is made when the kernel has made it


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make_long(top):
    """Step by step: the whole name is longer than any system call takes."""
    directory = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(20):
        os.mkdir(LONG, 0o755, dir_fd=directory)
        below = os.open(LONG, os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=directory))
    with open(os.open("file", os.O_WRONLY, dir_fd=directory), "w", encoding="ascii") as f:
        f.write("long\n")
    os.close(directory)
