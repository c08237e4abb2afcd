# SPDX-License-Identifier: Apache-2.0
"""Builds a workload's root file system from Debian's packages.

    build(load("nginx"))       # the path of NAME/<key>/rootfs in the cache; at once if it is already there

apt resolves the dependencies against an empty machine (so the answer does not depend on what is installed here),
downloads with this machine's own sources and keys, and the packages are unpacked. No maintainer script runs: what
they would have left behind (users, the loader's cache, directories) comes from workload.toml.

Safe to call from several processes: one builds, the others wait. A tree is built beside its place and renamed, so a
path that exists is whole. Needs root, for the owners of files and for chroot.
"""
import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import website
from workload import BASE, CannotRun, cache_root

# Every file that is ours gets this time, so that Last-Modified and ETag are the same on every machine.
EPOCH = 1_700_000_000
KEEP_OLD_SECONDS = 2 * 24 * 3600


def build(workload, rebuild=False, say=lambda text: None):
    target = workload.built()
    if target.is_dir() and not rebuild:
        return target
    if os.geteuid() != 0:
        raise CannotRun(f"{workload.name}: building a root file system needs root (owners of files, chroot): use sudo")
    workload.cache().mkdir(parents=True, exist_ok=True)
    with _lock(workload.cache() / ".lock"):
        if target.is_dir() and not rebuild:
            return target
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=".building-", dir=workload.cache()) as scratch:
            root = pathlib.Path(scratch) / "rootfs"
            versions = _make(workload, root, say)
            (pathlib.Path(scratch) / "packages").write_text("".join(f"{line}\n" for line in versions))
            os.chmod(scratch, 0o755)
            if target.parent.exists():
                os.rename(target.parent, pathlib.Path(scratch) / "replaced")
            os.mkdir(target.parent)
            os.rename(pathlib.Path(scratch) / "packages", target.parent / "packages")
            os.rename(root, target)  # last: what has a rootfs is complete
        _prune(workload)
        say(f"{workload.name}: built {target} in {time.monotonic() - started:.0f} s, {_megabytes(target)} MB")
    return target


def _make(workload, root, say):
    image = workload.image
    wanted = BASE["packages"] + image["packages"]
    skipped = set(BASE["skip"]) | set(image.get("skip", []))
    say(f"{workload.name}: resolving and downloading {', '.join(image['packages'])} and what they need")
    packages = [item for item in _resolve(wanted) if item.partition("=")[0] not in skipped]
    archives = _download(packages)
    root.mkdir(mode=0o755)
    _merged_usr(root)
    for name in sorted(archives):
        _unpack(archives[name], root, BASE["drop"] + image.get("drop", []))
    for directory in ("dev", "proc", "sys", "run", "tmp"):
        (root / directory).mkdir(exist_ok=True)
    os.chmod(root / "tmp", 0o1777)
    users = _users(root, image.get("users", []))
    _copy_files(workload.files, root)
    if image.get("website"):
        website.write(root, EPOCH)
    for entry in image.get("directories", []):
        _directory(root, users, **entry)
    _link(root / "usr/bin/sh", "dash")
    _link(root / "usr/bin/awk", "mawk")
    inside(root, ["/sbin/ldconfig"])
    for command in image.get("finish", []):
        say(f"{workload.name}: {' '.join(command)}")
        inside(root, command)
    return packages


def _lock_file(path):
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


@contextlib.contextmanager
def _lock(path):
    descriptor = _lock_file(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _apt(arguments, **options):
    """apt-get with an empty dpkg status: nothing is installed, so everything needed is named."""
    try:
        return subprocess.run(["apt-get", "-q", *arguments], check=True, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options).stdout
    except FileNotFoundError:
        raise CannotRun("no apt-get here: the root file systems are made of Debian's packages, "
                        "so build them on a Debian machine") from None
    except subprocess.CalledProcessError as error:
        raise CannotRun(f"apt-get {' '.join(arguments[-3:])} failed; if the lists are missing or old, run "
                        f"`apt-get update`:\n{error.stderr.strip()}") from None


def _resolve(wanted):
    """The closure of `wanted` as ["name=version"], recommendations left out."""
    with tempfile.TemporaryDirectory() as scratch:
        status = os.path.join(scratch, "status")
        open(status, "w").close()
        plan = _apt(["-s", "-o", f"Dir::State::status={status}", "-o", "Dir::Cache::pkgcache=",
                     "-o", "APT::Install-Recommends=0", "-o", "Debug::NoLocking=1", "install", *wanted])
    packages = []
    for line in plan.splitlines():
        if line.startswith("Inst "):
            name, version = line.split()[1:3]
            packages.append(f"{name.partition(':')[0]}={version.lstrip('(')}")
    return sorted(packages)


def _download(packages):
    """{package: path of its .deb}; what an earlier build downloaded is not downloaded again."""
    store = cache_root() / ".packages"
    store.mkdir(parents=True, exist_ok=True)
    with _lock(store / ".lock"):
        missing = [item for item in packages if not _archive(store, item)]
        if missing:
            # As root, so that apt does not drop to its own user, which may not write here.
            _apt(["-o", "APT::Sandbox::User=root", "download", *missing], cwd=store)
        found = {item.partition("=")[0]: _archive(store, item) for item in packages}
    absent = [name for name, path in found.items() if path is None]
    if absent:
        raise CannotRun(f"apt-get download left no archive of {', '.join(absent)} in {store}")
    return found


def _archive(store, item):
    name, _, version = item.partition("=")
    found = sorted(store.glob(f"{name}_{version.replace(':', '%3a')}_*.deb"))
    return found[0] if found else None


def _unpack(archive, root, drop):
    reader = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-p", "--numeric-owner", "--keep-directory-symlink", "--wildcards",
                    *[f"--exclude={pattern}" for pattern in drop], "-C", str(root)], stdin=reader.stdout, check=True)
    reader.stdout.close()
    if reader.wait() != 0:
        raise CannotRun(f"{archive} is damaged: remove it and build again")


def _merged_usr(root):
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")


def _link(path, target):
    if not path.is_symlink() and not path.exists() and (path.parent / target).exists():
        path.symlink_to(target)


def _users(root, users):
    """/etc/passwd and /etc/group from base-passwd's masters, and ours. {name: (uid, gid)}."""
    lines = {}
    for kind in ("passwd", "group"):
        master = root / f"usr/share/base-passwd/{kind}.master"
        lines[kind] = master.read_text().replace("::", ":*:") if kind == "group" else master.read_text()
    for user in users:
        name, number = user["name"], user["id"]
        lines["passwd"] += f"{name}:x:{number}:{number}:{name}:{user['home']}:{user.get('shell', '/usr/sbin/nologin')}\n"
        lines["group"] += f"{name}:x:{number}:\n"
    shadow = ""
    known = {}
    for line in lines["passwd"].splitlines():
        name, _, uid, gid = line.split(":")[:4]
        shadow += f"{name}:*:19700:0:99999:7:::\n"
        known[name] = (int(uid), int(gid))
    for path, text, mode in (("etc/passwd", lines["passwd"].replace(":*:", ":x:"), 0o644),
                             ("etc/group", lines["group"], 0o644), ("etc/shadow", shadow, 0o640)):
        (root / path).write_text(text)
        os.chmod(root / path, mode)
    os.chown(root / "etc/shadow", 0, 42)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
    return known


def _copy_files(source, root):
    for path in sorted(source.rglob("*")):
        if "__pycache__" in path.parts:
            continue
        target = root / path.relative_to(source)
        if path.is_dir():
            target.mkdir(mode=0o755, exist_ok=True)
        else:
            shutil.copyfile(path, target)
            os.chmod(target, 0o755 if os.access(path, os.X_OK) else 0o644)
            os.utime(target, (EPOCH, EPOCH))


def _directory(root, users, path, owner="root", mode="755"):
    target = root / path.lstrip("/")
    target.mkdir(parents=True, exist_ok=True)
    os.chown(target, *users[owner])
    os.chmod(target, int(mode, 8))


def inside(root, command):
    """Runs a command in the tree, as root, with namespaces of its own and no network."""
    script = ('mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/run" && '
              'root=$1 && shift && exec chroot "$root" "$@"')
    clean = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child",
                           "sh", "-c", script, "sh", str(root), *command],
                          env=clean, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise CannotRun(f"{' '.join(command)} failed in the new root file system (status {done.returncode}):\n"
                        f"{done.stdout.decode(errors='replace').strip()}")


def _prune(workload):
    """Removes trees of older recipes once nothing recent can be running on them."""
    for old in workload.cache().iterdir():
        age = time.time() - old.stat().st_mtime
        if old.is_dir() and old != workload.built().parent and age > KEEP_OLD_SECONDS:
            shutil.rmtree(old, ignore_errors=True)


def _megabytes(path):
    return int(subprocess.run(["du", "-sm", str(path)], stdout=subprocess.PIPE, check=True).stdout.split()[0])
