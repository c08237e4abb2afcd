# SPDX-License-Identifier: Apache-2.0
"""Reaches the intruder in a running server (tests/victims/implant.h): asks it for an act, and learns what came of it.

    implant = Implant(pid)                       # NoImplant, where the process has none (yet)
    outcome = implant.commit(["read", "/etc/shadow"])
    outcome.effect, outcome.error, outcome.gone

Needs root: the mapping is opened by /proc/PID/map_files. The file that this gives outlives the process.
"""
import ctypes
import dataclasses
import mmap
import os
import pathlib
import signal
import time

MAGIC = b"treeline-implant"
SIGNAL = 50
SIZE = 128 * 1024
WORDS, BLOB = 2048, 96 * 1024
IDLE, ASKED, RUNNING, DONE = range(4)


class NoImplant(Exception):
    """The process has no implant."""


class Box(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_char * 16), ("state", ctypes.c_int32), ("effect", ctypes.c_int32), ("error", ctypes.c_int32),
                ("status", ctypes.c_int32), ("stop", ctypes.c_int32), ("blob_size", ctypes.c_uint32), ("attempts", ctypes.c_uint64),
                ("effects", ctypes.c_uint64), ("words", ctypes.c_char * WORDS), ("blob", ctypes.c_ubyte * BLOB)]


@dataclasses.dataclass
class Outcome:
    effect: bool      # the forbidden thing has happened
    error: int        # errno where it has not; negative: where its preparation failed
    status: int       # of the child it forked, as wait gives it; -1: none
    gone: bool        # the process that was asked is dead
    hung: bool = False

    @property
    def child_killed(self):
        return self.status != -1 and os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL

    def __str__(self):
        what = "effect" if self.effect else "no effect"
        return (what + (f", {os.strerror(abs(self.error))}" if self.error else "") + (", gone" if self.gone else "") +
                (f", child {self.status:#x}" if self.status != -1 else "") + (", hung" if self.hung else ""))


class Implant:
    def __init__(self, pid):
        self.pid = pid
        self._memory = mmap.mmap(_open_mapping(pid), SIZE)
        self.box = Box.from_buffer(self._memory)

    def ask(self, words, blob=b""):
        """Returns at once. What the act did to `attempts` and `effects` can be read from the box at any time."""
        packed = b"".join(word.encode() + b"\0" for word in words) + b"\0"
        if len(packed) > WORDS or len(blob) > BLOB:
            raise ValueError("too long for the box")
        box = self.box
        box.effect, box.error, box.status, box.stop, box.attempts, box.effects = 0, 0, -1, 0, 0, 0
        ctypes.memmove(ctypes.addressof(box) + Box.words.offset, packed, len(packed))
        ctypes.memmove(ctypes.addressof(box) + Box.blob.offset, blob, len(blob))
        box.blob_size = len(blob)
        box.state = ASKED
        os.kill(self.pid, SIGNAL)

    def commit(self, words, blob=b"", seconds=60):
        """One act, to its end: the process says that it is done, or is dead."""
        self.ask(words, blob)
        end = time.monotonic() + seconds
        gone = False
        while self.box.state != DONE and not gone and time.monotonic() < end:
            gone = dead(self.pid)
            time.sleep(0.01)
        box = self.box
        return Outcome(box.effect == 1, box.error, box.status, gone, not gone and box.state != DONE)


def dead(pid):
    """Gone, or a zombie that nobody has waited for yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return True


def _open_mapping(pid):
    try:
        lines = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
        for line in lines:
            span, rights = line.split()[:2]
            start, end = (int(word, 16) for word in span.split("-"))
            if rights == "rw-s" and end - start == SIZE and "/dev/zero" in line:
                fd = os.open(f"/proc/{pid}/map_files/{span}", os.O_RDWR)
                if os.pread(fd, 16, 0) == MAGIC:
                    return fd
                os.close(fd)
    except (FileNotFoundError, ProcessLookupError):
        pass
    raise NoImplant(f"process {pid} has no implant")
