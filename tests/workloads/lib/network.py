# SPDX-License-Identifier: Apache-2.0
"""A network namespace for one container, without any device but its loopback.

    with Namespace("/tmp/work/netns") as network:
        network.path           # for config.json: the file that holds the namespace
        network.enter + [...]  # a command line that runs in it

Three addresses stand on the loopback: the client's, the container's and a stranger's. A client that binds itself to
its own address is then a peer as any machine on the container's network, and no kernel module (veth, bridge) is needed.
"""
import os
import subprocess

from workload import CannotRun

CLIENT = "10.88.0.1"
CONTAINER = "10.88.0.2"
STRANGER = "10.88.0.3"


class Namespace:
    def __init__(self, path):
        """`path` is made: a file with the namespace mounted on it, which needs no directory that others share."""
        self.path = os.fspath(path)
        self.enter = ["nsenter", f"--net={self.path}"]
        open(self.path, "x").close()
        addresses = "".join(f"address add {address}/32 dev lo\n" for address in (CLIENT, CONTAINER, STRANGER))
        try:
            _command(["unshare", f"--net={self.path}", "ip", "-batch", "-"], f"link set lo up\n{addresses}")
        except BaseException:
            self.remove()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        if os.path.exists(self.path):
            subprocess.run(["umount", self.path], stderr=subprocess.DEVNULL)
            os.unlink(self.path)


def _command(argv, text):
    try:
        done = subprocess.run(argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        raise CannotRun(f"there is no {argv[0]!r} here: install Debian's util-linux and iproute2") from None
    if done.returncode != 0:
        raise CannotRun(f"{' '.join(argv)}: {done.stdout.strip()} (needs root and iproute2; or use --netns host)")
