# SPDX-License-Identifier: Apache-2.0
"""The container that `--keep` leaves: who tries an act and who keeps the container meet in a directory of root's.

    kept.create(); ...; kept.is_ready(0)     # the keeper, here or in the micro VM (the directory is the same there)
    kept.serve(answer, seconds)              # answer(act, colour) -> text, until somebody says END
    kept.ask("read /etc/shadow")             # the other side: the text; Gone if nobody keeps anything

One question is a file `N.ask`, its answer `N.answer`; both are written whole, by a rename.
"""
import fcntl
import json
import os
import pathlib
import shutil
import time

DIRECTORY = pathlib.Path("/run/treeline-quickstart.kept")
END = "end"
PAUSE = 0.2  # seconds between looks: no notification leads from the host's file system into a VM


class Gone(Exception):
    """Nothing is kept, or its keeper has ended."""


# Who keeps

def create():
    """What a dead keeper left is cleared away; while one lives (alive()), this is not to be called."""
    clear()
    DIRECTORY.mkdir(mode=0o700)
    (DIRECTORY / "lock").touch()


def clear():
    shutil.rmtree(DIRECTORY, ignore_errors=True)


def kept_by(pid):
    _put("keeper", {"pid": pid, "started": _started(pid)})


def is_ready(status):
    """`status`: how the demonstration before it went, 0 or 1."""
    _put("ready", {"status": status})


def serve(answer, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for asked in sorted(DIRECTORY.glob("*.ask")):
            question = json.loads(asked.read_text())
            asked.unlink()
            ends = question["act"] == END
            _put(f"{asked.stem}.answer", {"text": "" if ends else answer(question["act"], question["colour"])})
            if ends:
                return
        time.sleep(PAUSE)


# Who asks

def ready():
    """The demonstration's status, None as long as it goes on."""
    try:
        return json.loads((DIRECTORY / "ready").read_text())["status"]
    except FileNotFoundError:
        return None


def alive():
    try:
        keeper = json.loads((DIRECTORY / "keeper").read_text())
    except FileNotFoundError:
        return False
    return keeper["started"] is not None and _started(keeper["pid"]) == keeper["started"]


def ask(act, colour=False):
    """The answer. Blocks for as long as the act does; raises Gone."""
    try:
        lock = open(DIRECTORY / "lock", "r+")
    except FileNotFoundError:
        raise Gone from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        number = int(lock.read() or 0)
        lock.seek(0)
        lock.write(str(number + 1))
        lock.flush()
        _put(f"{number}.ask", {"act": act, "colour": colour})
        answer = DIRECTORY / f"{number}.answer"
        while not answer.exists():
            if not alive():
                raise Gone
            time.sleep(PAUSE)
        text = json.loads(answer.read_text())["text"]
        answer.unlink()
        return text


def end(seconds=120):
    """Has the keeper take everything down, and waits for that. Raises Gone, or TimeoutError."""
    ask(END)
    until = time.monotonic() + seconds
    while alive():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(PAUSE)
    clear()


def _put(name, what):
    scratch = DIRECTORY / f"{name}.part"
    scratch.write_text(json.dumps(what))
    scratch.rename(DIRECTORY / name)


def _started(pid):
    """When the process was started, in the kernel's ticks (proc(5), stat 22): a pid alone may be somebody else's by now. None if it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]
