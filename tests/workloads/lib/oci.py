# SPDX-License-Identifier: Apache-2.0
"""Writes and removes OCI bundles: what a container engine would hand to a runtime.

    bundle = Bundle.write(load("nginx"), pathlib.Path("/tmp/b"), netns="/run/netns/x")
    bundle.remove()            # unmounts, then deletes the directory

The defaults are those of the common engines: their fourteen capabilities, masked and read-only paths, private
namespaces, /dev of their own. The runtime versions of Debian 12 are meant (runc 1.1.5, crun 1.8.1), so ociVersion is
1.0.2: crun 1.8.1 refuses 1.2.0.
"""
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess

from workload import CannotRun

CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
                "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_AUDIT_WRITE",
                "CAP_SETFCAP"]
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
ROOTFS_MODES = ("overlay", "tmpfs", "bind")


@dataclasses.dataclass
class Options:
    """What may differ between two bundles of one workload."""
    annotations: dict = dataclasses.field(default_factory=dict)
    netns: str = "new"          # new: an empty one, made by the runtime; host; or the path of one
    rootfs_mode: str = "overlay"
    no_new_privs: bool = False
    fresh: bool = False         # an empty volume where the workload keeps its data
    binds: list = dataclasses.field(default_factory=list)    # (source, destination), read-only
    args: list = None           # instead of the workload's own
    env: list = dataclasses.field(default_factory=list)
    cgroup: str = None          # cgroupsPath; default: the runtime's choice
    capabilities: tuple = ()    # beside the engines' own, for a first process that is root
    prepare: object = None      # called with the Bundle before the runtime sees it: what a test puts into the root file system


class Bundle:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.rootfs = self.path / "rootfs"

    @classmethod
    def write(cls, workload, path, options):
        bundle = cls(path)
        bundle.path.mkdir(parents=True, exist_ok=True)
        if any(bundle.path.iterdir()):
            raise CannotRun(f"{path} is not empty: give a directory of its own to each bundle")
        try:
            bundle._root(workload.rootfs(), options.rootfs_mode)
            if options.fresh and "volume" in workload.container:
                _mount("tmpfs", "treeline-volume", bundle.path / "volume", "mode=0700")
            text = json.dumps(config(workload, bundle, options), indent=2)
            (bundle.path / "config.json").write_text(text + "\n")
            if options.prepare:
                options.prepare(bundle)
        except BaseException:
            bundle.remove()
            raise
        return bundle

    def _root(self, source, mode):
        """overlay: a real overlay mount, its upper layer on a tmpfs; tmpfs: a copy; bind: the built tree itself, which
        is right only where nothing written to it lasts, as in a micro VM whose root is thrown away."""
        self.rootfs.mkdir()
        layers = self.path / "layers"
        if mode == "overlay":
            _mount("tmpfs", "treeline-layers", layers, "mode=0700")
            for name in ("upper", "work"):
                (layers / name).mkdir(mode=0o755)
            _mount("overlay", "treeline-workload", self.rootfs,
                   f"lowerdir={source},upperdir={layers}/upper,workdir={layers}/work")
        elif mode == "tmpfs":
            _mount("tmpfs", "treeline-workload", self.rootfs, "mode=0755")
            subprocess.run(["cp", "-a", f"{source}/.", os.fspath(self.rootfs)], check=True)
        elif mode == "bind":
            kind = subprocess.run(["stat", "-f", "-c", "%T", source], stdout=subprocess.PIPE, text=True, check=True).stdout
            if kind.strip() not in ("overlayfs", "tmpfs"):
                raise CannotRun(f"--rootfs-mode bind would let the container write to {source}, which is kept on "
                                f"{kind.strip()}: use overlay or tmpfs outside of a micro VM")
            _command(["mount", "--bind", os.fspath(source), os.fspath(self.rootfs)])
        else:
            raise CannotRun(f"--rootfs-mode {mode}: there are {', '.join(ROOTFS_MODES)}")

    def remove(self):
        """Idempotent. What is still mounted below is unmounted first, so that no kept tree is ever deleted."""
        for point in reversed(_mounts_below(self.path)):
            if subprocess.run(["umount", point], stderr=subprocess.DEVNULL).returncode != 0:
                _command(["umount", "-l", point])
        if _mounts_below(self.path):
            raise CannotRun(f"something is still mounted below {self.path}: unmount it, then remove the directory")
        if self.path.exists():
            shutil.rmtree(self.path)


def _mounts_below(path):
    prefix = os.path.realpath(path) + "/"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        points = [line.split()[4].replace("\\040", " ") for line in table]
    return [point for point in points if point.startswith(prefix)]


def _mount(kind, source, target, options):
    target.mkdir(exist_ok=True)
    _command(["mount", "-t", kind, "-o", options, source, os.fspath(target)])


def _command(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise CannotRun(f"{' '.join(argv)}: {done.stdout.strip()} (root in a mount namespace of one's own is needed)")


def config(workload, bundle, options):
    own = workload.container
    uid, gid = own["user"]
    namespaces = [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "cgroup")]
    if options.netns == "new":
        namespaces.append({"type": "network"})
    elif options.netns != "host":
        namespaces.append({"type": "network", "path": options.netns})
    bounding = [*CAPABILITIES, *options.capabilities]
    capabilities = bounding if uid == 0 else []
    return {
        "ociVersion": "1.0.2",
        "hostname": workload.name,
        "root": {"path": "rootfs", "readonly": False},
        "process": {
            "terminal": False,
            "user": {"uid": uid, "gid": gid},
            "args": options.args or own["args"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", f"HOSTNAME={workload.name}",
                    *own["env"], *options.env],
            "cwd": own["cwd"],
            # A user other than root starts with none, as engines do it: the bounding set stays.
            "capabilities": {"bounding": bounding, "effective": capabilities, "permitted": capabilities},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 4096}],
            "noNewPrivileges": options.no_new_privs,
            "oomScoreAdj": 0,
        },
        "mounts": _mounts(own, bundle, options),
        "annotations": dict(sorted(options.annotations.items())),
        "linux": {
            "namespaces": namespaces,
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            "resources": {"devices": DEVICES},
            **({"cgroupsPath": options.cgroup} if options.cgroup else {}),
        },
    }


# Everything refused, then what every container has: mknod, null, zero, full, tty, random, urandom, ptmx, pts.
DEVICES = [{"allow": False, "access": "rwm"},
           {"allow": True, "type": "c", "access": "m"},
           {"allow": True, "type": "b", "access": "m"},
           *[{"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}
             for major, minor in ((1, 3), (1, 5), (1, 7), (5, 0), (1, 8), (1, 9), (5, 2))],
           {"allow": True, "type": "c", "major": 136, "access": "rwm"}]


def _mounts(own, bundle, options):
    def mount(destination, kind, *flags, source=None):
        return {"destination": destination, "type": kind, "source": source or kind, "options": list(flags)}
    mounts = [
        mount("/proc", "proc", "nosuid", "noexec", "nodev"),
        mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        mount("/dev/shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k", source="shm"),
        mount("/dev/mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro"),
        mount("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
        mount("/tmp", "tmpfs", "nosuid", "nodev", "mode=1777"),
        mount("/run", "tmpfs", "nosuid", "nodev", "mode=755"),
    ]
    if options.fresh and "volume" in own:
        mounts.append(mount(own["volume"], "bind", "rbind", "rw", source=os.fspath(bundle.path / "volume")))
    for source, destination in options.binds:
        mounts.append(mount(destination, "bind", "rbind", "ro", source=os.path.abspath(source)))
    return mounts
