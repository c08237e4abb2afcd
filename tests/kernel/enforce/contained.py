# SPDX-License-Identifier: Apache-2.0
"""The victims in containers that a real runtime starts, bound by their annotation to loaded policies.

A container runs many rows: its first program is the driver (driven.py). It has its own root file system, mounts, pids, /dev and /proc, all
capabilities (or is user 1000, without any), the host's /sys, and the network namespace of the scene, whose peers are all there. {pid} is a process of the host that has a pid in the container.

    root = Root("overlay", user=0); with Container("runc", programs, root, "victims-enforce") as container:
        status, out, err, events, miscounted = container.run(["/srv/tl/bin/victim", "/srv/tl", "shell"])
"""

import ctypes
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from driven import Driver
from treeline import Broken

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/workloads/lib"))
import oci  # noqa: E402
from workload import Workload  # noqa: E402

INSIDE = "/srv/tl"
WORK = pathlib.Path("/tmp/tl-contained")
PROGRAMS = ("/usr/bin/dash", "/usr/bin/busybox", "/usr/bin/curl", "/usr/bin/true", "/usr/bin/env", "/usr/bin/yes")
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x20000000, 0x40000000
# The hosts' devices that a privileged container has: what is written there is not the container's.
DEVICES = {"mem": (1, 1), "port": (1, 4), "kmsg": (1, 11)}
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def own_network():
    """From now on this process and the threads that it starts are in a network namespace of their own, which containers can be given."""
    _checked(_libc.unshare(CLONE_NEWNET), "a network namespace")
    subprocess.run(["/usr/sbin/ip", "link", "set", "lo", "up"], check=True)


class Root:
    """A root file system on tmpfs, or an overlay over one: a shell and a few other programs, and the libraries of these."""

    def __init__(self, on, user):
        shutil.rmtree(WORK, ignore_errors=True)
        below = WORK / "lower" if on == "overlay" else WORK / "root"
        for name in ("usr/bin", "usr/lib", "usr/lib64", "etc", "proc", "sys", "dev", "tmp", "run", "srv/tl"):
            (below / name).mkdir(parents=True)
        for name in ("bin", "lib", "lib64"):
            (below / name).symlink_to(f"usr/{name}")
        for each in {*PROGRAMS, *_libraries(PROGRAMS), "/etc/ld.so.cache"}:
            name, real = (os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) for path in (each, os.path.realpath(each)))
            for path in (name, real):
                (below / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(real, below / real[1:])
            if name != real:
                (below / name[1:]).symlink_to(real)
        (below / "usr/bin/sh").symlink_to("dash")
        (below / "etc/shadow").write_text("root:*:1::::::\n")
        for name in ("etc", "etc/shadow", "usr/bin/yes"):
            os.chown(below / name, user, user)
        self.path = WORK / "root"
        if on == "overlay":
            for name in ("root", "upper", "work"):
                (WORK / name).mkdir()
            subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir={below},upperdir={WORK}/upper,workdir={WORK}/work", "none", self.path], check=True)
        self.on = on

    def close(self):
        if self.on == "overlay":
            subprocess.run(["umount", self.path], check=True)
        shutil.rmtree(WORK)


def _libraries(programs):
    """What ld.so maps for them."""
    found = set()
    for program in programs:
        out = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
        found |= set(re.findall(r"(/\S+) \(0x", out))
    return found


def config(bundle, user, annotations):
    """What an engine writes for a privileged container, and for one that is an ordinary user's."""
    workload = Workload("victims", {}, {"user": [user, user], "env": [], "cwd": "/"})
    made = oci.config(workload, bundle, oci.Options(annotations=annotations, args=[f"{INSIDE}/bin/driver", INSIDE, "drive"], netns=f"/proc/{os.getpid()}/ns/net"))
    every = ["CAP_" + name.upper() for name in _capabilities()]
    held = [] if user else every
    made["process"]["capabilities"] = {"bounding": every, "effective": held, "permitted": held}
    made["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 4096}]
    made["mounts"] = [mount for mount in made["mounts"] if mount["destination"] in ("/proc", "/dev", "/dev/pts", "/tmp", "/run")]
    made["mounts"] += [{"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "nodev", "mode=1777"]},
                       {"destination": "/sys", "type": "bind", "source": "/sys", "options": ["rbind", "rw"]},
                       {"destination": "/run/treeline", "type": "bind", "source": "/run/treeline", "options": ["rbind", "rw"]}]
    linux = made["linux"]
    linux["maskedPaths"] = linux["readonlyPaths"] = []
    linux["namespaces"] = [each for each in linux["namespaces"] if each["type"] in ("pid", "mount", "network", "ipc", "uts")]
    linux["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
    linux["devices"] = [{"path": f"/dev/{name}", "type": "c", "major": major, "minor": minor, "fileMode": 0o666, "uid": 0, "gid": 0}
                        for name, (major, minor) in DEVICES.items()]
    return made


def _capabilities():
    import profile  # pylint: disable=import-outside-toplevel
    return ["audit_read", "net_broadcast", "setpcap", "wake_alarm", *profile.CAPABILITIES.strip("[]").replace(",", " ").split()]


class Container(Driver):
    count = 0

    def __init__(self, runtime, programs, root, policy, user=0, told=True):
        """policy: None for one that only the runtime knows. told: it refuses, and says so; else all is learned."""
        Container.count += 1
        super().__init__(f"tl-victims-{Container.count}", INSIDE)
        self.policy, self.root, self.user, self._told = policy, root, user, told and policy is not None
        self._runtime = runtime
        self._command = [pathlib.Path(programs).resolve() / "treeline-oci", "--runtime", runtime] if policy else [runtime]
        self._bundle = oci.Bundle(WORK / self.name)
        self._helper = None

    def __enter__(self):
        self._bundle.path.mkdir(parents=True)
        made = config(self._bundle, self.user, {"treeline.policy": self.policy} if self.policy else {})
        made["root"]["path"] = os.fspath(self.root.path)
        (self._bundle.path / "config.json").write_text(json.dumps(made))
        stdin, stdout, stderr = self._pipes()
        pid_file = self._bundle.path / "pid"
        try:
            done = subprocess.run([*self._command, "run", "--detach", "--bundle", self._bundle.path, "--pid-file", pid_file, self.name],
                                  stdin=stdin, stdout=stdout, stderr=stderr, timeout=120, check=False)
        finally:
            for fd in (stdin, stdout, stderr):
                os.close(fd)
        if done.returncode != 0:
            words = self._words()
            self.__exit__()
            raise Broken(f"{self._runtime} run: status {done.returncode}: {words}")
        self._began(int(pid_file.read_text()), self._told)
        self._look_in()
        return self

    def __exit__(self, *_):
        self._close()
        subprocess.run([self._runtime, "delete", "--force", self.name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        if self._helper:
            os.waitpid(self._helper, 0)
        shutil.rmtree(self._bundle.path)

    def _look_in(self):
        """A process of this host that has a pid in the container, as the container's user: `sleep`. And binfmt_misc, which no runtime mounts."""
        reading, writing = os.pipe()
        self._helper = os.fork()
        if self._helper == 0:
            try:
                here, pids, mounts = (os.open(f"/proc/{name}", os.O_RDONLY) for name in ("self/ns/mnt", f"{self._pid}/ns/pid", f"{self._pid}/ns/mnt"))
                _checked(_libc.setns(pids, CLONE_NEWPID), "its pids")
                _checked(_libc.setns(mounts, CLONE_NEWNS), "its mounts")
                _libc.mount(b"none", b"/proc/sys/fs/binfmt_misc", b"binfmt_misc", ctypes.c_ulong(0), None)
                _checked(_libc.setns(here, CLONE_NEWNS), "the mounts here")
            except OSError as error:
                os.write(writing, str(error).encode())
                os._exit(1)
            sleeper = os.fork()
            if sleeper == 0:
                os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
                os.setresgid(self.user, self.user, self.user)
                os.setresuid(self.user, self.user, self.user)
                os.execv("/usr/bin/sleep", ["sleep", "100000"])
            os.write(writing, re.search(r"NSpid:.*\s(\d+)", pathlib.Path(f"/proc/{sleeper}/status").read_text()).group(1).encode())
            os.close(writing)
            os.waitpid(sleeper, 0)
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as f:
            said = f.read().decode()
        if not said.isdigit():
            raise Broken(f"{self.name}: a process beside it: {said}")
        self.sleeper = said
