# SPDX-License-Identifier: Apache-2.0
"""Container engines of Debian 12, each with the file of deploy/oci that sets Treeline up in it:

    engine = Podman()                       # or Containerd(), Docker()
    engine.begin()                          # its daemon, where it has one
    status, said = engine.start("web-1", policy="web", command=["/bin/sh", "-c", PROGRAM])
    engine.execute("web-1", "/usr/bin/id"), engine.kill("web-1"), engine.remove("web-1")

Containers have the engine's own defaults (capabilities, seccomp filter, /proc masks), no network, and the host's directory EXCHANGE at /x.
Everything is called by its absolute path of Debian's packages; nothing of it lasts, as this runs in the micro VM.
"""
import hashlib
import json
import pathlib
import shutil
import subprocess
import time

DEPLOY = pathlib.Path(__file__).resolve().parents[3] / "deploy/oci"
EXCHANGE = pathlib.Path("/tmp/exchange")
ROOT = pathlib.Path("/tmp/root")
PROGRAMS = ("/bin/sh", "/usr/bin/cat", "/usr/bin/id", "/usr/bin/sleep")


def make_root():
    """A root file system of four programs and what they link to."""
    for name in ("proc", "dev", "sys", "etc", "tmp", "run", "x"):
        (ROOT / name).mkdir(parents=True, exist_ok=True)
    (ROOT / "etc/shadow").write_text("root:secret\n")
    (ROOT / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    for program in PROGRAMS:
        said = subprocess.run(["/usr/bin/ldd", program], check=True, stdout=subprocess.PIPE, text=True).stdout
        for path in [program, *(word for word in said.split() if word.startswith("/"))]:
            target = ROOT / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)


def run(*words, timeout=180):
    """(exit status, what it said)"""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=timeout)
    return done.returncode, done.stdout.strip()


def wait_for(condition, seconds, what):
    """What the condition gives, once that is true."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.3)
    return result


class Podman:
    name = "podman"
    _plain = ("/usr/bin/podman", "--cgroup-manager", "cgroupfs", "--storage-driver", "vfs")
    _call = (*_plain, "--runtime", "treeline")
    root = ("--rootfs", ROOT)  # what containers are made from; or (an image's name,)

    def begin(self):
        place = pathlib.Path("/etc/containers/containers.conf.d/treeline.conf")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEPLOY / "podman-containers.conf", place)

    def end(self):
        """There is no daemon."""

    def start(self, name, policy, command, *options):
        named = ("--annotation", f"treeline.policy={policy}") if policy else ()
        return run(*self._call, "run", "--detach", "--name", name, "--network", "none", "--volume", f"{EXCHANGE}:/x", *named, *options, *self.root,
                   *command)

    def execute(self, name, *command):
        return run(*self._call, "exec", name, *command)

    def restart(self, name):
        return run(*self._call, "restart", "--time", "1", name)

    def running(self, name):
        return run(*self._call, "inspect", "--format", "{{.State.Running}}", name)[1] == "true"

    def kill(self, name):
        return run(*self._call, "kill", name)

    def remove(self, name):
        return run(*self._call, "rm", "--force", "--time", "1", name)

    def identity(self, name):
        return run(*self._call, "inspect", "--format", "{{.Id}}", name)[1]

    def add_image(self, name, annotations):
        """An image of ROOT whose manifest bears these annotations."""
        place = pathlib.Path("/tmp") / name
        layer = subprocess.run(["/usr/bin/tar", "-C", str(ROOT), "-c", "."], check=True, stdout=subprocess.PIPE).stdout
        media = "application/vnd.oci.image."
        (place / "blobs/sha256").mkdir(parents=True)

        def blob(kind, data):
            digest = hashlib.sha256(data).hexdigest()
            (place / "blobs/sha256" / digest).write_bytes(data)
            return {"mediaType": media + kind, "digest": f"sha256:{digest}", "size": len(data)}

        layer = blob("layer.v1.tar", layer)
        settings = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
        manifest = {"schemaVersion": 2, "mediaType": media + "manifest.v1+json", "config": blob("config.v1+json", json.dumps(settings).encode()),
                    "layers": [layer], "annotations": annotations}
        index = {"schemaVersion": 2, "manifests": [blob("manifest.v1+json", json.dumps(manifest).encode())]}
        (place / "index.json").write_text(json.dumps(index))
        (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        status, said = run(*self._plain, "pull", f"oci:{place}")
        if status != 0:
            raise AssertionError(f"podman pull: {said}")
        return said.splitlines()[-1]


class Containerd:
    """By ctr, its own client: the CRI plugin that deploy/oci/containerd-1.toml configures has no client in Debian 12."""
    name = "containerd"
    socket = pathlib.Path("/run/containerd/containerd.sock")
    _call = ("/usr/bin/ctr",)

    def begin(self):
        configured = pathlib.Path("/etc/containerd/config.toml")
        configured.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEPLOY / "containerd-1.toml", configured)
        self.log = open("/tmp/containerd.log", "ab")
        self.daemon = subprocess.Popen(["/usr/bin/containerd"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for(lambda: self.socket.exists() and run(*self._call, "version")[0] == 0, 120, "containerd")

    def end(self):
        self.daemon.terminate()
        self.daemon.wait(60)

    def configuration(self):
        """What containerd has read of our file."""
        return run("/usr/bin/containerd", "config", "dump")[1]

    def start(self, name, policy, command, *options):
        named = ("--annotation", f"treeline.policy={policy}") if policy else ()
        outcome = run(*self._call, "run", "--detach", "--seccomp", "--runc-binary", "/usr/bin/treeline-oci", *named, *options, "--mount",
                      f"type=bind,src={EXCHANGE},dst=/x,options=rbind:rw", "--rootfs", ROOT, name, *command)
        if outcome[0] != 0:
            run(*self._call, "containers", "rm", name)
        return outcome

    def execute(self, name, *command):
        return run(*self._call, "tasks", "exec", "--exec-id", f"e{time.monotonic_ns()}", name, *command)

    def running(self, name):
        return any(line.split()[0] == name and line.split()[-1] == "RUNNING" for line in run(*self._call, "tasks", "ls")[1].splitlines() if line)

    def kill(self, name):
        return run(*self._call, "tasks", "kill", "--signal", "SIGKILL", name)

    def remove(self, name):
        if self.running(name):
            self.kill(name)
        run(*self._call, "tasks", "rm", "--force", name)
        return run(*self._call, "containers", "rm", name)

    def identity(self, name):
        return name


class Docker:
    """Debian 12's has no --annotation yet: a runtime per policy, as deploy/oci/README.md says. Needs a containerd that runs."""
    name = "docker"
    policies = ("sh", "sh-join", "nothing")
    _call = ("/usr/bin/docker",)

    def begin(self):
        settings = json.loads((DEPLOY / "docker-daemon.json").read_text())
        for policy in self.policies:
            settings["runtimes"][f"treeline-{policy}"] = {"path": "/usr/bin/treeline-oci", "runtimeArgs": ["--runtime", "runc", "--policy", policy]}
        settings.update({"iptables": False, "bridge": "none", "storage-driver": "vfs", "exec-opts": ["native.cgroupdriver=cgroupfs"]})
        configured = pathlib.Path("/etc/docker/daemon.json")
        configured.parent.mkdir(parents=True, exist_ok=True)
        configured.write_text(json.dumps(settings))
        self.log = open("/tmp/dockerd.log", "ab")
        self.daemon = subprocess.Popen(["/usr/sbin/dockerd", "--containerd", str(Containerd.socket)], stdin=subprocess.DEVNULL, stdout=self.log,
                                       stderr=self.log)
        wait_for(lambda: run(*self._call, "info")[0] == 0, 180, "dockerd")
        packed = subprocess.run(["/usr/bin/tar", "-C", str(ROOT), "-c", "."], check=True, stdout=subprocess.PIPE).stdout
        subprocess.run([*self._call, "import", "-", "small"], input=packed, check=True, stdout=subprocess.DEVNULL, timeout=180)

    def end(self):
        self.daemon.terminate()
        self.daemon.wait(60)

    def start(self, name, policy, command, *options):
        named = ("--runtime", f"treeline-{policy}") if policy else ()
        return run(*self._call, "run", "--detach", "--name", name, "--network", "none", "--volume", f"{EXCHANGE}:/x", *named, *options, "small", *command)

    def execute(self, name, *command):
        return run(*self._call, "exec", name, *command)

    def restart(self, name):
        return run(*self._call, "restart", "--time", "1", name)

    def running(self, name):
        return run(*self._call, "inspect", "--format", "{{.State.Running}}", name)[1] == "true"

    def kill(self, name):
        return run(*self._call, "kill", name)

    def remove(self, name):
        return run(*self._call, "rm", "--force", name)

    def identity(self, name):
        return run(*self._call, "inspect", "--format", "{{.Id}}", name)[1]
