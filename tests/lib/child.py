# SPDX-License-Identifier: Apache-2.0
"""Runs a command, hands out its lines as they come, ends it and all it started when its time is up."""

import os
import select
import signal
import subprocess
import threading
import time

QUIET = 20.0  # seconds after which `idle` is called again and again
_stopped = threading.Event()


def stop_all():
    """For a thread other than those that run commands: each ends its command, as if its time were up."""
    _stopped.set()


def stopped():
    return _stopped.is_set()


def run(argv, *, cwd, timeout, on_line, on_idle, env=None):
    """Returns the exit status, or None where the time was up. stderr comes with stdout; stdin is empty."""
    process = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    end = time.monotonic() + timeout
    try:
        if not _pump(process.stdout.fileno(), end, on_line, on_idle):
            return None
        while process.poll() is None:  # it closed its output before it ended
            if time.monotonic() > end:
                return None
            time.sleep(0.05)
        return process.returncode
    finally:
        _end(process)


def _pump(fd, end, on_line, on_idle):
    rest = b""
    spoke = time.monotonic()
    while True:
        now = time.monotonic()
        if now > end or _stopped.is_set():
            return False
        ready, _, _ = select.select([fd], [], [], min(1.0, end - now))
        if ready:
            chunk = os.read(fd, 65536)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                on_line(line.decode("utf-8", "replace").rstrip("\r"))
        if time.monotonic() - spoke > QUIET:
            spoke = time.monotonic()
            on_idle()
    if rest:
        on_line(rest.decode("utf-8", "replace"))
    return True


def _end(process):
    """TERM first, for what cleans up behind itself (the VM), then KILL to the whole session's group."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            pass
    _signal(process, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def _signal(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
