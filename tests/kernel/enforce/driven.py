# SPDX-License-Identifier: Apache-2.0
"""Victims one after another below one process (tests/victims/drive.cc), and what came of each: its end, its words, its events.

Each victim is a node below the driver, where a policy binds that. A start of `treeline run` or of a container for each row costs more than the row.

    with Tree(treeline, base, bundle, "enforce") as tree:       # contained.py has the same in containers
        status, out, err, events, miscounted = tree.run(["/tmp/tl/bin/victim", "/tmp/tl", "shell"])
"""

import collections
import ctypes
import json
import os
import pathlib
import re
import select
import shutil
import signal
import struct
import subprocess
import time

from crowd import Daemon
from treeline import Broken

OTHER = pathlib.Path("/sys/fs/cgroup/tl-other")  # where a victim may have moved a child, see scene.py
# By their numbers.
HOOKS = re.findall(r'"(\w+)"', re.search(r"kHooks\[\] = \{(.*?)\};", (pathlib.Path(__file__).resolve().parents[3] / "enforcer/events/words.cc").read_text(), re.S)[1])
UNCONFINED = pathlib.Path("/sys/fs/cgroup/tl-unconfined")
_libc = ctypes.CDLL(None, use_errno=True)


def stripped(programs, into):
    """The victims without what only a debugger reads: a dozen copies of each are made, in memory."""
    into = pathlib.Path(into)
    into.mkdir(parents=True, exist_ok=True)
    for name in ("victim", "victim_host", "victim_first", "victim_preload.so"):
        subprocess.run(["strip", "-o", into / name, pathlib.Path(programs) / name], check=True)
    return into


def add_driver(base):
    shutil.copy(base / "bin/victim", base / "bin/driver")
    (base / "marker").write_text("for nobody\n")


class Events:
    """What treelined says from now on, a line at a time."""

    def __init__(self):
        self._socket = Daemon().socket
        self._socket.sendall(b'{"id":1,"do":"events","follow":true,"backlog":0}\n')
        self._read = b""
        self.till(lambda answer: "ok" in answer)

    def till(self, last, seconds=20):
        """Those up to the one of which this is true; None beside them where it did not come."""
        found, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            while b"\n" in self._read:
                line, _, self._read = self._read.partition(b"\n")
                event = json.loads(line)
                if last(event):
                    return found, event
                found.append(event)
            if select.select([self._socket], [], [], 0.5)[0]:
                chunk = self._socket.recv(1 << 16)
                if not chunk:
                    raise Broken("treelined ended")
                self._read += chunk
        return found, None

    def close(self):
        self._socket.close()


class Map:
    """One of the hooks' maps of what they refused (bpf/lsm/abi.h)."""
    VALUE = 48  # struct tl_denial: how often it was stopped, how often it would have been, ...

    def __init__(self, name, key):
        """key: its fields, as for struct."""
        path = next(pathlib.Path("/sys/fs/bpf/treeline").rglob(name), None)
        if not path:
            raise Broken(f"the map {name} is not pinned")
        self._key = struct.Struct(key)
        self._name = ctypes.create_string_buffer(os.fsencode(path))
        self._map = self._bpf(7, ctypes.c_uint64(ctypes.addressof(self._name)), ctypes.c_uint64(0))

    def read(self, remove=False):
        """{key: (stopped, would)}"""
        key, value = ctypes.create_string_buffer(self._key.size), ctypes.create_string_buffer(self.VALUE)
        at, into, which = ctypes.c_uint64(ctypes.addressof(key)), ctypes.c_uint64(ctypes.addressof(value)), ctypes.c_uint64(self._map)
        found, last = {}, ctypes.c_uint64(0)
        while self._bpf(4, which, last, at, may_fail=True) == 0:
            if self._bpf(1, which, at, into, may_fail=True) == 0:
                found[self._key.unpack(key.raw)] = struct.unpack_from("QQ", value)
            if remove:
                self._bpf(3, which, at, may_fail=True)
            else:
                last = at
        return found

    def close(self):
        os.close(self._map)

    @staticmethod
    def _bpf(command, *words, may_fail=False):
        attributes = b"".join(bytes(word) for word in words).ljust(128, b"\0")
        done = _libc.syscall(321, command, attributes, 128)
        if done < 0 and not may_fail:
            raise Broken(f"bpf({command}): {os.strerror(ctypes.get_errno())}")
        return done


OUTSIDE = 12  # TL_REASON_OUTSIDE (bpf/lsm/abi.h)


class Counts:
    """What the hooks counted, held against what events said: nothing is counted that no event told, nothing told that was not counted.

    Of each behaviour (`denials`: node, object, hook, reason, access) an event tells the first refusal and each whose number is a power of two (bpf/lsm/tell.h).
    That map is emptied before each row, or a second row of the same behaviour had no event. What rose meanwhile of each kind (`counts`: the same without object
    and access) is to be the sum over all rows, and treelined is to answer what the hooks counted.
    """

    def __init__(self):
        self._behaviours, self._kinds, self._daemon = Map("denials", "<QQIBBH"), Map("counts", "<QIBBH"), Daemon()
        self._rows = collections.Counter()  # (slot, node, hook, reason, stopped?) -> how often, as the behaviours say
        self._paths = {}  # of nodes, by their keys
        self.empty()
        self._kinds_before = self._kinds_now()

    def empty(self):
        self._behaviours.read(remove=True)

    def row_wrong(self, events):
        """Why what was counted since the map was emptied is not what these events, all that there were, have told."""
        told, due = collections.Counter(), collections.Counter()
        for event in events:
            if event.get("type") == "denial":
                node = int(event["node"]["key"], 16)
                self._paths[node] = event["node"].get("path", "")
                told[node, event["hook"], event["stopped"], event.get("count", 0)] += 1
        for (node, _, slot, hook, reason, _), counts in self._behaviours.read().items():
            for stopped, count in zip((True, False), counts):
                self._rows[slot, node, hook, reason, stopped] += count
                due.update((node, HOOKS[hook], stopped, 1 << n) for n in range(count.bit_length()))
        return [f"{what} {hook}, of {self._paths.get(node, hex(node))}, {'stopped' if stopped else 'in monitor'}, number {count}"
                for what, which in (("counted and not told:", due - told), ("told and not counted:", told - due)) for node, hook, stopped, count in which]

    def all_wrong(self):
        """Why what rose since the beginning is not what the rows' behaviours come to. What has left the tree is in monitor only counted, by hook."""
        kinds, said = self._at_once()
        wrong = _differ("the hooks' counts by kind", +self._rows, kinds - self._kinds_before)
        by_path = collections.Counter()
        for (_, node, hook, _, stopped), count in kinds.items():
            if node in self._paths:
                by_path[self._paths[node], HOOKS[hook], stopped] += count
        known = set(self._paths.values())
        return wrong + _differ("treelined's answer to denials", +by_path, +collections.Counter({key: count for key, count in said.items() if key[0] in known}))

    def close(self):
        for each in (self._behaviours, self._kinds, self._daemon.socket):
            each.close()

    def _kinds_now(self):
        return collections.Counter({(slot, node, hook, reason, stopped): count for (node, slot, hook, reason, _), counts in self._kinds.read().items()
                                    for stopped, count in zip((True, False), counts) if stopped or reason != OUTSIDE})

    def _at_once(self):
        """The hooks' counts and what treelined says of them. Of an earlier driver's policy both have what it counted, till treelined gives back the slot."""
        while True:
            kinds, said = self._kinds_now(), self._said_now()
            if kinds == self._kinds_now():
                return kinds, said

    def _said_now(self):
        said = collections.Counter()
        for each in self._daemon.ask(do="denials")["denials"]:
            said[each["node"], each["hook"], True] += each["stopped"]
            said[each["node"], each["hook"], False] += each["would"] if each["node"] != "outside" else 0
        return said


def _differ(what, rows, all_at_once):
    differences = {key: (rows[key], all_at_once[key]) for key in {*rows, *all_at_once} if rows[key] != all_at_once[key]}
    return [f"{what}, (due, found): {differences}"] if differences else []


class Ended(Exception):
    """The driver has ended."""


class Driver:
    def __init__(self, name, inside):
        """inside: what the scene is called where the driver runs."""
        self.name = name
        self._marker = f"{inside}/marker"
        self._events = self._counts = None
        self._tasks = []  # cgroup.procs of what may hold a victim's processes
        self._said = b""

    def _pipes(self):
        """stdin, stdout and stderr of the driver, which the caller closes here."""
        stdin, self._stdin = os.pipe()
        self._stdout, stdout = os.pipe()
        self._stderr, stderr = os.pipe()
        os.set_blocking(self._stderr, False)
        return stdin, stdout, stderr

    def _began(self, pid, told):
        """told: a policy refuses what is the marker, else nothing has events"""
        self._pid = pid
        cgroup = re.search(r"^0::(.*)$", pathlib.Path(f"/proc/{pid}/cgroup").read_text(), re.M).group(1)
        self._tasks = [pathlib.Path(f"/sys/fs/cgroup{cgroup}/cgroup.procs"), OTHER / "cgroup.procs"]
        if told:
            self._events, self._counts = Events(), Counts()

    def _close(self):
        for fd in (self._stdin, self._stdout, self._stderr):
            os.close(fd)
        for each in filter(None, (self._counts, self._events)):
            each.close()

    def run(self, command, timeout=60):
        """(exit status or None where it hung, stdout, stderr, events, why they are not what was counted)"""
        if self._counts:
            self._counts.empty()
        self._tell("\t".join(command))
        out, end = self._till(rb"^END (\d+)$", timeout)
        self._clear_away()
        if end is None:
            out = out + self._till(rb"^END (\d+)$", 20)[0]
        events, wrong = [], []
        self._tell("mark")
        more, marked = self._till(rb"^MARKED$", 20)
        if marked is None:
            raise Ended(f"{self.name}: no mark")
        if self._events:
            events, last = self._events.till(lambda event: event.get("object", {}).get("path") == self._marker)
            if last is None:
                raise Broken(f"{self.name}: the marker's event did not come; before: {events}")
            wrong = self._counts.row_wrong([*events, last])
        return end and int(end.group(1)), (out + more).decode("utf-8", "replace"), self._words(), events, wrong

    def counts_wrong(self):
        """Of all rows together; None where nothing is counted."""
        return self._counts and self._counts.all_wrong()

    def _clear_away(self):
        """What a row left running."""
        end = time.monotonic() + 20
        while True:
            left = {pid for path in self._tasks if path.exists() for pid in path.read_text().split()} - {str(self._pid)}
            if not left:
                return
            for pid in left:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if time.monotonic() > end:
                raise Broken(f"{self.name}: cannot be killed: {left}")
            time.sleep(0.002)

    def _tell(self, line):
        try:
            os.write(self._stdin, line.encode("utf-8", "surrogateescape") + b"\n")
        except BrokenPipeError:
            raise Ended(f"{self.name}: it has ended; {self._words()}") from None

    def _till(self, pattern, seconds):
        """(what was said before a line that meets it, the match); the match is None where the time is up."""
        end = time.monotonic() + seconds
        while True:
            for match in re.finditer(pattern, self._said, re.M):
                before, self._said = self._said[:match.start()], self._said[match.end():]
                return before, match
            if time.monotonic() > end:
                before, self._said = self._said, b""
                return before, None
            if select.select([self._stdout], [], [], 0.5)[0]:
                chunk = os.read(self._stdout, 1 << 16)
                if not chunk:
                    raise Ended(f"{self.name}: it has ended; it said {self._said!r}, {self._words()}")
                self._said += chunk

    def _words(self):
        said = b""
        try:
            while chunk := os.read(self._stderr, 1 << 16):
                said += chunk
        except BlockingIOError:
            pass
        return said.decode("utf-8", "replace").strip()


class Tree(Driver):
    """A plain process tree: by `treeline run`, or without a policy and in a control group of its own."""
    count = 0

    def __init__(self, treeline, base, bundle, mode, user=0):
        """mode: enforce, kill, monitor, learn, or None. user: whom the driver is to become."""
        Tree.count += 1
        super().__init__(f"tree {Tree.count} ({mode or 'unconfined'})", base)
        self._mode, self._process = mode, None
        options = {"enforce": ["--mode", "enforce"], "kill": ["--mode", "enforce", "--on-violation", "kill"], "monitor": ["--mode", "monitor"]}
        words = ["--learn", "-o", treeline.work / "trace.jsonl"] if mode == "learn" else ["--policy", bundle, *options.get(mode, ())]
        self._command = [*([treeline.programs / "treeline", "run", "--quiet", "--rest", "kill", *words, "--"] if mode else []), base / "bin/driver", base, "drive", str(user)]

    def __enter__(self):
        fds = self._pipes()
        if not self._mode:
            UNCONFINED.mkdir(exist_ok=True)
        try:
            self._process = subprocess.Popen(self._command, stdin=fds[0], stdout=fds[1], stderr=fds[2], start_new_session=True,
                                             preexec_fn=None if self._mode else lambda: (UNCONFINED / "cgroup.procs").write_text("0"))
        finally:
            for fd in fds:
                os.close(fd)
        try:
            self._tell("mark")
            if self._till(rb"^MARKED$", 60)[1] is None:
                raise Ended(f"{self.name}: no mark")
            pid = self._process.pid
            self._began(int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()) if self._mode else pid, self._mode not in (None, "learn"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._close()
        if not self._process:
            return
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise Broken(f"{self.name} did not end") from None
        if not self._mode:
            UNCONFINED.rmdir()
