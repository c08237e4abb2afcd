# SPDX-License-Identifier: Apache-2.0
"""One run of one command in one guest.

The machine has no disk and no network: its root is the caller's, over 9p. Four one-way channels lead out of it, each a
pipe to this process: the serial console (kernel messages), two virtio ports (the command's stdout and stderr) and a third
(its status). Nothing is written to the host's file system: the initramfs is a memfd, and QEMU is told to die with us, so
even a SIGKILL leaves nothing behind.
"""

import ctypes
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import threading
import time

import initramfs
import terminal
from errors import HANG, NO_MACHINE, PANIC, VmError, say

BOOT_SECONDS = 400  # real seconds; 4 on an idle machine, seen above 60 where many shared two cores
DRAIN_SECONDS = 20  # silence on a stream that still owes bytes

DEFAULT_LSM = "landlock,lockdown,yama,apparmor,bpf"

# Under multi-threaded TCG, text patching (attaching BPF programs, static calls) can trip over a CPU that still runs the
# breakpoint which patching had planted and removed: the emulator's fault, not the test's. One retry is fair.
_PATCHING = re.compile(r"int3:|text_poke|poke_int3|RIP:.*bpf_trampoline|ftrace_bug|jump_label_bug|alternative\.c")

# Directories which the guest covers with file systems of its own.
_COVERED = ("/tmp", "/run", "/var/run", "/dev/shm")


class Run:
    """What to run. Paths are absolute and real."""

    def __init__(self, kernel, command, *, cwd, environment, append, smp, icount, memory, timeout, writable, visible,
                 interactive=False):
        self.kernel = kernel
        self.command = command
        self.cwd = cwd
        self.environment = environment
        self.append = append
        self.smp = 1 if icount else smp
        self.icount = icount
        self.memory = memory
        self.timeout = timeout
        self.writable = writable
        self.visible = visible
        self.interactive = interactive


class Panic(VmError):
    """The guest died; `patching` tells the emulator's known fault from the others."""

    def __init__(self, message, console):
        super().__init__(PANIC, message)
        self.patching = bool(_PATCHING.search(_from_first_fault(console)))


def run(what, console_file=None):
    """The command's exit status. Raises VmError for every other end."""
    try:
        return _Machine(what, console_file).result()
    except Panic as panic:
        if not panic.patching:
            raise
        say(f"{panic}")
        say("this is the known fault of text patching under emulation, not a verdict; running the command once more")
    return _Machine(what, console_file).result()


class _Machine:
    def __init__(self, what, console_file):
        self._what = what
        self._console_file = console_file
        self._changed = threading.Condition()
        self._console = bytearray()
        self._status = bytearray()
        mark = secrets.token_hex(16)
        self._mark_file = mark.encode() + b"\n"
        self._streams = {"out": _Stream(1, mark), "err": _Stream(2, mark)}
        self._reader_gone = False
        self._qemu = None
        self._terminal = None
        self._threads = []

    def result(self):
        if not self._what.interactive:
            return self._result()
        with terminal.Terminal() as self._terminal:
            return self._result()

    def _result(self):
        try:
            self._start()
            self._wait_until(lambda: self._status_line("up"), BOOT_SECONDS, self._no_boot)
            self._wait_until(lambda: self._status_line("exit"), self._what.timeout, self._no_end)
            return self._drained_status()
        finally:
            self._stop()

    # -- life of the emulator

    def _start(self):
        image = os.memfd_create("treeline-vm-initramfs")
        with os.fdopen(os.dup(image), "wb") as f:
            files = dict(_run_files(self._what), **{"vm/mark": (0o600, self._mark_file)})
            f.write(initramfs.base_for(self._what.kernel) + initramfs.pack(files, directories=("vm",)))
        pipes = {name: os.pipe() for name in ("console", "out", "err", "status")}
        passed, more = [image, *(ends[1] for ends in pipes.values())], []
        if self._terminal is not None:
            fd = self._terminal.guest_end.fileno()
            passed.append(fd)
            more = ["-chardev", f"socket,id=terminal,fd={fd}", "-device", "virtconsole,chardev=terminal,nr=0"]
        try:
            self._qemu = subprocess.Popen(
                _qemu_command(self._what, image, {name: ends[1] for name, ends in pipes.items()}) + more,
                stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr,
                pass_fds=passed,
                start_new_session=True,  # a Ctrl-C reaches us alone; we end it in our order
                preexec_fn=_die_with_parent(os.getpid()),
            )
        except OSError as error:
            raise VmError(NO_MACHINE, f"cannot start qemu-system-x86_64: {error}") from error
        finally:
            os.close(image)
            for ends in pipes.values():
                os.close(ends[1])
        if self._terminal is not None:
            self._terminal.connect()
        pumps = {
            "console": self._take_console,
            "status": self._take_status,
            "out": lambda data: self._pass_on(self._streams["out"], data),
            "err": lambda data: self._pass_on(self._streams["err"], data),
        }
        for name, take in pumps.items():
            thread = threading.Thread(target=self._pump, args=(pipes[name][0], take), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _stop(self):
        if self._qemu is not None and self._qemu.poll() is None:
            self._qemu.kill()
        if self._qemu is not None:
            self._qemu.wait()
        deadline = time.monotonic() + 2
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        if self._console_file is not None:
            with open(self._console_file, "wb") as f:
                f.write(self._console)

    # -- threads: each owns one pipe

    def _pump(self, fd, take):
        with os.fdopen(fd, "rb", buffering=0) as pipe:
            while data := pipe.read(1 << 16):
                take(data)
        with self._changed:
            self._changed.notify_all()

    def _take_console(self, data):
        with self._changed:
            self._console += data

    def _take_status(self, data):
        with self._changed:
            self._status += data
            self._changed.notify_all()

    def _pass_on(self, stream, data):
        try:
            stream.take(data)
        except OSError:  # EPIPE: whoever read us has seen enough
            self._reader_gone = True
        with self._changed:
            self._changed.notify_all()

    # -- waiting

    def _status_line(self, word):
        for line in self._status.split(b"\n")[:-1]:
            if line.startswith(word.encode()):
                return line.decode()
        return None

    def _wait_until(self, reached, seconds, too_late):
        deadline = time.monotonic() + seconds
        with self._changed:
            while not reached():
                self._refuse_without_reader()
                if self._terminal is not None and self._terminal.left:
                    raise VmError(128 + signal.SIGHUP, "left the guest; it is gone")
                if self._qemu.poll() is not None:
                    # What it sent before it went may still be on its way through the pipes.
                    self._changed.wait(0.5)
                    if reached():
                        return
                    raise self._went_away()
                if time.monotonic() >= deadline:
                    raise too_late()
                self._changed.wait(0.25)

    def _drained_status(self):
        """The status, once both streams have come to their mark."""
        _word, status, whole = self._status_line("exit").split()
        last, since = None, time.monotonic()
        with self._changed:
            while not all(stream.ended for stream in self._streams.values()):
                self._refuse_without_reader()
                passed = [stream.passed for stream in self._streams.values()]
                if passed != last or any(stream.blocked for stream in self._streams.values()):
                    last, since = passed, time.monotonic()
                if time.monotonic() - since > DRAIN_SECONDS:
                    raise VmError(NO_MACHINE, f"the command's output did not arrive whole (its exit status was {status})")
                self._changed.wait(0.25)
        if whole != "whole":
            say("the end of the command's output may be missing: its pump was killed, or a process could not be")
        if self._terminal is not None:
            self._terminal.settle()
        return int(status)

    def _refuse_without_reader(self):
        if self._reader_gone:
            raise VmError(128 + signal.SIGPIPE, "nobody reads the output any more; ended the guest")

    # -- ends

    def _no_boot(self):
        return VmError(HANG, f"the guest did not reach user space in {BOOT_SECONDS} s; {self._console_tail()}",
                       "is the machine overloaded? else see --console FILE")

    def _no_end(self):
        return VmError(HANG, f"the command was still running after {self._what.timeout:g} s; {self._console_tail()}",
                       "a longer --timeout, if it is merely slow")

    def _went_away(self):
        console = self._console.decode(errors="replace")
        if "Kernel panic" in console:
            return Panic(f"the guest's kernel panicked; {self._console_tail()}", console)
        if self._qemu.returncode != 0:
            return VmError(NO_MACHINE, f"qemu ended with status {self._qemu.returncode}; {self._console_tail()}")
        return Panic(f"the guest was reset or powered off before its command ended; {self._console_tail()}", console)

    def _console_tail(self):
        text = _from_first_fault(self._console.decode(errors="replace"))
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        if not lines:
            return "its console is empty"
        shown = lines if len(lines) <= 60 else [*lines[:40], f"... {len(lines) - 60} lines ...", *lines[-20:]]
        return "its console:\n" + "\n".join("  | " + line for line in shown)


class _Stream:
    """One output stream of the command on its way to our own `fd`, up to the mark that ends it."""

    def __init__(self, fd, mark):
        self._fd = fd
        self._mark = b"\0" + mark.encode()
        self._held = b""  # may be the beginning of the mark
        self.passed = 0
        self.blocked = False
        self.ended = False

    def take(self, data):
        data = self._held + data
        ended = data.endswith(self._mark)
        if ended:
            self._held, data = b"", data[: -len(self._mark)]
        else:
            held = self._length_of_mark_at_end(data)
            self._held, data = data[len(data) - held:], data[: len(data) - held]
        self.blocked = True
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest):]
        self.blocked = False
        self.passed += len(data)
        self.ended = ended

    def _length_of_mark_at_end(self, data):
        start = data.rfind(b"\0", max(0, len(data) - len(self._mark)))
        return len(data) - start if start >= 0 and self._mark.startswith(data[start:]) else 0


def _from_first_fault(console):
    """The console from the first sign of trouble on; the last 20 lines where there is none."""
    found = re.search(r"^.*(?:BUG:|Oops|kernel BUG|int3:|general protection|Kernel panic|vm guest:).*$", console, re.MULTILINE)
    if found:
        return console[found.start():]
    return "\n".join(console.splitlines()[-20:])


def _die_with_parent(parent):
    """For the child, before exec: SIGKILL when we end, however we end (prctl(2), PR_SET_PDEATHSIG)."""
    libc = ctypes.CDLL(None, use_errno=True)

    def arrange():
        libc.prctl(1, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def _qemu_command(what, image, channels):
    command = [
        "qemu-system-x86_64", "-name", f"treeline-vm-{os.getpid()}",
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-accel", "tcg" if what.icount else "tcg,thread=multi",
        "-cpu", "max", "-m", str(what.memory), "-smp", str(what.smp),
        # The uncompressed kernel, by its PVH entry: the same code without the seconds that its decompressor takes under
        # emulation. (Address randomisation is that decompressor's work: kernel addresses are the same in each run.)
        "-kernel", what.kernel.vmlinux, "-initrd", f"/proc/self/fd/{image}", "-append", _kernel_arguments(what),
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


def _kernel_arguments(what):
    words = ["console=ttyS0", "quiet", "panic=-1", "oops=panic", f"lsm={DEFAULT_LSM}"]
    if what.icount:
        words.append("mitigations=off")
    if what.append:
        words.append(what.append)
    return " ".join(words)


def _run_files(what):
    """The files of this run: what to mount, the command, whether it has a terminal."""
    quote = shlex.quote
    mounts = [f"modules {quote(os.path.dirname(what.kernel.modules))}"]
    mounts += [f"show {quote(path)}" for path in sorted(_to_show(what.visible))]
    mounts += [f"share w{index} {quote(path)}" for index, path in enumerate(what.writable)]
    script = [f"export {name}={quote(value)}" for name, value in what.environment.items()]
    if what.interactive:
        script.append(terminal.size_command())
    script += [f"cd -- {quote(what.cwd)} || exit 127", "exec " + " ".join(map(quote, what.command))]
    files = {
        "vm/mounts": (0o644, ("\n".join(mounts) + "\n").encode()),
        "vm/command": (0o644, ("\n".join(script) + "\n").encode()),
    }
    if what.interactive:
        files["vm/interactive"] = (0o644, b"")
    return files


def _to_show(paths):
    """For each path below a covered directory, the entry of that directory which leads to it."""
    for path in paths:
        for covered in _COVERED:
            rest = path[len(covered):]
            if path.startswith(covered) and rest.startswith("/") and rest != "/":
                yield covered + "/" + rest.split("/")[1]
