# SPDX-License-Identifier: Apache-2.0
"""Treeline's programs, as a test drives them."""

import json
import pathlib
import select
import os
import subprocess
import time


class Broken(Exception):
    """Treeline itself does not work here: nothing can be said about victims."""


class Treeline:
    def __init__(self, programs, work):
        self.programs = pathlib.Path(programs)
        self.work = pathlib.Path(work)
        self.work.mkdir(parents=True, exist_ok=True)
        self._daemon = None

    def compile(self, name, profile):
        source, bundle = self.work / f"{name}.yaml", self.work / f"{name}.bundle"
        source.write_text(profile)
        done = self._call("treelinec", "compile", source, "-o", bundle)
        if done.returncode != 0:
            raise Broken(f"treelinec compile: status {done.returncode}\n{done.stdout}")
        return bundle

    def start_daemon(self, *options, seconds=900):
        """Returns when it is ready: it says so, or why not, to a pipe."""
        reading, writing = os.pipe()
        os.set_inheritable(writing, True)
        log = open(self.work / "treelined.log", "ab")
        with log:
            self._daemon = subprocess.Popen([self.programs / "treelined", "--ready-fd", str(writing), *options],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[writing])
        os.close(writing)
        said = b""
        end = time.monotonic() + seconds
        with open(reading, "rb", buffering=0) as ready:
            while time.monotonic() < end:
                if not select.select([ready], [], [], 1.0)[0]:
                    continue
                chunk = ready.read(4096)
                if not chunk:
                    break
                said += chunk
        if said != b"ok":
            raise Broken(f"treelined did not start: {said.decode('utf-8', 'replace')}\n{self.log()}")

    @property
    def pid(self):
        return self._daemon.pid

    @property
    def helper_pid(self):
        """Its only child (enforcer/helper)."""
        return int(pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])

    def log(self):
        path = self.work / "treelined.log"
        return path.read_text(errors="replace")[-6000:] if path.exists() else ""

    def stop_daemon(self):
        if self._daemon:
            self._daemon.terminate()
            try:
                self._daemon.wait(20)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()
            self._daemon = None

    def detach(self, reason):
        """Ends the daemon and takes every hook away."""
        self.stop_daemon()
        done = self._call("treelined", "--detach", "--reason", reason)
        if done.returncode != 0:
            raise Broken(f"treelined --detach: status {done.returncode}\n{done.stdout}")

    def wait_end(self, seconds=60):
        """Till treelined has ended by itself."""
        try:
            self._daemon.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Broken(f"treelined did not end\n{self.log()}") from error
        self._daemon = None

    def start_and_die(self, *options):
        """A start that does not come to its end."""
        try:
            self.start_daemon(*options)
        except Broken:
            self.wait_end()
            return
        raise Broken(f"treelined {' '.join(options)} did not die")

    def kill_daemon(self):
        self._daemon.kill()
        self._daemon.wait()
        self._daemon = None

    def refusals(self):
        """The hooks' own exact counts, by behaviour, which outlive daemons and lost events: {(slot, node, object, hook, ...): count}."""
        path = next(pathlib.Path("/sys/fs/bpf/treeline").rglob("denials"), None)
        done = path and call(["/usr/sbin/bpftool", "-j", "map", "dump", "pinned", str(path)], 60)
        if not done or done[0] != 0:
            raise Broken(f"the map of refusals cannot be read: {path} {done}")
        return {tuple(sorted(each["formatted"]["key"].items())): each["formatted"]["value"]["count"] for each in json.loads(done[1])}

    def run(self, bundle, command, *, mode="enforce", on_violation=None, timeout=90, **started):
        """Runs a command under a policy: (exit status or None, stdout, stderr, events). `started`: how, for Popen."""
        events = self.work / "events.json"
        events.unlink(missing_ok=True)
        options = ["--on-violation", on_violation] if on_violation else []
        argv = [self.programs / "treeline", "run", "--quiet", "--rest", "kill", "--events", events, "--policy", bundle, "--mode", mode, *options, "--",
                *command]
        status, out, err = call(argv, timeout, **started)
        lines = events.read_text(errors="replace").splitlines() if events.exists() else []
        return status, out, err, [json.loads(line) for line in lines]

    def learn(self, command, *, timeout=90):
        """Runs a command while all that it does is allowed and recorded: (exit status or None, stdout, stderr)."""
        return call([self.programs / "treeline", "run", "--quiet", "--learn", "-o", self.work / "trace.jsonl", "--", *command], timeout)

    def doubts(self):
        """How often a hook could not know, and refused: {(hook, reason): count}."""
        status, out, err = call([self.programs / "treeline", "--json", "status"], 60)
        if status not in (0, 1):  # 1: degraded, which a doubt is
            raise Broken(f"treeline status: status {status}: {err}")
        return {(each["hook"], each["reason"]): each["count"] for each in json.loads(out)["doubts"]}

    def _call(self, program, *words, timeout=120):
        return subprocess.run([self.programs / program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, check=False, text=True, errors="replace")


def call(argv, timeout, **started):
    """(exit status as a shell gives it, None where it hung; stdout; stderr)"""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                               **started)
    try:
        out, err = process.communicate(timeout=timeout)
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        out, err = process.communicate()
        status = None
    return status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
