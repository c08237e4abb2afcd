# SPDX-License-Identifier: Apache-2.0
"""The kernels under test and their cache.

    <cache>/kernels/6.12            symlink to the version in use
    <cache>/kernels/6.12.118+.../   vmlinux, vmlinuz, config (if packaged), btf (raw BTF), lib/modules/VERSION/,
                                    initramfs-*.img
    <cache>/kernels/.6.12.lock      held while filling

A kernel is unpacked aside and becomes visible by renaming the symlink: a reader sees a whole kernel or none, and a fill
that is killed leaves only a dot directory that the next fill removes. Each running VM holds a shared lock on its
kernel's directory, so that --refresh never takes it away from under a guest.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile

import debian
import vmlinuz
from errors import NO_KERNEL, VmError, say

# Our name for the kernel -> the Debian suites that carry it. Versions move within a suite: the newest is taken.
SUITES = {
    "5.10": ["bullseye", "bullseye-security"],
    "6.1": ["bookworm", "bookworm-security"],
    "6.12": ["trixie", "trixie-security"],
    "7.3": ["trixie-backports"],
}


def cache_root():
    base = os.environ.get("TREELINE_CACHE")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "treeline")
    return os.path.abspath(base)


class Kernel:
    """One unpacked kernel. Keep `lock` open for as long as its files are in use."""

    def __init__(self, name, directory, lock):
        self.name = name
        self.directory = directory
        self.version = os.path.basename(directory)
        self.lock = lock
        self.vmlinux = os.path.join(directory, "vmlinux")
        self.btf = os.path.join(directory, "btf")
        self.modules = os.path.join(directory, "lib", "modules", self.version)


def _root():
    return os.path.join(cache_root(), "kernels")


def cached(name):
    """The kernel from the cache, or None. Never goes to the network."""
    link = os.path.join(_root(), name)
    for _attempt in range(3):
        try:
            directory = os.path.realpath(link, strict=True)
            lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return None
        fcntl.flock(lock, fcntl.LOCK_SH)
        # Between reading the link and the lock, a refresh may have retired the directory.
        if os.path.exists(os.path.join(directory, "btf")):
            return Kernel(name, directory, lock)
        os.close(lock)
    return None


def have(name, refresh=False):
    """The kernel, fetched first if it is not cached, or looked for anew with `refresh`."""
    if not refresh:
        kernel = cached(name)
        if kernel is not None:
            return kernel
    if name not in SUITES:
        raise VmError(NO_KERNEL, f"kernel {name} is not one of {', '.join(SUITES)}", "see vm --list")
    try:
        os.makedirs(_root(), exist_ok=True)
    except OSError as error:
        raise VmError(NO_KERNEL, f"cannot create the cache: {error}", "set TREELINE_CACHE to a writable directory") from error
    with _filling(name):
        # Somebody else may have filled it while we waited.
        kernel = None if refresh else cached(name)
        return kernel or _fill(name)


@contextlib.contextmanager
def _filling(name):
    lock = os.open(os.path.join(_root(), f".{name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"kernel {name} is being fetched by another vm; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _fill(name):
    for leftover in os.listdir(_root()):
        if leftover.startswith(f".{name}.fill-"):
            shutil.rmtree(os.path.join(_root(), leftover), ignore_errors=True)
    work = tempfile.mkdtemp(prefix=f".{name}.fill-", dir=_root())
    try:
        version = _unpack_newest(name, work)
        _publish(name, version, os.path.join(work, "kernel"))
    except (debian.AptFailed, OSError, ValueError, subprocess.CalledProcessError) as error:
        raise VmError(
            NO_KERNEL,
            f"kernel {name} is not cached in {_root()} and could not be fetched: {error}",
            f"check that this machine's apt mirror carries {' or '.join(SUITES[name])} (apt-get update works?), or copy "
            f"{_root()} from a machine where `vm --fetch` worked",
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    kernel = cached(name)
    if kernel is None:
        raise VmError(NO_KERNEL, f"kernel {name} vanished from {_root()} while it was being filled")
    return kernel


def _unpack_newest(name, work):
    """Leaves a finished kernel in work/kernel and returns its version."""
    apt = debian.AptRoot(os.path.join(work, "apt"), SUITES[name])
    say(f"looking for the newest kernel {name} in {', '.join(SUITES[name])}")
    apt.update()
    available = set(apt.packages())
    pattern = re.compile(rf"linux-(?:image|binary)-({re.escape(name)}[.-][0-9][0-9.+~-]*(?:deb[0-9.]+)?)-amd64(?:-unsigned)?")
    versions = debian.newest_first(m.group(1) for m in map(pattern.fullmatch, available) if m)
    if not versions:
        raise debian.AptFailed(apt.complaint() or f"no package linux-image-{name}* in {', '.join(SUITES[name])}")
    failure = None
    for version in versions[:3]:
        for packages in _package_sets(version, available):
            try:
                say(f"fetching {' '.join(packages)} (once; kept in {_root()})")
                _unpack(apt.download(packages), version + "-amd64", work)
                return version + "-amd64"
            except (debian.AptFailed, OSError, ValueError, subprocess.CalledProcessError) as error:
                failure = error
                say(f"could not: {error}; trying the next")
                shutil.rmtree(os.path.join(work, "kernel"), ignore_errors=True)
                for deb in os.listdir(os.path.join(work, "apt", "debs")):
                    os.unlink(os.path.join(work, "apt", "debs", deb))
    raise debian.AptFailed(str(failure))


def _package_sets(version, available):
    """Which packages make a kernel of this version, best first: newer Debians split off the modules."""
    split = [f"linux-binary-{version}-amd64", f"linux-modules-{version}-amd64"]
    for packages in (split, [f"linux-image-{version}-amd64"], [f"linux-image-{version}-amd64-unsigned"]):
        if available.issuperset(packages):
            yield packages


def _unpack(debs, version, work):
    tree = os.path.join(work, "tree")
    shutil.rmtree(tree, ignore_errors=True)
    for deb in debs:
        subprocess.run(["dpkg-deb", "-x", deb, tree], check=True)
        os.unlink(deb)
    kernel = os.path.join(work, "kernel")
    os.makedirs(os.path.join(kernel, "lib", "modules"))
    modules = _first(tree, f"usr/lib/modules/{version}", f"lib/modules/{version}")
    os.rename(_first(tree, f"boot/vmlinuz-{version}", f"{modules}/vmlinuz"), os.path.join(kernel, "vmlinuz"))
    config = os.path.join(tree, f"boot/config-{version}")
    if os.path.exists(config):  # 7.3 keeps it in a package of its own; only people read it
        os.rename(config, os.path.join(kernel, "config"))
    os.rename(modules, os.path.join(kernel, "lib", "modules", version))
    environment = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    subprocess.run(["depmod", "-b", kernel, version], check=True, env=environment)
    with open(os.path.join(kernel, "vmlinuz"), "rb") as f:
        elf = vmlinuz.extract(f.read())
    for name, content in (("vmlinux", elf), ("btf", vmlinuz.elf_section(elf, ".BTF"))):
        with open(os.path.join(kernel, name), "wb") as f:
            f.write(content)


def _first(tree, *candidates):
    for candidate in candidates:
        path = os.path.join(tree, candidate)
        if os.path.exists(path):
            return path
    raise ValueError(f"the package holds none of {', '.join(candidates)}")


def _publish(name, version, fresh):
    final = os.path.join(_root(), version)
    link = os.path.join(_root(), name)
    if not os.path.exists(os.path.join(final, "btf")):
        shutil.rmtree(final, ignore_errors=True)
        os.rename(fresh, final)
    staged = os.path.join(_root(), f".{name}.link")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(staged)
    os.symlink(version, staged)
    os.rename(staged, link)
    say(f"kernel {name} is {version}")
    _retire(name, keep=version)


def _retire(name, keep):
    """Removes older versions of this kernel that no VM is using."""
    for entry in os.listdir(_root()):
        path = os.path.join(_root(), entry)
        if entry == keep or not entry.startswith((name + ".", name + "-")) or os.path.islink(path):
            continue
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(path, "btf"))  # first: cached() takes this as the sign of a whole kernel
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
