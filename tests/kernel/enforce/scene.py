# SPDX-License-Identifier: Apache-2.0
"""Where the victims act: a directory, made anew for each run.

  BASE/bin/victim, child, host, first      programs; child is another copy of victim, host is dynamically linked
  BASE/bin/door, tracer, talker, ringer, lower, scripter, elder, fellow    copies of victim, with rights of their own
  BASE/bin/setuser, setgroup, capable, user         copies that `lower` starts: set-user-id, set-group-id, with a capability, plain
  BASE/bin/torn                            an executable whose loader does not exist
  BASE/bin/broken, script                  an executable of no known format; a script whose interpreter does not exist
  BASE/page.html                           victim may read it
  BASE/log                                 victim may read it and append to it
  BASE/ok/...                              victim may read all of it; to-secret, to-socket and sh are symbolic links out of it
  BASE/ok/listed                           with an access list
  BASE/out/                                victim may do everything there but execute
  BASE/scripts/                            a shell `sh`, scripts with #! lines, and `plain`, without one
  BASE/cgroup1/                            a control group hierarchy of version 1
  /sys/fs/cgroup/tl-other                  a control group
  BASE/only/child, broken, torn, script    for that node alone
  BASE/secret, BASE/private/               for nobody
  BASE/{ok,private}/                       files with odd names, and below 255-byte directories some whose whole path has N bytes (BORDER)
  BASE/socket, @tl-victim                  listening unix sockets; BASE/packets likewise, of packets
  BASE/letters, @tl-letters, BASE/mailbox  unix sockets of datagrams; talker may send to the mailbox
  BASE/giver                               one that hands over a descriptor: what is asked for, else of BASE/secret
  /sys/fs/bpf/tl-victim, tl-victim-link    a directory and a symbolic link on the bpffs
  BASE/drop/                               victim may make, write and remove files there, not read them
  BASE/lib/code, tool                      victim may map the one and exec the other; out/code-twin, tool-twin are hard links to them
  ports `open` and `elsewhere`             listeners of TCP, and of SCTP (IPv4 alone)
  ports `served` and `invited`             somebody connects there all the time, the stranger and a friend
  UDP ports `sent` and `welcome`           likewise somebody sends there
  UDP port `echo`                          answers each message; "stranger" from the stranger and another port; "to PORT" from there to that port
  port `shared`                            a listener that lets others listen beside it, and a friend that connects there all the time

All that is of IPv4 and of IPv6: a friend is 127.0.0.1 or ::1, the stranger 127.0.0.2 or fd00::2, which the loopback gets for it.
"""

import os
import pathlib
import select
import shutil
import socket
import stat
import struct
import subprocess
import threading

DEEP = 200
LONG = "l" * 255  # NAME_MAX
BORDER = (4095, 4096, 4097)  # bytes of a path: what the policy's automaton takes, TL_PATH_MAX, is in the middle
ODD = {"newline": b"new\nline", "byte": b"\xff\xfe", "space": b" ", "deleted": b"gone (deleted)"}
PORTS = {"open": 4001, "elsewhere": 4002, "free": 4003, "taken": 4004, "served": 4005, "invited": 4006,
         "sent": 4007, "welcome": 4008, "echo": 4009, "shared": 4010}
FRIENDS = {"127.0.0.1": "127.0.0.2", "::1": "fd00::2"}  # and the stranger of that family
COPIES = ("ringer", "lower", "scripter", "elder", "fellow", "setuser", "setgroup", "capable", "user")  # of victim
GIFTS = {"secret": ("secret", os.O_RDONLY), "directory": ("private", os.O_RDONLY | os.O_DIRECTORY), "place": ("private", os.O_PATH),
         "writing": ("page.html", os.O_WRONLY)}
# An ELF header and one program header, which names a loader.
TORN = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0) + \
    struct.pack("<IIQQQQQQ", 3, 4, 120, 120, 120, 13, 13, 1) + b"/no/such/one\0"
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)  # cap_net_raw, permitted and effective (struct vfs_cap_data)
# Owner, user 12345, group, mask, others (linux/posix_acl_xattr.h).
ACCESS_LIST = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, rights, 12345 if tag == 2 else 0xffffffff)
                                              for tag, rights in ((1, 6), (2, 4), (4, 4), (16, 4), (32, 4)))
ODDITIES = ("x (deleted)", "n" * 255, "a\nb", os.fsdecode(b"\xff"))
CGROUP = pathlib.Path("/sys/fs/cgroup/tl-other")
STORE, AGAIN = pathlib.Path("/var/lib/treeline"), pathlib.Path("/mnt/tl-again")
BPFFS = pathlib.Path("/sys/fs/bpf")
# What no refused act may change: in the scene; in the root that the victims have; and here, where they have no other.
STILL = ("", "secret", "page.html", "log", "new", "bin", "bin/child", "ok", "ok/place", "ok/listed", "ok/to-secret", "private", "private/secret", "only", "scripts")
ELSEWHERE = ("etc/ld.so.preload", "etc/shadow", "usr/bin/yes", "run/tl-victim", "var/lib/tl-victim")
STILL_HERE = (pathlib.Path("/dev/shm/tl-tiny"), BPFFS / "tl-victim", BPFFS / "tl-victim-link", STORE / "probe", AGAIN / "probe", pathlib.Path("/srv/tl-trust/keys"),
              *(pathlib.Path(top) / "victim" for top in (BPFFS / "treeline", STORE / "policies", "/run/treeline", "/run/treeline/containers")))
CODE = bytes([0xb8, 42, 0, 0, 0, 0xc3])  # mov eax,42; ret


class Scene:
    def __init__(self, base, programs, root="/", owner=0):
        """root: below it the victims see the scene, where that is not here. owner: of what they may change, if no policy is in the way."""
        self.base, self.root, self.owner = pathlib.Path(base), pathlib.Path(root), owner
        self.inside = "/" / self.base.relative_to(self.root)
        self._programs = programs
        self._sockets = []
        self._seen = {}  # path -> its stamp and what it said
        self._sleeper = self._child = None
        shutil.rmtree(self.base, ignore_errors=True)
        for name in ("bin", "lib", "ok/place", "out", "drop", "only", "private", "scripts", "cgroup1"):
            (self.base / name).mkdir(parents=True)
        for name, program in (("victim", "victim"), ("child", "victim"), ("door", "victim"), ("tracer", "victim"),
                              ("talker", "victim"), ("host", "victim_host"), ("first", "victim_first"), *((name, "victim") for name in COPIES)):
            shutil.copy(pathlib.Path(programs) / program, self.base / "bin" / name)
        os.chown(self.base / "bin/setgroup", 0, 42)
        (self.base / "bin/setgroup").chmod(0o2755)
        (self.base / "bin/setuser").chmod(0o4755)
        os.setxattr(self.base / "bin/capable", "security.capability", CAPABILITY)
        (self.base / "bin/torn").write_bytes(TORN)
        (self.base / "bin/torn").chmod(0o755)
        self._scripts()
        self._write("bin/broken", "this is no program\n", 0o755)
        self._write("bin/script", f"#!{self.inside}/bin/no-interpreter\n", 0o755)
        shutil.copy(pathlib.Path(programs) / "victim_preload.so", self.base / "ok/evil.so")
        (self.base / "ok/to-secret").symlink_to("../secret")
        (self.base / "ok/to-socket").symlink_to("../socket")
        (self.base / "ok/sh").symlink_to("/bin/sh")
        for name in ("ok/file", "only/child", "only/broken", "only/torn", "only/script", "private/secret",
                     *(f"{top}/{odd}" for top in ("ok", "private") for odd in ODDITIES)):
            self._write(name, "contents\n")
        for top in ("ok", "private"):
            for depth in (20, 64, DEEP):
                directory = self.base / top / "/".join(["d"] * depth)
                directory.mkdir(parents=True, exist_ok=True)
                (directory / "file").write_text("deep\n")
            _make_long(self.root, self.inside / top)
            for name in ODD.values():
                self._write(os.fsdecode(top.encode() + b"/" + name), "odd\n")
        CGROUP.mkdir(exist_ok=True)
        _mount("cgroup", self.base / "cgroup1", "none,name=treeline-victims")
        if not pathlib.Path("/proc/sys/fs/binfmt_misc/register").exists():
            subprocess.run(["modprobe", "binfmt_misc"], check=False)
            _mount("binfmt_misc", "/proc/sys/fs/binfmt_misc")
        if STORE.is_dir() and self.root == pathlib.Path("/"):  # treelined's, once more
            (STORE / "probe").write_text("there\n")
            AGAIN.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "--bind", STORE, AGAIN], check=True)
        self._listen()
        self._sleeper = subprocess.Popen(["sleep", "100000"], stdin=subprocess.DEVNULL, user=owner, group=owner, extra_groups=[])
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._give)]
        for friend, stranger in FRIENDS.items():
            self._threads += [threading.Thread(target=work, args=words) for work, *words in (
                (self._echo, friend, stranger), (self._call, friend, "served", stranger), (self._call, friend, "invited", friend),
                (self._call, friend, "shared", friend), (self._send, friend, "sent", stranger), (self._send, friend, "welcome", friend))]
        for thread in self._threads:
            thread.start()
        self.reset()
        self._give_away()

    def values(self):
        return {"base": str(self.inside), "programs": str(pathlib.Path(self._programs).resolve()), "pid": str(self._sleeper.pid), **{name: str(port) for name, port in PORTS.items()},
                **{f"{top}-{size}": border_path(self.inside / top, size) for top in ("ok", "private") for size in BORDER}}

    def reset(self):
        """What a victim can have changed is as at first."""
        for name in ("secret", "page.html"):
            _remove(self.base / name)
            self._write(name, f"{name}\n")
        os.setxattr(self.base / "page.html", "trusted.there", b"1")
        self._write("ok/listed", "listed\n")
        os.setxattr(self.base / "ok/listed", "system.posix_acl_access", ACCESS_LIST)
        _remove(self.base / "log")
        self._write("log", "l" * 4096)
        _remove(self.base / "new")
        for entry in (self.base / "out").iterdir():
            if (entry / "secret").exists():  # the directory of secrets, moved or exchanged
                if (self.base / "private").exists():
                    (self.base / "private").rmdir()
                entry.rename(self.base / "private")
            else:
                _remove(entry)
        for entry in (self.base / "drop").iterdir():
            _remove(entry)
        (self.base / "ok/place").mkdir(exist_ok=True)
        for name in ("code", "tool"):
            _remove(self.base / "lib" / name)
            (self.base / "lib" / name).write_bytes(CODE)
            (self.base / "lib" / name).chmod(0o755)
            os.link(self.base / "lib" / name, self.base / "out" / f"{name}-twin")
        child = self.base / "bin/child"
        if _stamp(child) != self._child:
            _remove(child)
            shutil.copy(self.base / "bin/victim", child)
        _remove(pathlib.Path("/dev/shm/tl-tiny"))
        for each in self._letters:  # else the queue is full one day
            while _receive(each):
                pass
        os.chown(self.base / "ok/to-secret", self.owner, self.owner, follow_symlinks=False)
        for name in self._made_anew() if self.owner else ():
            os.chown(self.base / name, self.owner, self.owner)
        self._child = _stamp(child)
        (BPFFS / "tl-victim").mkdir(exist_ok=True)
        _remove(BPFFS / "tl-victim-link")
        (BPFFS / "tl-victim-link").symlink_to("x")
        for name in ("etc/ld.so.preload", "run/tl-victim", "var/lib/tl-victim"):
            _remove(self.root / name)
        if pathlib.Path("/sys/module/tcp_hybla").exists():
            subprocess.run(["modprobe", "-r", "tcp_hybla"], check=False)

    def _made_anew(self):
        return ["ok/place", "bin/child", *(f"{directory}/{name}" for directory in ("lib", "out") for name in os.listdir(self.base / directory))]

    def _give_away(self):
        """All is the owner's but what has another owner's rights, and the control groups."""
        for directory, names, files in os.walk(self.base) if self.owner else ():
            for name in (".", *names, *files):
                if name not in ("setuser", "setgroup", "capable", "cgroup1"):
                    os.chown(f"{directory}/{name}", self.owner, self.owner, follow_symlinks=False)
            names[:] = [name for name in names if name != "cgroup1" and len(name) < len(LONG)]

    def state(self):
        """What must not change under a policy, comparable, by its name: contents, modes, owners, attributes, names. Each file of out/, drop/ and lib/ has a name of
        its own; what a row leaves there before it is refused, it says (table.toml: leaves)."""
        names = [*STILL, *(f"{directory}/{name}" for directory in ("out", "drop", "lib") for name in os.listdir(self.base / directory))]
        found = {name or ".": self._at(self.base / name) for name in names}
        found.update((str(path), self._at(path)) for path in (*(self.root / name for name in ELSEWHERE), *(STILL_HERE if self.root == pathlib.Path("/") else ())))
        found["letters"] = any(select.select(self._letters, [], [], 0)[0])
        found["a module"] = pathlib.Path("/sys/module/tcp_hybla").exists()
        return found

    def _at(self, path):
        try:
            status = path.lstat()
        except FileNotFoundError:
            return None
        kind = stat.S_IFMT(status.st_mode)
        what = {stat.S_IFDIR: os.listdir, stat.S_IFREG: self._contents, stat.S_IFLNK: os.readlink}.get(kind, lambda _: status.st_rdev)(path)
        attributes = {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)}
        return status.st_mode, status.st_uid, status.st_gid, sorted(what) if kind == stat.S_IFDIR else what, attributes

    def _contents(self, path):
        """Read again where the file system says that it was touched: one of them is a program of megabytes."""
        stamp = _stamp(path)
        if self._seen.get(path, (None,))[0] != stamp:
            self._seen[path] = (stamp, path.read_bytes())
        return self._seen[path][1]

    def close(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()
        if self._sleeper:
            self._sleeper.kill()
            self._sleeper.wait()
        subprocess.run(["umount", self.base / "cgroup1"], check=False)
        if AGAIN.is_mount():
            subprocess.run(["umount", AGAIN], check=True)
        (BPFFS / "tl-victim").rmdir()
        _remove(BPFFS / "tl-victim-link")
        if not (CGROUP / "cgroup.procs").read_text():
            CGROUP.rmdir()
        shutil.rmtree(self.base, ignore_errors=True)

    def drain(self):
        """Accepts what connects to the open port, for a victim that does it often: else the queue is full one day."""
        self._sockets[0].settimeout(0.2)
        self._threads.append(threading.Thread(target=self._drain))
        self._threads[-1].start()

    def _send(self, host, port, whence):
        with socket.socket(_family(host), socket.SOCK_DGRAM) as sender:
            sender.bind((whence, 0))
            while not self._ended.wait(0.05):
                try:
                    sender.sendto(b"x", (host, PORTS[port]))
                except OSError:
                    pass  # nobody is there

    def _echo(self, host, other):
        with socket.socket(_family(host), socket.SOCK_DGRAM) as echo, socket.socket(_family(host), socket.SOCK_DGRAM) as stranger:
            echo.bind((host, PORTS["echo"]))
            stranger.bind((other, 0))
            echo.settimeout(0.2)
            while not self._ended.is_set():
                try:
                    message, whence = echo.recvfrom(100)
                    if message.startswith(b"to "):
                        stranger.sendto(message, (host, int(message[3:])))
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
            with there:
                there.settimeout(1)
                try:
                    name, flags = GIFTS[there.recv(20).decode()]
                    gift = os.open(self.base / name, flags)
                    socket.send_fds(there, [b"x"], [gift])
                    os.close(gift)
                except OSError:
                    pass  # whoever asked is gone

    def _call(self, host, port, whence):
        while not self._ended.wait(0.05):
            with socket.socket(_family(host)) as caller:
                caller.settimeout(0.5)  # a request that is dropped gets no answer
                try:
                    caller.bind((whence, 0))
                    caller.connect((host, PORTS[port]))
                except OSError:
                    pass

    def _write(self, name, text, mode=0o644):
        path = self.base / name
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, self.owner, self.owner)

    def _scripts(self):
        shutil.copy("/usr/bin/dash", self.base / "scripts/sh")
        shell = self.inside / "scripts/sh"
        (self.base / "scripts/cat").symlink_to("/usr/bin/busybox")
        interpreters = {"tool": shell, "other": shell, "inner": shell, "foreign": "/usr/bin/busybox sh", "loader": f"/lib64/ld-linux-x86-64.so.2 {shell}",
                        **dict.fromkeys(("chain", "chain-end", "chain-middle"), self.inside / "scripts/inner")}
        for name, interpreter in interpreters.items():
            self._write(f"scripts/{name}", f"#!{interpreter}\nexit 7\n", 0o755)
        self._write("scripts/plain", "exit 7\n")

    def _listen(self):
        for address in ("fd00::2", "::127.0.0.2"):
            subprocess.run(["/usr/sbin/ip", "-6", "address", "replace", f"{address}/128", "dev", "lo", "nodad"], check=True)
        for host, port in (("127.0.0.1", "open"), ("127.0.0.2", "open"), ("127.0.0.1", "elsewhere"), ("127.0.0.1", "shared"), ("::1", "open"),
                           ("::1", "elsewhere"), ("fd00::2", "open"), ("::127.0.0.2", "open")):
            listener = socket.socket(_family(host))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT if port == "shared" else socket.SO_REUSEADDR, 1)
            listener.bind((host, PORTS[port]))
            self._sockets.append(listener)
        for host, port in (("127.0.0.1", "open"), ("127.0.0.2", "open"), ("127.0.0.1", "elsewhere")):
            try:
                listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
            except OSError as error:
                print(f"NOTE the scene has no SCTP: {error}", flush=True)
                break
            listener.bind((host, PORTS[port]))
            self._sockets.append(listener)
        for name, kind in ((f"{self.base}/socket", socket.SOCK_STREAM), ("\0tl-victim", socket.SOCK_STREAM), (f"{self.base}/packets", socket.SOCK_SEQPACKET)):
            listener = socket.socket(socket.AF_UNIX, kind)
            listener.bind(name)
            self._sockets.append(listener)
        self._giver = socket.socket(socket.AF_UNIX)
        self._giver.bind(str(self.base / "giver"))
        self._giver.settimeout(0.2)
        self._sockets.append(self._giver)
        for listener in self._sockets:
            listener.listen(1000)  # nobody accepts: a connection is made when the kernel has made it
        self._letters = []
        for name in (f"{self.base}/letters", "\0tl-letters", f"{self.base}/mailbox"):
            self._letters.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            self._letters[-1].bind(name)
            self._letters[-1].setblocking(False)
        self._sockets += self._letters


def _receive(letters):
    try:
        return letters.recv(100)
    except BlockingIOError:
        return b""


def _family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _mount(kind, where, options=""):
    done = subprocess.run(["mount", "-t", kind, *(["-o", options] if options else []), "none", where], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if done.returncode:
        print(f"NOTE the scene has no {kind}: {done.stdout.decode(errors='replace').strip()}", flush=True)


def _stamp(path):
    """Changes whenever the file or what it says does."""
    status = path.lstat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def border_path(top, size):
    """The file below `top` whose path has so many bytes; its name and those of its directories have up to 255."""
    path = str(top)
    while size - len(path) > 2 * (len(LONG) + 1):
        path += f"/{LONG}"
    half = (size - len(path)) // 2  # of the rest, with its slash
    return path + "/" + "m" * (half - 1) + "/" + "f" * (size - len(path) - half - 1)


def _make_long(root, top):
    """Step by step: no system call takes the whole name. 20 times 255 bytes and a file, and the files at the border."""
    _make_stepwise(root, f"{top}/" + f"{LONG}/" * 20 + "file")
    for size in BORDER:
        _make_stepwise(root, border_path(top, size))


def _make_stepwise(root, path):
    *directories, name = path[1:].split("/")
    at = os.open(root, os.O_PATH)
    for each in directories:
        try:
            os.mkdir(each, 0o755, dir_fd=at)
        except FileExistsError:
            pass
        below = os.open(each, os.O_PATH | os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = below
    with open(os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=at), "w", encoding="ascii") as f:
        f.write("long\n")
    os.close(at)
