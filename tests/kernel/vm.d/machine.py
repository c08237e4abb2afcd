# SPDX-License-Identifier: Apache-2.0
"""One run of one command in one guest.

The machine has no disk and no network: its root is the caller's, over 9p. Four one-way channels lead out of it, each a
pipe to this process: the serial console (kernel messages), two virtio ports (the command's stdout and stderr) and a third
(its status). Nothing is written to the host's file system: the initramfs is a memfd, and QEMU is told to die with us, so
even a SIGKILL leaves nothing behind.
"""

import os
import re
import secrets
import signal
import threading
import time

import guest_files
import initramfs
import qemu
import terminal
from errors import HANG, NO_MACHINE, PANIC, VmError, say
from stream import Stream

# Real seconds for a boot: 4 on an idle machine, seen above 60 where many shared two cores. A boot may also get stuck for
# good (once in some dozens of 7.3 on a machine ten times overloaded), so the first is given up sooner than the second.
BOOT_SECONDS = 200
PATIENT_BOOT_SECONDS = 400
DRAIN_SECONDS = 20  # silence on a stream that still owes bytes

# Under multi-threaded TCG, text patching (attaching BPF programs, static keys and calls) can trip over a CPU that still runs the
# breakpoint which patching had planted and removed: the emulator's fault, not the test's. One retry is fair.
_PATCHING = re.compile(r"int3:|text_poke|poke_int3|RIP:.*bpf_trampoline|ftrace_bug|jump_label_bug|alternative\.c")
# Flags that no processor has (bits above 21): the emulator's own state is broken, seen right behind a cmpxchg16b.
_NO_FLAGS = re.compile(r"EFLAGS: (?!00[0-3])[0-9a-f]{8}\b")
# Patching again, without an oops: the breakpoint's handler finds none in memory (kprobe_int3_handler(), arch/x86/kernel/kprobes/core.c), goes back
# to the instruction, and so for ever. The watchdog then names a place that can be patched: a jump, a call, or the no-op of five bytes.
_STUCK_PATCHING = re.compile(r"Code: .*<(?:e9|e8|cc|0f> 1f 44 00 00)")
_LOCKUP = re.compile(rb"soft lockup - CPU#(\d+) stuck for \d+s! (\[[^\]\n]*\])")
# So many reports of one CPU in one task, each soon after the one before (the watchdog's period is 28 s here): what is merely slow lets go earlier.
STUCK_REPORTS, SOON_SECONDS = 5, 60

_REBOOT = "the command had not begun, so this is no verdict on it; booting once more"
_RERUN = "this is a known fault of the emulator (text patching, or flags that no processor has), not a verdict; running the command once more"


class Panic(VmError):
    """The guest died; `patching` tells the emulator's known faults from the others."""

    def __init__(self, message, console):
        super().__init__(PANIC, message)
        fault = _from_first_fault(console)
        self.patching = bool(_PATCHING.search(fault) or _NO_FLAGS.search(fault))


class Stuck(VmError):
    """A CPU of the guest no longer leaves the kernel; `patching` as above."""

    def __init__(self, message, console):
        super().__init__(HANG, message)
        self.patching = bool(_STUCK_PATCHING.search(_from_first_fault(console)))


def run(what, console_file=None):
    """The command's exit status. Raises VmError for every other end.

    A boot that fails and a fault of the emulator are each forgiven once, and apart: what runs again for the one may still meet the other.
    """
    if not what.interactive:
        return _run(what, console_file, {_REBOOT, _RERUN})
    with terminal.Terminal() as its_terminal:  # what a person has typed is not run again behind their back
        return _run(what, console_file, {_REBOOT}, its_terminal)


def _run(what, console_file, reasons, its_terminal=None):
    again = False
    while True:
        machine = _Machine(what, console_file, again, its_terminal)
        try:
            return machine.result()
        except VmError as error:
            reason = _reason_to_retry(error, machine)
            if reason not in reasons:
                raise
            reasons.remove(reason)
            again = True
            say(str(error))
            say(reason)


def _reason_to_retry(error, machine):
    """Why this end says nothing about the command; None if it does."""
    if error.status in (HANG, PANIC) and not machine.booted:
        return _REBOOT
    if isinstance(error, (Panic, Stuck)) and error.patching:
        return _RERUN
    return None


class _Machine:
    def __init__(self, what, console_file, again, its_terminal):
        self.booted = False
        self._what = what
        self._again = again
        self._boot_seconds = PATIENT_BOOT_SECONDS if again else BOOT_SECONDS
        self._console_file = console_file
        self._changed = threading.Condition()
        self._console = bytearray()
        self._lockups = {}  # by CPU and task: how many reports in a row, and when the last one came
        self._status = bytearray()
        self._mark = secrets.token_hex(16)
        self._streams = {"out": Stream(1, self._mark), "err": Stream(2, self._mark)}
        self._reader_gone = False
        self._qemu = None
        self._terminal = its_terminal
        self._pumps = {}

    def result(self):
        try:
            self._start()
            self._wait_until(lambda: self._status_line("up"), self._boot_seconds, self._no_boot)
            self.booted = True
            self._wait_until(lambda: self._status_line("exit"), self._what.timeout, self._no_end)
            return self._drained_status()
        finally:
            self._stop()

    # -- life of the emulator

    def _start(self):
        image = os.memfd_create("treeline-vm-initramfs")
        with os.fdopen(os.dup(image), "wb") as f:
            f.write(initramfs.base_for(self._what.kernel))
            f.write(initramfs.pack(guest_files.files(self._what, self._mark), directories=("vm",)))
        pipes = {name: os.pipe() for name in ("console", "out", "err", "status")}
        try:
            self._qemu = qemu.start(
                self._what, image, {name: ends[1] for name, ends in pipes.items()},
                terminal_fd=self._terminal.plug() if self._terminal else None, loud=self._again,
            )
        finally:
            os.close(image)
            for ends in pipes.values():
                os.close(ends[1])
        if self._terminal is not None:
            self._terminal.connect()
        takers = {
            "console": self._take_console,
            "status": self._take_status,
            "out": lambda data: self._pass_on(self._streams["out"], data),
            "err": lambda data: self._pass_on(self._streams["err"], data),
        }
        for name, take in takers.items():
            self._pumps[name] = threading.Thread(target=self._pump, args=(pipes[name][0], take), daemon=True)
            self._pumps[name].start()

    def _stop(self):
        if self._qemu is not None and self._qemu.poll() is None:
            self._qemu.kill()
        if self._qemu is not None:
            self._qemu.wait()
        deadline = time.monotonic() + 2
        for thread in self._pumps.values():
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
            begin = self._console.rfind(b"\n") + 1  # a line may come in parts
            self._console += data
            end = self._console.rfind(b"\n") + 1
            for found in _LOCKUP.finditer(self._console, begin, max(begin, end)):
                now = time.monotonic()
                count, last = self._lockups.get(found.groups(), (0, now))
                self._lockups[found.groups()] = (count + 1 if now - last < SOON_SECONDS else 1, now)

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
        while True:
            gone = self._qemu.poll() is not None
            if gone:  # what it sent before it went may still be on its way through the pipes
                for name in ("console", "status"):
                    self._pumps[name].join(10)
            with self._changed:
                if reached():
                    return
                self._refuse_without_reader()
                if self._terminal is not None and self._terminal.left:
                    raise VmError(128 + signal.SIGHUP, "left the guest; it is gone")
                if gone:
                    raise self._went_away()
                if any(count >= STUCK_REPORTS for count, _last in self._lockups.values()):
                    raise Stuck(f"a CPU of the guest is stuck in its kernel; {self._console_tail()}", self._console.decode(errors="replace"))
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
        return VmError(HANG, f"the guest did not reach user space in {self._boot_seconds} s; {self._console_tail()}",
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


def _from_first_fault(console):
    """The console from the first sign of trouble on; the last 20 lines where there is none."""
    found = re.search(r"^.*(?:BUG:|Oops|kernel BUG|int3:|general protection|Kernel panic|vm guest:).*$", console, re.MULTILINE)
    if found:
        return console[found.start():]
    return "\n".join(console.splitlines()[-20:])
