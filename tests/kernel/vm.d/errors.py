# SPDX-License-Identifier: Apache-2.0
"""The ways in which a VM run ends other than by its command's own exit status.

One exception type; its `status` is what `vm` exits with, its text is what the user reads. README.md has the same table.
"""

import sys

USAGE = 64  # the command line is wrong (EX_USAGE)
NO_MACHINE = 123  # the VM could not be started, or could not hand over the result
HANG = 124  # the command, or the boot, took longer than it was given
PANIC = 125  # the guest's kernel panicked, or the guest went away without a status
NO_KERNEL = 126  # the kernel is neither cached nor to be had


class VmError(Exception):
    """An end with `status`; `remedy`, if any, is printed on a line of its own."""

    def __init__(self, status, message, remedy=""):
        super().__init__(message)
        self.status = status
        self.remedy = remedy


def say(message):
    """One line of our own on stderr, told apart from the guest's by its prefix."""
    sys.stderr.write(f"vm: {message}\n")
    sys.stderr.flush()
