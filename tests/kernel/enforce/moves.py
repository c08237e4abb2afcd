# SPDX-License-Identifier: Apache-2.0
"""Verdicts while mounts and directories move: what the hooks remember of a path must not outlive it.

A victim (tests/victims/moved.cc) opens two files by a directory's descriptor, as fast as it can. Meanwhile they move between two places,
and at each place another one of the two is allowed. Every answer that no move came between is compared: none may be of the other place.
"""

import ctypes
import mmap
import os
import pathlib
import struct
import subprocess
import threading
import time

import expect
import profile

PROFILE = """\
treeline: 1
name: moves
entry:
  - exec: {base}/bin/victim
    users: [0]
    files:
      {base}/moves/count: read
      {base}/moves/a/m/x: read
      {base}/moves/b/m/y: read
      "{pipe}": read write
"""
MS_BIND, MS_MOVE, MS_PRIVATE, MNT_DETACH = 4096, 8192, 1 << 18, 2
AT_FDCWD, RENAME_EXCHANGE = -100, 2
SECONDS = 45  # the victim's own eight, and its start on a busy machine
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def _mount(source, target, flags, kind=None):
    _checked(_libc.mount(os.fsencode(source), os.fsencode(target), kind, ctypes.c_ulong(flags), None), f"mount {source} {target}")


def _exchange(one, other):
    _checked(_libc.syscall(316, AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE), f"exchange {one} {other}")


class _Place:
    """BASE/moves/{a,b}/m: one of them has the files x and y. `move` changes which."""

    def __init__(self, base):
        self.top = pathlib.Path(base) / "moves"
        for name in ("a/m", "b/m", "source"):
            (self.top / name).mkdir(parents=True)
        (self.top / "count").write_bytes(bytes(4096))
        for name in ("x", "y"):
            (self.top / "source" / name).write_text("contents\n")
        # Mounts move only where what is above them does not pass changes on to other namespaces.
        _mount(self.top, self.top, MS_BIND)
        _mount("none", self.top, MS_PRIVATE)
        self.at = 0
        self.settle()

    def places(self):
        return (self.top / "a", self.top / "b")

    def close(self):
        _libc.umount2(os.fsencode(self.top / "ab"[self.at] / "m"), MNT_DETACH)
        _checked(_libc.umount2(os.fsencode(self.top), MNT_DETACH), "umount")
        subprocess.run(["rm", "-rf", self.top], check=True)


class MovedMount(_Place):
    name = "a-mount-that-is-moved"

    def settle(self):
        _mount(self.top / "source", self.top / "a/m", MS_BIND)
        _mount("none", self.top / "a/m", MS_PRIVATE)

    def move(self):
        here, there = self.places()[self.at], self.places()[1 - self.at]
        _mount(here / "m", there / "m", MS_MOVE)
        self.at = 1 - self.at


class RenamedParent(MovedMount):
    """The mount stays where it is, a directory above it gets the other's name."""
    name = "a-directory-above-a-mount"

    def move(self):
        _exchange(*self.places())
        self.at = 1 - self.at


class RenamedDirectory(_Place):
    name = "a-directory-on-the-root-mount"

    def settle(self):
        for each in (self.top / "source").iterdir():
            each.rename(self.top / "a/m" / each.name)

    def move(self):
        _exchange(*self.places())
        self.at = 1 - self.at


def _keep_moving(place, ended, failures):
    try:
        with open(place.top / "count", "r+b") as f, mmap.mmap(f.fileno(), 4096) as page:
            count = 0
            while not ended.is_set():
                page[:4] = struct.pack("=I", count + 1)
                place.move()
                count += 2
                page[:4] = struct.pack("=I", count)
                time.sleep(0.0005 if count % 64 else 0.05)
    except OSError as error:
        failures.append(str(error))


def test(daemon, base, programs, say):
    """True where all held."""
    good = True
    base = pathlib.Path(base)
    (base / "bin").mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", pathlib.Path(programs) / "victim", base / "bin/victim"], check=True)
    bundle = daemon.compile("moves", profile.fill(PROFILE, {"base": str(base)}))
    for kind in (MovedMount, RenamedParent, RenamedDirectory):
        place, ended, failures = kind(base), threading.Event(), []
        mover = threading.Thread(target=_keep_moving, args=(place, ended, failures))
        mover.start()
        try:
            _, out, err, _ = daemon.run(bundle, [str(base / "bin/victim"), str(base), "follow"], timeout=SECONDS)
        finally:
            ended.set()
            mover.join()
            place.close()
        happened, detail = expect.effect(out)
        held = happened is False and not failures
        good = good and held
        why = "; ".join([detail or err.strip(), *failures])
        say(f"NOTE moves/{kind.name}: {why}" if held else f"FAIL moves/{kind.name}: {why}")
        if held:
            say(f"PASS moves/{kind.name}")
    return good

