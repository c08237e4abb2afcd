# SPDX-License-Identifier: Apache-2.0
"""The guest's initramfs: a static busybox, the modules that reach the host's root, and guest/init.

The archive is written here (cpio "newc", Documentation/driver-api/early-userspace/buffer-format.rst) instead of by cpio,
which lets an unprivileged caller put device nodes in it. The kernel unpacks concatenated archives one after the other, so
the part that is the same for every run is cached and the run's own files are appended to it.
"""

import contextlib
import hashlib
import lzma
import os
import shutil
import stat
import subprocess
import tempfile

from errors import NO_MACHINE, VmError

_GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest")
_MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")


def base_for(kernel):
    """Bytes of the cached archive for `kernel`, built when guest/, busybox or the kernel has changed."""
    with open(shutil.which("busybox"), "rb") as f:
        busybox = f.read()
    files = {"bin/busybox": (0o755, busybox)}
    for name in ("init", "session"):
        with open(os.path.join(_GUEST, name), "rb") as f:
            files[name] = (0o755, f.read())
    digest = hashlib.sha256(repr((kernel.version, _MODULES)).encode())
    for name, (_mode, content) in sorted(files.items()):
        digest.update(name.encode() + hashlib.sha256(content).digest())
    path = os.path.join(kernel.directory, f"initramfs-{digest.hexdigest()[:16]}.img")
    with contextlib.suppress(FileNotFoundError):
        with open(path, "rb") as f:
            return f.read()
    _refuse_dynamic(busybox)
    order = []
    for module_path in _in_load_order(kernel):
        name = os.path.basename(module_path).split(".ko")[0] + ".ko"
        files[f"modules/{name}"] = (0o644, _module_bytes(module_path))
        order.append(f"/modules/{name}\n")
    files["modules/order"] = (0o644, "".join(order).encode())
    archive = pack(files, directories=("bin", "dev", "proc", "modules", "host", "rw", "root"))
    _cache(path, archive)
    return archive


def _cache(path, archive):
    directory = os.path.dirname(path)
    try:
        fd, staged = tempfile.mkstemp(prefix=".initramfs-", dir=directory)
    except OSError:
        return  # a cache that cannot be written (another user's) is still good to read from
    with os.fdopen(fd, "wb") as f:
        f.write(archive)
    os.chmod(staged, 0o644)
    os.rename(staged, path)
    for name in os.listdir(directory):
        old = os.path.join(directory, name)
        if name.startswith("initramfs-") and old != path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(old)


def _refuse_dynamic(busybox):
    # PT_INTERP (type 3) among the program headers: needs a loader that the initramfs does not have.
    headers = int.from_bytes(busybox[0x20:0x28], "little")
    size = int.from_bytes(busybox[0x36:0x38], "little")
    count = int.from_bytes(busybox[0x38:0x3A], "little")
    for index in range(count):
        if busybox[headers + index * size] == 3:
            raise VmError(NO_MACHINE, "busybox on this machine is dynamically linked",
                          "apt-get install busybox-static")


def _in_load_order(kernel):
    """Paths of the modules, each after what it depends on (modules.dep(5) lists the deepest dependency last)."""
    with open(os.path.join(kernel.modules, "modules.dep"), encoding="ascii") as f:
        depends = {}
        for line in f:
            module, needed = line.split(":")
            depends[_module_name(module)] = (module, needed.split())
    ordered = []
    for name in _MODULES:
        if name not in depends:
            continue  # built in; were it not there at all, guest/init would say what it could not mount
        module, needed = depends[name]
        for path in [*reversed(needed), module]:
            if path not in ordered:
                ordered.append(path)
    return [os.path.join(kernel.modules, path) for path in ordered]


def _module_name(path):
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


def _module_bytes(path):
    with open(path, "rb") as f:
        content = f.read()
    if path.endswith(".xz"):
        return lzma.decompress(content)
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq"], input=content, stdout=subprocess.PIPE, check=True).stdout
    return content


def pack(files, directories=()):
    """A newc archive of {path: (mode, bytes)}; /dev/console is added where `directories` has dev."""
    parts = []
    for name in directories:
        parts.append(_entry(len(parts), name, stat.S_IFDIR | 0o755))
    if "dev" in directories:
        parts.append(_entry(len(parts), "dev/console", stat.S_IFCHR | 0o600, device=(5, 1)))
    for name, (mode, content) in files.items():
        parts.append(_entry(len(parts), name, stat.S_IFREG | mode, content))
    parts.append(_entry(0, "TRAILER!!!", 0))
    return b"".join(parts)


def _entry(inode, name, mode, content=b"", device=(0, 0)):
    raw = name.encode() + b"\0"
    fields = (inode + 1, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(raw), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
    return _pad(header) + _pad(content)


def _pad(data):
    return data + b"\0" * (-len(data) % 4)
