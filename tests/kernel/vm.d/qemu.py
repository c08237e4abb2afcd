# SPDX-License-Identifier: Apache-2.0
"""The emulator's command line, and how its process is tied to ours."""

import ctypes
import os
import signal
import subprocess
import sys

from errors import NO_MACHINE, VmError

DEFAULT_LSM = "landlock,lockdown,yama,apparmor,bpf"


def start(what, image, channels, terminal_fd=None, loud=False):
    """QEMU as a child that cannot outlive us.

    `image` is the initramfs, `channels` are the write ends of pipes {"console", "out", "err", "status"}; all of them fds
    which the caller closes. `loud`: the kernel tells its boot on the console.
    """
    command = _command(what, image, channels, loud)
    passed = [image, *channels.values()]
    if terminal_fd is not None:
        passed.append(terminal_fd)
        command += ["-chardev", f"socket,id=terminal,fd={terminal_fd}", "-device", "virtconsole,chardev=terminal,nr=0"]
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr, pass_fds=passed,
            start_new_session=True,  # a Ctrl-C reaches us alone; we end it in our order
            preexec_fn=_die_with_parent(os.getpid()),
        )
    except OSError as error:
        raise VmError(NO_MACHINE, f"cannot start qemu-system-x86_64: {error}") from error


def _die_with_parent(parent):
    """For the child, before exec: SIGKILL when we end, however we end (prctl(2), PR_SET_PDEATHSIG)."""
    libc = ctypes.CDLL(None, use_errno=True)

    def arrange():
        libc.prctl(1, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def _command(what, image, channels, loud):
    command = [
        "qemu-system-x86_64", "-name", f"treeline-vm-{os.getpid()}",
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-accel", "tcg" if what.icount else "tcg,thread=multi",
        "-cpu", "max", "-m", str(what.memory), "-smp", str(what.smp),
        # The uncompressed kernel, by its PVH entry: the same code without the seconds that its decompressor takes under
        # emulation. (Address randomisation is that decompressor's work: kernel addresses are the same in each run.)
        "-kernel", what.kernel.vmlinux, "-initrd", f"/proc/self/fd/{image}", "-append", _kernel_arguments(what, loud),
        "-device", "virtio-serial-pci",
        "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
    ]
    if what.icount:
        command += ["-icount", "shift=0,sleep=off"]
    for name, fd in channels.items():
        # append: without it QEMU truncates what it opens, which a pipe refuses.
        command += ["-chardev", f"file,id={name},path=/proc/self/fd/{fd},append=on"]
    command += ["-serial", "chardev:console"]
    for port, name in enumerate(("out", "err", "status"), start=1):
        command += ["-device", f"virtserialport,chardev={name},nr={port},name=treeline.{name}"]
    for index, directory in enumerate(what.writable):
        path = directory.replace(",", ",,")
        command += ["-fsdev", f"local,id=w{index},path={path},security_model=none,multidevs=remap",
                    "-device", f"virtio-9p-pci,fsdev=w{index},mount_tag=w{index}"]
    return command


def _kernel_arguments(what, loud):
    words = ["console=ttyS0", "panic=-1", "oops=panic", f"lsm={DEFAULT_LSM}"]
    # Warnings as well: where a CPU is stuck is said as one.
    words.append("earlyprintk=serial" if loud else "quiet loglevel=5")
    if what.icount:
        words.append("mitigations=off")
    if what.append:
        words.append(what.append)
    return " ".join(words)
