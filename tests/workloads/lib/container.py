# SPDX-License-Identifier: Apache-2.0
"""One container of a workload, from the bundle to the last unmount.

    with Container(load("nginx"), runtime=["runc"]) as container:
        container.start()                        # NotStarted if the runtime refuses, with its words
        container.wait_ready()
        status = container.traffic(seed="1", requests=1000)
        container.stop()                         # the workload's own signal; the exit status of its first process

Fixed verbs: start, wait_ready, traffic, execute, stop, remove. remove() may be called at any time and leaves nothing:
no process, cgroup, mount, namespace or file. Needs root.
"""
import ctypes
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import client
import network
import oci
from workload import CannotRun

PR_SET_CHILD_SUBREAPER = 36


class NotStarted(Exception):
    """The runtime refused to create or start the container."""


class Container:
    def __init__(self, workload, runtime=("runc",), options=None, identity=None, netns="new", directory=None):
        self.workload = workload
        self.runtime = list(runtime)
        self.options = options or oci.Options()
        self.identity = identity or f"treeline-{workload.name}-{os.getpid()}"
        self.netns = netns
        self.work = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.identity}-", dir=directory))
        self.output = self.work / "output"
        self.bundle = None
        self.network = None
        self.pid = None
        self.status = None
        self.reader = None
        self.address, self.source = "127.0.0.1", None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def start(self):
        if self.netns == "new":
            self.network = network.Namespace(self.work / "netns")
            self.options.netns = self.network.path
            self.address, self.source = network.CONTAINER, network.CLIENT
        else:
            self.options.netns = "host"
        self.bundle = oci.Bundle.write(self.workload, self.work / "bundle", self.options)
        # The container's first process becomes our child when `create` ends, so that we learn how it ended.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        pid_file = self.work / "pid"
        self._create("--bundle", os.fspath(self.bundle.path), "--pid-file", os.fspath(pid_file), self.identity)
        self.pid = int(pid_file.read_text())
        done = self._runtime("start", self.identity, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise self._refused("start", done.returncode, done.stdout)

    def _create(self, *arguments):
        """What `create` gets as its output is the container's for life: a pipe, as engines give it, that ends in a file."""
        with open(self.output, "wb") as output:
            self.reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=output)
        done = self._runtime("create", *arguments, stdout=self.reader.stdin, stderr=self.reader.stdin)
        self.reader.stdin.close()
        if done.returncode != 0:
            self._wait_reader()  # nobody else holds the pipe: all of the runtime's words are there
            raise self._refused("create", done.returncode, self.output.read_bytes())

    def _runtime(self, verb, *arguments, **streams):
        try:
            return subprocess.run([*self.runtime, verb, *arguments], stdin=subprocess.DEVNULL, timeout=300, **streams)
        except FileNotFoundError:
            raise CannotRun(f"there is no runtime {self.runtime[0]!r} here: install it or give its path") from None
        except subprocess.TimeoutExpired:
            raise NotStarted(f"{self.runtime[0]} {verb} did not end within 300 s") from None

    def _try(self, verb, *arguments):
        """For taking down, where what is gone already is no failure."""
        try:
            subprocess.run([*self.runtime, verb, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=60)
        except (FileNotFoundError, subprocess.TimeoutExpired):
            pass

    def _refused(self, verb, status, words):
        return NotStarted(f"{' '.join(self.runtime)} {verb} ended with status {status}: {words.decode(errors='replace').strip()}")

    def _wait_reader(self):
        try:
            self.reader.wait(timeout=5)
        except subprocess.TimeoutExpired:  # a process that left the container's cgroup still holds the pipe
            self.reader.kill()
            self.reader.wait()

    def environment(self):
        """For commands that look at the container from outside."""
        return {**os.environ, "TREELINE_CONTAINER_ID": self.identity, "TREELINE_CONTAINER_PID": str(self.pid),
                "TREELINE_CONTAINER_ADDRESS": self.address, "TREELINE_CONTAINER_NETNS": self.network.path if self.network else "",
                "TREELINE_CONTAINER_BUNDLE": os.fspath(self.bundle.path), "TREELINE_RUNTIME": " ".join(self.runtime)}

    def _client(self, use, seed="1"):
        """Forks a client beside the container; the child's pid."""
        made = client.generator(self.workload.name, self.address, self.source, seed)
        return client.fork_inside(self.network.path if self.network else None, lambda: use(made))

    def wait_ready(self, seconds=300):
        waiting = self._client(lambda made: 0 if made.wait_ready(seconds) else 2)
        while True:
            pid, status = os.waitpid(waiting, os.WNOHANG)
            if pid:
                break
            if self.ended() is not None:
                os.kill(waiting, signal.SIGKILL)
                os.waitpid(waiting, 0)
                raise NotStarted(f"the container ended with status {self.status} before it answered")
            time.sleep(0.02)
        if status != 0:
            raise NotStarted(f"nothing answered at {self.address}:{self.workload.port} within {seconds} s")

    def traffic(self, seed="1", requests=1000, answers=None):
        """0 if each answer was the expected one, 1 if not, 2 if nothing answers."""
        child = self._client(lambda made: client.generate(made, requests, answers), str(seed))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def execute(self, *command):
        """`runc exec`: a joining process. Returns its subprocess.CompletedProcess."""
        return subprocess.run([*self.runtime, "exec", self.identity, *command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def ended(self):
        """None while the first process lives, else its exit status (128 + signal if a signal killed it)."""
        if self.status is None and self.pid is not None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # kept by an earlier `run --keep`: somebody else's child
                return None if os.path.exists(f"/proc/{self.pid}") else 0
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code
        return self.status

    def stop(self, seconds=120):
        """Asks it to end in the way its image says, and waits. Returns its exit status; None if it had to be killed."""
        if self.ended() is None:
            self._try("kill", self.identity, self.workload.container["stop_signal"])
            deadline = time.monotonic() + seconds
            while self.ended() is None and time.monotonic() < deadline:
                time.sleep(0.02)
        return self.ended()

    def remove(self):
        if self.pid is not None:
            if self.ended() is None:
                self._try("kill", self.identity, "SIGKILL")
                for _ in range(500):
                    if self.ended() is not None:
                        break
                    time.sleep(0.02)
            self._try("delete", "--force", self.identity)
            self.pid = None
        elif self.bundle is not None:
            self._try("delete", "--force", self.identity)
        if self.bundle is not None:
            self.bundle.remove()
            self.bundle = None
        if self.network is not None:
            self.network.remove()
            self.network = None
        if self.reader is not None:
            if self.reader.stdin:
                self.reader.stdin.close()
            self._wait_reader()
        for name in ("output", "pid"):
            (self.work / name).unlink(missing_ok=True)
        if self.work.exists():
            self.work.rmdir()
