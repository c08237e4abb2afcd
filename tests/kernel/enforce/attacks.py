# SPDX-License-Identifier: Apache-2.0
"""The attacks that a learned server commits itself, and whether what came of one is as it should be.

Each has its effect without a policy (the test proves it first); in enforce it has none, and there is one event; in monitor it has its
effect, and the event says "would have been denied"; with kill the process that commits it is gone before the effect.
"""
import dataclasses
import os
import pathlib
import socket

import cell
import expect

ADDRESS, STRANGER = "10.88.0.2", "10.88.0.3"
PORT, TAKEN = "4002", "31337"
SHELL = "/usr/bin/dash"


@dataclasses.dataclass
class Attack:
    name: str
    words: list
    hook: object
    object: str = None
    also: tuple = ()
    blob: bytes = b""
    who: str = None       # another process of the server than the workload's usual one
    seen: object = None   # a second witness, outside: called after the act, true where the effect is there
    child: bool = False   # a child of the server commits it: that one is killed
    not_on: tuple = ()    # workloads
    filtered: bool = False  # no hook of this kernel sees it: the policy's seccomp filter refuses it, where it is enforced, without an event

    def row(self, mode="enforce"):
        return expect.Row(act=self.name, hook=self.hook, object=self.object, also=self.also, filtered=self.filtered and mode != "monitor")


class Outside:
    """What the test has beside a container: listeners in its network, its files as the host sees them."""

    def __init__(self, container, page):
        self.container = container
        self.files = {path: (container.bundle.rootfs / path[1:]).read_bytes() for path in (page, cell.BINARY)}
        self.listeners = cell.inside(container, lambda: {peer: _listener(peer, PORT) for peer in (STRANGER, "127.0.0.1")})

    def close(self):
        for each in self.listeners.values():
            each.close()

    def connected(self, peer):
        try:
            self.listeners[peer].accept()[0].close()
            return True
        except BlockingIOError:
            return False

    def reached(self):
        def attempt():
            with socket.socket() as client:
                client.settimeout(5)
                return client.connect_ex((ADDRESS, int(TAKEN))) == 0
        return cell.inside(self.container, attempt)

    def changed(self, path):
        """True once; the contents are put back."""
        where = self.container.bundle.rootfs / path[1:]
        if where.read_bytes() == self.files[path]:
            return False
        where.write_bytes(self.files[path])
        return True


def _listener(host, port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    listener.listen(64)
    listener.setblocking(False)
    return listener


def attacks(name, programs, tiny):
    """tiny: a program that exits with 42."""
    place = cell.PLACES[name]
    page, written = place["page"], place["written"]
    library = pathlib.Path(programs / "victim_implant_library.so").read_bytes()
    every = [
        Attack("shell", ["exec", "7", "/bin/sh", "--", "sh", "-c", "exit 7"], "bprm_check_security", SHELL, child=True),
        Attack("curl", ["exec", "2", "/usr/bin/curl", "--", "curl"], "bprm_check_security", "/usr/bin/curl", child=True),
        Attack("read-shadow", ["read", cell.SHADOW], "file_open", cell.SHADOW),
        Attack("write-binary", ["write", cell.BINARY], "file_open", cell.BINARY, seen=lambda o: o.changed(cell.BINARY)),
        Attack("write-page", ["write", page], "file_open", page, seen=lambda o: o.changed(page)),
        Attack("connect-address", ["connect", STRANGER, PORT], "socket_connect", f"{STRANGER}:{PORT}", seen=lambda o: o.connected(STRANGER)),
        Attack("connect-port", ["connect", "127.0.0.1", PORT], "socket_connect", f"127.0.0.1:{PORT}", seen=lambda o: o.connected("127.0.0.1")),
        Attack("listen", ["listen", TAKEN], "socket_bind", also=("socket_listen", "inet_conn_request"), seen=lambda o: o.reached()),
        Attack("load-written", ["load", written], ("mmap_file", "file_open"), written, blob=library),
        Attack("memfd", ["memfd"], "bprm_check_security", "{memfd}", blob=tiny, child=True),
        Attack("rwx", ["rwx"], "file_mprotect", "jit"),
        Attack("host-name", ["host-name"], "capable", "sys_admin", who="first", child=True, not_on=("redis", "postgres", "app")),
        Attack("user-namespace", ["user-namespace"], ("userns_create", "capable"), also=("userns_create", "capable"), child=True,
               filtered=os.environ.get("TREELINE_KERNEL") == "5.10"),
        Attack("borrow", ["borrow", f"{cell.BORROW}/broken", f"{cell.BORROW}/secret"], "file_open", f"{cell.BORROW}/secret"),
    ]
    if name == "app":  # the one whose tree has a child of the server, which reads what the server writes there
        lent = "/tmp/tmpk3v9x_2m.csv"
        every.append(Attack("preload-written", ["preload", lent, "42", "/usr/bin/gzip", "TREELINE_PRELOADED=1", "--", "gzip", "--version"],
                            "mmap_file", lent, blob=library, child=True))
    return [each for each in every if name not in each.not_on]


def judge(attack, mode, outcome, seen, events):
    """Why it is wrong; empty where it is right. mode: unconfined, enforce, kill, monitor."""
    happened = outcome.effect or seen is True
    reasons = []
    if outcome.hung:
        reasons.append("it did not come back")
    if outcome.error < 0:
        reasons.append(f"its preparation failed: {outcome}")
    if seen is not None and seen != outcome.effect and mode != "kill":
        reasons.append(f"the server says effect {outcome.effect}, the witness outside {seen}")
    if mode == "unconfined":
        return reasons + ([] if happened else [f"no effect without a policy: {outcome}"])
    if mode == "kill" and not attack.filtered:
        killed = outcome.child_killed if attack.child else outcome.gone
        reasons += [] if killed else [f"the process was not killed: {outcome}"]
    elif outcome.gone:
        reasons.append("the server is gone")
    return reasons + expect.wrong(attack.row(mode), mode, happened, events, [])


def tree_with_borrow(profile, executable):
    """The profile with one more child of the server: what `borrow` executes, and what that alone may read."""
    lines, out, at = profile.splitlines(), [], 0
    child = ["- exec: " + f"{cell.BORROW}/broken", "  files:", f"    {cell.BORROW}/broken: read",
             f"    {cell.BORROW}/secret: read"]
    while at < len(lines):
        line = lines[at]
        at += 1
        out.append(line)
        if line.strip().replace('"', "") != f"- exec: {executable}" or at < len(lines) and "back_to:" in lines[at]:
            continue
        inner = " " * (len(line) - len(line.lstrip()) + 2)
        while at < len(lines) and lines[at].startswith(inner):
            out.append(lines[at])
            at += 1
            if out[-1] == inner + "children:":
                break
        else:
            out.append(inner + "children:")
        out += [inner + "  " + each for each in child]
    return "\n".join(out) + "\n"
