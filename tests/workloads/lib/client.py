# SPDX-License-Identifier: Apache-2.0
"""Runs a workload's generator: in this process (the `traffic` command) or in a child inside a network namespace.

The child is forked, not started: loading Python anew costs seconds in an emulated machine.
"""
import ctypes
import importlib
import os
import pathlib
import signal
import sys
import time
import traceback

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1


def generator(name, address, source, seed="1"):
    return importlib.import_module(f"traffic_{name}").GENERATOR(address, source, seed)


def generate(made, requests, answers=None, seconds=60):
    """Waits for the server, uses it, prints the outcome. 0 all right · 1 a wrong answer · 2 nothing answers."""
    if not made.wait_ready(seconds):
        print(f"traffic: nothing answers at {made.address}:{made.port}", file=sys.stderr)
        return 2
    started = time.monotonic()
    right = made.run(requests)
    if answers:
        pathlib.Path(answers).write_text("".join(f"{line}\n" for line in made.transcript))
    for failure in made.failures:
        print(f"traffic: {failure}", file=sys.stderr)
    print(f"traffic: {made.name} seed {made.seed}: {made.answers} answers, {len(made.failures)} wrong, "
          f"{time.monotonic() - started:.1f} s", flush=True)
    return 0 if right else 1


def fork_inside(netns, function):
    """Calls function() in a child inside the namespace at path `netns` (None: ours); its result is the child's exit
    status. The pid of the child, which dies with us, is returned at once."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if netns:
            descriptor = os.open(netns, os.O_RDONLY)
            if libc.setns(descriptor, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter {netns}")
        status = int(function())
    except BaseException:  # nothing of the parent's cleaning up may run here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
