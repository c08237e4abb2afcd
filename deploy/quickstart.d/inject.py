# SPDX-License-Identifier: Apache-2.0
"""System calls made by another process, as shellcode in it would make them.

    with Captured(pid) as victim:                 # stopped in a system call; CaptureFailed if it never is
        fd = victim.call(OPENAT, AT_FDCWD, victim.text(b"/etc/shadow"), os.O_RDONLY)    # or -errno

The host's root stops the process (ptrace), points its instruction pointer at the `syscall` instruction it waits behind, steps
over it, and puts everything back. The kernel sees the process's own call: its credentials, its cgroup, its Treeline tag. Strings lie below
its stack. x86-64 only. A successful execve leaves nothing to put back: `call` then gives 0 and the process goes on as what it became.
"""
import ctypes
import os
import signal
import struct
import time

READ, WRITE, OPEN, CLOSE, MMAP, MUNMAP, SOCKET, CONNECT, BIND, LISTEN, EXECVE, OPENAT = 0, 1, 2, 3, 9, 11, 41, 42, 49, 50, 59, 257
AT_FDCWD = -100
_GETREGS, _SETREGS, _SINGLESTEP, _DETACH, _SEIZE, _INTERRUPT = 12, 13, 9, 17, 0x4206, 0x4207
_WALL = 0x40000000
_NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs").split()
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class CaptureFailed(Exception):
    pass


class _Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in _NAMES]


class Captured:
    def __init__(self, pid):
        self.pid = pid
        self._pending = []
        self._became = False

    def __enter__(self):
        for _ in range(50):
            self._ptrace(_SEIZE)
            self._ptrace(_INTERRUPT)
            os.waitpid(self.pid, _WALL)
            self._memory = open(f"/proc/{self.pid}/mem", "r+b", buffering=0)
            self._saved = self._registers()
            if self._read(self._saved.rip - 2, 2) == b"\x0f\x05":
                self._scratch = (self._saved.rsp - 8192) & ~15
                return self
            self._detach()
            time.sleep(0.05)
        raise CaptureFailed(f"process {self.pid} does not wait in a system call")

    def __exit__(self, *_):
        if not self._became:
            self._ptrace(_SETREGS, 0, ctypes.byref(self._saved))
        self._detach()

    def text(self, data):
        """Its address there, for the next calls."""
        data += b"\0"
        at = self._scratch
        self._memory.seek(at)
        self._memory.write(data)
        self._scratch += (len(data) + 15) & ~15
        return at

    def words(self, values):
        return self.text(struct.pack(f"<{len(values)}Q", *values))

    def bytes(self, at, length):
        return self._read(at, length)

    def call(self, number, *arguments):
        executable = os.readlink(f"/proc/{self.pid}/exe")
        regs = _Registers.from_buffer_copy(self._saved)
        regs.rip, regs.rax, regs.orig_rax = self._saved.rip - 2, number, 0xFFFFFFFFFFFFFFFF
        for name, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), arguments):
            setattr(regs, name, value & 0xFFFFFFFFFFFFFFFF)
        self._ptrace(_SETREGS, 0, ctypes.byref(regs))
        while True:
            self._ptrace(_SINGLESTEP)
            _, status = os.waitpid(self.pid, _WALL)
            if not os.WIFSTOPPED(status):
                self._became = True
                raise CaptureFailed(f"process {self.pid} is gone")
            if os.WSTOPSIG(status) == signal.SIGTRAP:
                break
            self._pending.append(os.WSTOPSIG(status))  # its own signal: given to it when it is let go
        if number == EXECVE and os.readlink(f"/proc/{self.pid}/exe") != executable:
            self._became = True
            return 0
        value = self._registers().rax
        return value - (1 << 64) if value >> 63 else value

    def _registers(self):
        regs = _Registers()
        self._ptrace(_GETREGS, 0, ctypes.byref(regs))
        return regs

    def _read(self, at, length):
        self._memory.seek(at)
        return self._memory.read(length)

    def _detach(self):
        self._memory.close()
        try:
            self._ptrace(_DETACH)
        except OSError:
            return  # it is gone
        for number in self._pending:
            os.kill(self.pid, number)

    def _ptrace(self, request, address=0, data=0):
        if _LIBC.ptrace(request, self.pid, address, data) < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"ptrace of {self.pid}: {os.strerror(number)}")
