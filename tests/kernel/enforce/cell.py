# SPDX-License-Identifier: Apache-2.0
"""A workload's container with an intruder in it, and with every other door open.

Each container of the test is made like this, from learning on: the implant is loaded into every program (/etc/ld.so.preload), and the
file modes and the capabilities let the servers do all that the attacks do. So an attack has its effect without a policy, and under one
nothing but the policy is in its way.

    with cell(load("nginx"), programs, runtime, policy="nginx") as container: ...
    process = find(container, "worker")         # an Implant
"""
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/workloads/lib"))
import container as containers  # noqa: E402
import oci  # noqa: E402
from implant import Implant, NoImplant  # noqa: E402

LIBRARY = "usr/lib/libtreeline-implant.so"
SHADOW, BINARY = "/etc/shadow", "/usr/bin/yes"
BORROW = "/opt/borrow"
# page: what the server may read and must not write. written: where it may write; each name is as one born at run time.
# who: the process that attacks; killed: the one that attacks where the act kills it. settles: seconds after it answers until when the
# server does things that it did not do before (nginx's cache loader lists the cache after a minute). more_starts: {seed: requests} to be
# learned beside the two, where a name is born once a start, and enough are needed to see its form (Python's tempfile tries its directory; one
# such name in sixteen happens to be a word).
PLACES = {
    "nginx": {"page": "/srv/www/index.html", "written": "/srv/upload/5f0c1c7e-9b1d-4f7a-8a53-0d6f3f2b1c9e", "who": "worker", "killed": "worker",
              "settles": 66},
    "redis": {"page": "/etc/redis/redis.conf", "written": "/var/lib/redis/temp-31337.rdb", "who": "first", "killed": "first"},
    "postgres": {"page": "/etc/postgresql/pg_hba.conf", "written": "/var/lib/postgresql/data/pg_wal/00000009000000FF000000FF",
                 "who": "checkpointer", "killed": "first"},
    "app": {"page": "/app/app.py", "written": "/app/data/uploads/tmpk3v9x_2m", "who": "worker", "killed": "worker",
            "more_starts": {"8": 40, "9": 40, "10": 40}},
}


def cell(workload, programs, runtime, policy=None, entrypoint=None, args=None):
    """policy: the annotation; None: no Treeline at all. entrypoint: another text for the workload's entrypoint."""
    command = [str(programs / "treeline-oci"), "--runtime", runtime] if policy else [runtime]
    annotations = {"treeline.policy": policy} if policy else {}
    options = oci.Options(annotations=annotations, args=args, capabilities=("CAP_SYS_ADMIN",),
                          prepare=lambda bundle: _prepare(bundle.rootfs, workload, programs, entrypoint))
    cell.made += 1
    return containers.Container(workload, command, options, identity=f"treeline-{workload.name}-{os.getpid()}-{cell.made}")


cell.made = 0


def _prepare(rootfs, workload, programs, entrypoint):
    shutil.copy(programs / "victim_implant.so", rootfs / LIBRARY)
    shutil.copy(programs / "victim_first", rootfs / "first")
    (rootfs / "etc/ld.so.preload").write_text(f"/{LIBRARY}\n")
    for path in (SHADOW, BINARY, PLACES[workload.name]["page"]):
        (rootfs / path[1:]).chmod(0o777)
    borrow = rootfs / BORROW[1:]
    borrow.mkdir(parents=True)
    for name in ("broken", "secret"):
        (borrow / name).write_text("this is no program\n")
        (borrow / name).chmod(0o755)
    if entrypoint:
        path = rootfs / workload.container["args"][0][1:]
        path.write_text(entrypoint)
        path.chmod(0o755)


def members(container):
    """{pid: (parent's pid, words of the command line)} of the container's processes."""
    space = os.readlink(f"/proc/{container.pid}/ns/pid")
    found = {}
    for directory in pathlib.Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            if os.readlink(directory / "ns/pid") != space:
                continue
            line = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            parent = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if line:
            found[int(directory.name)] = (parent, line)
    return found


def find(container, who, seconds=60):
    """The implant of the process: `first`, `checkpointer`, or a `worker`, which is a child that serves."""
    end = time.monotonic() + seconds
    while True:
        for pid, (parent, line) in sorted(members(container).items()):
            wanted = {"first": pid == container.pid, "checkpointer": "checkpointer" in line,
                      "worker": parent == container.pid and "cache" not in line}[who]
            if not wanted:
                continue
            try:
                return Implant(pid)
            except NoImplant:
                pass
        if container.ended() is not None or time.monotonic() > end:
            raise NoImplant(f"no {who} with an implant in {members(container)}")
        time.sleep(0.1)


def inside(container, function):
    """Calls it with this thread in the container's network namespace: sockets that it makes stay there."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    home, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(container.network.path, os.O_RDONLY)
    try:
        if libc.setns(there, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        return function()
    finally:
        libc.setns(home, 0x40000000)
        os.close(home)
        os.close(there)


def joins(container, *words):
    """`exec` of a program in the running container: what it says."""
    done = subprocess.run([*container.runtime, "exec", container.identity, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, text=True, errors="replace", check=False)
    return done.stdout
