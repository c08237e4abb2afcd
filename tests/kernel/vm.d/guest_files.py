# SPDX-License-Identifier: Apache-2.0
"""What to run, and the files that tell the guest: read by guest/init and guest/session from /vm of the initramfs."""

import os
import shlex

import terminal

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


def files(what, mark):
    """{path: (mode, bytes)}: what to mount, the command, the mark that ends its streams, whether it has a terminal."""
    quote = shlex.quote
    mounts = [f"modules {quote(os.path.dirname(what.kernel.modules))}"]
    mounts += [f"show {quote(path)}" for path in sorted(_to_show(what.visible))]
    mounts += [f"share w{index} {quote(path)}" for index, path in enumerate(what.writable)]
    script = [f"export {name}={quote(value)}" for name, value in what.environment.items()]
    if what.interactive:
        script.append(terminal.size_command())
    script += [f"cd -- {quote(what.cwd)} || exit 127", "exec " + " ".join(map(quote, what.command))]
    made = {
        "vm/mark": (0o600, mark.encode() + b"\n"),
        "vm/mounts": (0o644, ("\n".join(mounts) + "\n").encode()),
        "vm/command": (0o644, ("\n".join(script) + "\n").encode()),
    }
    if what.interactive:
        made["vm/interactive"] = (0o644, b"")
    return made


def _to_show(paths):
    """For each path below a covered directory, the entry of that directory which leads to it."""
    for path in paths:
        for covered in _COVERED:
            rest = path[len(covered):]
            if path.startswith(covered) and rest.startswith("/") and rest != "/":
                yield covered + "/" + rest.split("/")[1]
