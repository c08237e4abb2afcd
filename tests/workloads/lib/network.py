# SPDX-License-Identifier: Apache-2.0
"""A network namespace for one container, without any device but its loopback.

    with Namespace("tl-nginx-7") as network:
        network.path           # for config.json
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
    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        self.enter = ["nsenter", f"--net={self.path}"]
        _ip("netns", "add", name)
        try:
            _ip("-n", name, "link", "set", "lo", "up")
            for address in (CLIENT, CONTAINER, STRANGER):
                _ip("-n", name, "address", "add", f"{address}/32", "dev", "lo")
        except BaseException:
            self.remove()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        if os.path.exists(self.path):
            _ip("netns", "delete", self.name)


def _ip(*arguments):
    try:
        done = subprocess.run(["ip", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        raise CannotRun("there is no `ip` here: install Debian's iproute2") from None
    if done.returncode != 0:
        raise CannotRun(f"ip {' '.join(arguments)}: {done.stdout.strip()} (needs root; or use --netns host)")
