# SPDX-License-Identifier: Apache-2.0
"""Holds the kernel's static key of cgroup programs, so that no container that comes or goes patches kernel text under its neighbours.

runc attaches a device program to each container's cgroup. The first one switches a static key on and the last one off; before "bpf: Split
cgroup_bpf_enabled per attach type" (5.12) that is a jump in every socket call. On real processors that costs nothing. Under the emulator a CPU can keep
running the breakpoint that was planted meanwhile, for ever (tests/kernel/README.md): seen in 5.10, in the client of a database under load.
"""
import ctypes
import errno
import os
import pathlib
import resource
import struct

SYS_BPF, PROG_LOAD, PROG_ATTACH = 321, 5, 8  # x86_64; enum bpf_cmd
CGROUP_DEVICE, ALLOW_MULTI = 15, 2  # enum bpf_prog_type; BPF_F_ALLOW_MULTI
DEVICE = 6  # enum bpf_attach_type
GROUP = pathlib.Path("/sys/fs/cgroup/tests-static-key")  # of no process
_libc = ctypes.CDLL(None, use_errno=True)


def hold_cgroup_programs():
    """Until the machine ends: the program stays with its cgroup."""
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))  # before 5.11 programs count, treelined's too
    # r0 = 1; exit
    instructions = ctypes.create_string_buffer(bytes.fromhex("b700000001000000" "9500000000000000"))
    name = ctypes.create_string_buffer(b"GPL")
    program = _bpf(PROG_LOAD, struct.pack("=IIQQ", CGROUP_DEVICE, 2, ctypes.addressof(instructions), ctypes.addressof(name)))
    GROUP.mkdir(exist_ok=True)
    group = os.open(GROUP, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _bpf(PROG_ATTACH, struct.pack("=IIII", group, program, DEVICE, ALLOW_MULTI))
    finally:
        os.close(group)
        os.close(program)


def _bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    result = _libc.syscall(SYS_BPF, command, buffer, 128)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"bpf({command}): {errno.errorcode.get(number, number)}")
    return result
