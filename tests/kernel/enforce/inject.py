# SPDX-License-Identifier: Apache-2.0
"""System calls made from inside another process, by ptrace: what somebody who runs code in it could do. x86_64 only."""

import ctypes
import os
import signal
import time

NAMES = ("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss",
         "fs_base", "gs_base", "ds", "es", "fs", "gs")
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
PEEK, POKE, CONT, GETREGS, SETREGS, ATTACH, DETACH = 1, 4, 7, 12, 13, 16, 17
SYSCALL = b"\x0f\x05"
MASK = (1 << 64) - 1
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in NAMES]


class Ended(Exception):
    """The process ended by this signal instead of going on."""

    def __init__(self, number):
        super().__init__(f"ended by signal {number}")
        self.signal = number


class Inside:
    """A process that waits in a system call, stopped; it must be a child of ours.

        with Inside(pid) as process:
            process.call(39)                       # getpid
            process.call(257, -100, b"/etc/x", 0x41, 0o600)
    """

    def __init__(self, pid):
        self.pid = pid

    def ptrace(self, request, address=0, data=0):
        ctypes.set_errno(0)
        result = libc.ptrace(request, self.pid, address, data)
        if ctypes.get_errno():
            raise OSError(ctypes.get_errno(), f"ptrace {request} of {self.pid}")
        return result & MASK

    def wait(self):
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status):
            raise Ended(os.WTERMSIG(status))
        return os.WSTOPSIG(status)

    def registers(self):
        registers = Registers()
        self.ptrace(GETREGS, 0, ctypes.addressof(registers))
        return registers

    def set_registers(self, registers):
        self.ptrace(SETREGS, 0, ctypes.addressof(registers))

    def stopped_in_a_call(self):
        """Attached, and where its last instruction was a system call; else detached again."""
        self.ptrace(ATTACH)
        while self.wait() != signal.SIGSTOP:
            self.ptrace(CONT)
        self.saved = self.registers()
        self.word = self.ptrace(PEEK, self.saved.rip)
        before = self.ptrace(PEEK, self.saved.rip - 2).to_bytes(8, "little")
        if before[:2] == SYSCALL:
            return True
        self.ptrace(DETACH)
        return False

    def __enter__(self):
        end = time.monotonic() + 60
        while not self.stopped_in_a_call():  # it may be at work at just this moment
            if time.monotonic() > end:
                raise RuntimeError("the process does not wait in a system call")
            time.sleep(0.1)
        # A breakpoint where the call, or the handler of its refusal, comes back to.
        self.ptrace(POKE, self.saved.rip, self.word & ~0xff | 0xcc)
        return self

    def __exit__(self, kind, value, trace):
        if isinstance(value, Ended):
            return
        self.ptrace(POKE, self.saved.rip, self.word)
        self.set_registers(self.saved)
        self.ptrace(DETACH)

    def put(self, data, room):
        """Bytes below the stack; their address."""
        data += bytes(8 - len(data) % 8)
        address = (self.saved.rsp - 4096 - room * 512) & ~15
        for at in range(0, len(data), 8):
            self.ptrace(POKE, address + at, int.from_bytes(data[at:at + 8], "little"))
        return address

    def call(self, number, *arguments):
        """What the call gives; -errno where it fails."""
        registers = Registers.from_buffer_copy(self.saved)
        registers.orig_rax, registers.rax = MASK, number
        registers.rip = self.saved.rip - 2
        registers.rsp = (self.saved.rsp - 16384) & ~15
        for room, (name, value) in enumerate(zip(ARGUMENTS, arguments)):
            setattr(registers, name, (self.put(value, room) if isinstance(value, bytes) else value) & MASK)
        self.set_registers(registers)
        delivered = 0
        while True:
            self.ptrace(CONT, 0, delivered)
            delivered = self.wait()
            if delivered == signal.SIGTRAP:
                result = self.registers().rax
                return result - (1 << 64) if result >> 63 else result
