# SPDX-License-Identifier: Apache-2.0
"""The machine of the OCI tests: a treelined that can be stopped and hung, policies, and small containers under a real runtime.

A container's program is a shell that leaves a mark, then waits: what the host puts into its root file system says what it does. So a test
sees whether the program ever ran (the mark), and what it was refused (what it wrote).
"""
import hashlib
import json
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/workloads/lib"))
import oci  # noqa: E402
from workload import load  # noqa: E402

SOCKET = pathlib.Path("/run/treeline/treeline.sock")
CONF = pathlib.Path("/etc/treeline/treeline.conf")
STORE = pathlib.Path("/var/lib/treeline/policies")
# Only the shell's own words, and sleep: the tree is one node and its child. /try is not there while it is learned.
PROGRAM = ('echo ran > /mark; while [ ! -e /stop ]; do '
           '[ ! -e /try ] || { /usr/bin/cat /etc/shadow; echo "cat: $?"; }; /usr/bin/sleep 0.2; done; echo end')


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


class SystemLog:
    """/dev/log, where there is no syslogd: what was written to it so far."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("/dev/log")
        self._socket.setblocking(False)

    def new_lines(self):
        lines = []
        try:
            while True:
                lines.append(self._socket.recv(65536).decode(errors="replace"))
        except BlockingIOError:
            return "\n".join(lines)


class Treeline:
    def __init__(self, programs):
        self.programs = pathlib.Path(programs).resolve()
        self.daemon = None
        self.log = pathlib.Path("/tmp/treelined.log")
        self.system_log = SystemLog()
        CONF.parent.mkdir(parents=True, exist_ok=True)

    def program(self, name):
        return str(self.programs / name)

    def conf(self, text):
        CONF.write_text(text)

    def start(self):
        SOCKET.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen([self.program("treelined")], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: SOCKET.exists() or self.daemon.poll() is not None, 900, "treelined's socket")
        if self.daemon.poll() is not None:
            raise AssertionError("treelined ended: " + self.log.read_text()[-1000:])

    def stop(self):
        if self.daemon:
            self.daemon.send_signal(signal.SIGCONT)
            self.daemon.terminate()
            self.daemon.wait(60)
            self.daemon = None

    def __call__(self, *words, check=True):
        done = subprocess.run([self.program("treeline"), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=200)
        if check and done.returncode != 0:
            raise AssertionError(f"treeline {' '.join(words)}: status {done.returncode}: {done.stdout.strip()}")
        return done.stdout

    def compiler(self, *words):
        done = subprocess.run([self.program("treelinec"), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=200)
        if done.returncode != 0:
            raise AssertionError(f"treelinec {' '.join(words)}: status {done.returncode}: {done.stdout.strip()}")
        return done.stdout

    def is_bound(self, identity):
        status = json.loads(self("--json", "status", check=False))
        return any(c["container"] == identity for c in status["containers"])


def bundle_in_store(name):
    """The directory of a policy's current bundle."""
    state = json.loads((STORE / name / "state.json").read_text())
    return STORE / name / f"bundle-{state['bundle']}"


def add_artifact(bundle, name, kind, content):
    """What a compiler with another back end would write: the artifact, and a manifest that names it."""
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_text())
    if encode(manifest) != path.read_text():
        raise AssertionError("manifest.json is not written as this test thinks")
    (bundle / name).write_text(content)
    manifest["artifacts"].append({"name": name, "kind": kind, "size": len(content.encode()),
                                  "sha256": hashlib.sha256(content.encode()).hexdigest()})
    manifest["artifacts"].sort(key=lambda artifact: artifact["name"])
    path.write_text(encode(manifest))


def encode(manifest):
    manifest = {key: value for key, value in manifest.items() if key != "sha256"}
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    manifest["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class Container:
    """with Container(treeline, "runc", policy="sh") as c: status, words = c.start()"""
    count = 0

    def __init__(self, treeline, runtime, policy=None, wrapper=True, program=PROGRAM, edit=None, **options):
        Container.count += 1
        self.treeline, self.runtime = treeline, runtime
        self.identity = f"oci-{runtime}-{Container.count}"
        self.command = [treeline.program("treeline-oci"), "--runtime", runtime] if wrapper else [runtime]
        self.work = pathlib.Path(f"/tmp/{self.identity}")
        annotations = {"treeline.policy": policy} if policy else {}
        self.bundle = oci.Bundle.write(load("redis"), self.work / "bundle", oci.Options(
            annotations=annotations, args=["/bin/sh", "-c", program], **options))
        self.output = self.work / "output"
        if edit:
            path = self.bundle.path / "config.json"
            config = json.loads(path.read_text())
            edit(config)
            path.write_text(json.dumps(config))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([self.runtime, "delete", "--force", self.identity], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.bundle.remove()

    def put(self, name):
        (self.bundle.rootfs / name).write_text("")

    def has(self, name):
        return (self.bundle.rootfs / name).exists()

    def config(self):
        return json.loads((self.bundle.path / "config.json").read_text())

    def runtime_call(self, *words, timeout=120):
        """(exit status, what it and the container said)"""
        with open(self.output, "ab") as output:
            before = output.tell()
            done = subprocess.run([*self.command, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=timeout)
        return done.returncode, self.output.read_bytes()[before:].decode(errors="replace").strip()

    def start(self, *options):
        """run -d, and until the program has begun, where the runtime says that it has."""
        status, words = self.runtime_call("run", "--detach", "--bundle", str(self.bundle.path), *options, self.identity)
        if status == 0:
            wait_for(lambda: self.has("mark") or not self.running(), 60, "the program's mark")
        return status, words

    def state(self):
        done = subprocess.run([self.runtime, "state", self.identity], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def running(self):
        state = self.state()
        return state is not None and state["status"] == "running"

    def finish(self):
        """Lets it end by itself, deletes it; what it wrote."""
        self.put("stop")
        wait_for(lambda: not self.running(), 60, f"the end of {self.identity}")
        status, words = self.runtime_call("delete", self.identity)
        if status != 0:
            raise AssertionError(f"delete: status {status}: {words}")
        return self.output.read_text(errors="replace")
