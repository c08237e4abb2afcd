# SPDX-License-Identifier: Apache-2.0
"""The demonstration itself, as root where the kernel enforces: on this machine, or in the micro VM (main.py decides and starts it).

What stands in for what: nobody brings an exploit for nginx along. So the host's root makes nginx's own processes commit the
attacks (inject.py): the kernel sees what it would see if a bug in nginx had run the attacker's code. The intruder who has a runtime's
socket is a real `runc exec`.
"""
import argparse
import contextlib
import errno
import http.client
import io
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/workloads/lib")]

import acts  # noqa: E402
import client  # noqa: E402
import inject  # noqa: E402
import kept  # noqa: E402
import network  # noqa: E402
import oci  # noqa: E402
from container import Container, NotStarted  # noqa: E402
from talk import Step, colour, heading, say, tell  # noqa: E402
from workload import CannotRun, load  # noqa: E402

NAME = "nginx"
WORK = pathlib.Path("/run/treeline-quickstart")
KEPT_AT_MOST = 24 * 3600  # seconds: somebody may forget it
STRANGER = f"{network.STRANGER}:4444"
# (who commits it, the act, in plain words)
ATTACKS = [
    ("worker", "run /bin/sh -c id", "the worker becomes a shell"),
    ("worker", f"connect {STRANGER}", "the worker calls home, to an address it was never seen with"),
    ("worker", "listen 4445", "the worker opens a back door on another port"),
    ("worker", "inject", "the worker makes memory both writable and executable, for shellcode"),
    ("worker", "create /tmp/tool", "the worker drops a file"),
    ("master", "read /etc/shadow", "the master, root in the container, reads the passwords"),
    ("master", "write /srv/www/index.html", "the master defaces a web page"),
    ("master", "write /usr/bin/curl", "the master writes to a program"),
]


class Failed(Exception):
    """Treeline or the container does not work: what follows makes no sense."""


class Show:
    def __init__(self, options):
        self.options = options
        self.programs = pathlib.Path(options.programs).resolve()
        self.socket = WORK / "run/treeline.sock"
        self.conf = WORK / "treeline.conf"
        self.daemon = None
        self.wrong = 0
        self.told = 0  # lines of `treeline events` that were shown

    # Treeline

    def start_daemon(self):
        WORK.mkdir(mode=0o700)
        self.conf.write_text(f"default = unbound\nstore = {WORK}/store\nruntime = {WORK}/run\nlog = notice\n")
        reading, writing = os.pipe()
        os.set_inheritable(writing, True)
        with open(WORK / "treelined.log", "wb") as log:
            self.daemon = subprocess.Popen([self.programs / "treelined", "--conf", self.conf, "--ready-fd", str(writing)], stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log, pass_fds=[writing], start_new_session=True)
        os.close(writing)
        with open(reading, "rb") as ready:
            said = ready.read().decode(errors="replace")
        if said != "ok":
            raise CannotRun(f"treelined does not start here: {said or self.log()}")

    def log(self):
        return (WORK / "treelined.log").read_text(errors="replace")[-3000:]

    def end(self):
        """Takes off whatever start_daemon and what came after it put there."""
        if self.daemon:
            self.run("treelined", "--conf", self.conf, "--detach", "--reason", "end of quickstart", check=False)
            try:
                self.daemon.wait(20)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        shutil.rmtree(WORK, ignore_errors=True)

    def run(self, program, *words, check=True):
        done = subprocess.run([self.programs / program, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, errors="replace", timeout=300)
        if check and done.returncode != 0:
            raise Failed(f"{program} {' '.join(map(str, words[:4]))}: status {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def treeline(self, *words):
        return self.run("treeline", "--socket", self.socket, *words)

    def events(self):
        return [line for line in self.treeline("events", "-w", NAME).splitlines() if line.strip()]

    def new_events(self, wait=4.0):
        """The lines since the last call; the first may take a moment to arrive."""
        end = time.monotonic() + wait
        while True:
            lines = self.events()
            if len(lines) > self.told or time.monotonic() > end:
                new, self.told = lines[self.told:], max(self.told, len(lines))
                return new
            time.sleep(0.1)

    # The container

    def container(self, policy):
        runtime = [str(self.programs / "treeline-oci"), "--conf", str(self.conf), "--runtime", "runc"] if policy else ["runc"]
        annotations = {"treeline.policy": NAME} if policy else {}
        return Container(load(NAME), runtime, oci.Options(annotations=annotations), f"treeline-quickstart-{os.getpid()}")

    def life(self, policy, seed, requests, answers=None, then=None):
        """One start of the container under traffic, gracefully stopped. True if each answer was right."""
        with self.container(policy) as box:
            box.start()
            box.wait_ready()
            if then and policy:
                then(box)
            right = box.traffic(seed, requests, answers) == 0
            if then and not policy:
                then(box)
            if box.stop() != 0 and policy:
                raise Failed("nginx did not end as it should: " + box.output.read_text(errors="replace")[-1000:])
        return right

    # The five parts

    def learn(self):
        heading("Learning: what does nginx do? Two starts are recorded while clients use it")
        self.treeline("learn", "start", NAME)
        for seed in ("1", "2"):
            with Step(f"start {seed}: the container runs, {self.options.learn} requests are asked"):
                if not self.life(True, seed, self.options.learn):
                    raise Failed("a wrong answer while learning")
        traces = self.treeline("learn", "stop", NAME, "-o", WORK / "trace.jsonl").split()
        if len(traces) != 2:
            raise Failed(f"two starts should give two traces, not {traces}")
        heading("Compiling: from the records to a profile, from the profile to a policy")
        profile = WORK / "profile.yaml"
        self.run("treelinec", "learn", *traces, "-o", profile, "--name", NAME)
        self.run("treelinec", "compile", profile, "-o", WORK / "nginx.bundle")
        tell(f"treelinec learn: a profile of {len(profile.read_text().splitlines())} lines. treelinec explain, its process tree:")
        for line in in_short(self.run("treelinec", "explain", profile).splitlines()):
            tell(f"  | {line[:140]}")

    def measure(self):
        heading("The measure: the same container without a policy")
        with Step(f"{self.options.requests} requests of another seed are asked; the answers are kept"):
            if not self.life(False, "3", self.options.requests, WORK / "reference", then=self.attack_unconfined):
                raise Failed("a wrong answer without a policy")

    def attack_unconfined(self, box):
        tell("the attacks, to see that they are real:")
        for who, act, words in ATTACKS:
            outcome = self.commit(box, who, act)
            self.line("works" if outcome.effect else "DID NOT WORK", words, outcome.detail, outcome.effect)
        outcome = self.join(box)
        self.line("works" if outcome.effect else "DID NOT WORK", "runc exec of a shell", outcome.detail, outcome.effect)

    def enforce(self):
        heading("Enforcing: the same container under the policy, attacked")
        with Step("treeline policy load: a canary has to be refused by each hook before enforce is granted"):
            self.treeline("policy", "load", WORK / "nginx.bundle", "--name", NAME, "--mode", "enforce")
        answers = WORK / "answers"
        right = self.life(True, "3", self.options.requests, answers, then=self.attack)
        after = self.new_events(wait=1.0)
        same = right and answers.read_bytes() == (WORK / "reference").read_bytes()
        heading("Unharmed?")
        count = len(answers.read_text().splitlines()) if answers.exists() else 0
        self.line("same" if same else "DIFFERENT", f"{self.options.requests} requests after the attacks: {count} answers, compared with those without a policy", "", same)
        self.line("none" if not after else "REFUSED", "acts of nginx refused while it answered them", after[0] if after else "", not after)

    def attack(self, box):
        tell("nginx is started and bound before its first instruction. Each attack, what came of it, and its line of `treeline events`:")
        for event in self.new_events(wait=0.0):
            self.line("REFUSED", "before any attack", event, False)
        for who, act, words in [*ATTACKS, *(("master", act, f"yours: {act}") for act in self.options.act)]:
            self.judge(words, self.commit(box, who, act))
        self.judge("an intruder with the runtime's socket: runc exec of a shell", self.join(box))

    def judge(self, words, outcome):
        events = self.new_events()
        yours = words.startswith("yours")
        self.line("HAPPENED" if outcome.effect else "refused" if events else "failed", words, outcome.detail, yours or not outcome.effect and bool(events))
        for event in events:
            tell(f"             {event}")
        if not events and not outcome.effect:
            repeat = yours and outcome.detail in (os.strerror(errno.EACCES), os.strerror(errno.EPERM))
            tell("             no new line: " + ("a repeat shows again at x2, x4, x8, or another than Treeline refused" if repeat
                                                else "it was not Treeline that refused"))

    def line(self, verdict, words, detail, right):
        self.wrong += not right
        tell(f"  {colour('green' if right else 'red', f'{verdict:9}')}  {words}" + (f": {detail}" if detail else ""))

    # Acts

    def commit(self, box, who, act):
        master = self.master(box)
        if who == "worker":
            listening = network_listener(box, STRANGER) if act.endswith(STRANGER) else None
            try:
                return acts.commit(self.worker(master), act)
            finally:
                if listening:
                    os.kill(listening, signal.SIGKILL)
                    os.waitpid(listening, 0)
        return acts.commit(master, act)

    @staticmethod
    def master(box):
        return box.pid

    @staticmethod
    def worker(master):
        """A worker that waits for clients: the master starts them, and a new one where one is gone."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for pid in sorted(map(int, pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split())):
                if b"worker process" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
            time.sleep(0.1)
        raise Failed("nginx has no worker")

    def join(self, box, command=("/bin/sh", "-c", "echo joined; id")):
        done = box.execute(*command)
        text = " ".join(done.stdout.decode(errors="replace").split())
        return acts.Outcome(done.returncode == 0, text[-160:])

    # After it (--keep)

    def keep(self):
        """Nginx under enforcement until `quickstart --end`, and the acts that others have it commit meanwhile."""
        heading("Kept: nginx runs on, under enforcement")
        with self.container(True) as box:
            box.start()
            box.wait_ready()
            self.new_events(wait=0.0)
            tell(f"it listens at {box.address}:80 in a network of its own; process {box.pid}" + (" of the VM" if os.environ.get("TREELINE_VM") else ""))
            if not os.environ.get("TREELINE_VM"):
                tell(f"as a client:  {' '.join(box.network.enter)} curl http://{box.address}/")
                tell(f"join it:      {' '.join(box.runtime)} exec {box.identity} /bin/sh")
                tell(f"watch it:     {self.programs}/treeline --socket {self.socket} events -f")
            kept.is_ready(1 if self.wrong else 0)
            kept.serve(lambda act, coloured: self.answer(box, act, coloured), KEPT_AT_MOST)

    def answer(self, box, act, coloured):
        os.environ["QUICKSTART_COLOUR"] = "1" if coloured else "0"
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            self.typed(box, act)
        return text.getvalue()

    def typed(self, box, text):
        verb, *words = text.split()
        if box.ended() is not None:
            say("nginx has ended: an act before this one was allowed, and took its place. deploy/quickstart --end takes the rest down")
            return
        try:
            if verb in ("help", "?"):
                say(acts.HELP)
                say("join COMMAND...      runc exec in the container\nget /PATH            ask nginx as a client\n"
                    "events, status       what treeline says")
            elif verb == "events":
                say("\n".join(self.events()))
            elif verb == "status":
                say(subprocess.run([self.programs / "treeline", "--socket", self.socket, "status"], stdout=subprocess.PIPE, text=True).stdout)
            elif verb == "get":
                say(get(box, words[0] if words else "/"))
            elif verb == "join":
                self.judge(text, self.join(box, words or ("/bin/sh",)))
            else:
                self.judge(f"yours: {text}", acts.commit(self.master(box), text))
        except (ValueError, Failed, inject.CaptureFailed, OSError, subprocess.SubprocessError) as error:  # told to who asked; nginx stays
            say(str(error))


def in_short(explained):
    """`treelinec explain`, a node a line: files and system calls as numbers, network and capabilities as they are."""
    right = re.compile(r"^\s+(\d+|-)\s+([a-z-]+)\s+(.*)$")
    nodes = []
    for line in explained[1:]:
        found = right.match(line)
        if found and nodes:
            nodes[-1][1].setdefault(found[2], []).append(" ".join(found[3].split()))
        elif line.strip() and " > " in line:
            nodes.append((re.sub(r"\s+0x[0-9a-f]+\s+line \d+.*", "", line), {}))
    for node, rights in nodes:
        counted = [f"{len(rights[kind])} {words}" for kind, words in (("file", "file rules"), ("syscall", "system calls")) if kind in rights]
        yield f"{node}   ({', '.join(counted)})"
        for kind in sorted(set(rights) - {"file", "syscall", "child"}):
            yield f"      {kind}: {', '.join(rights[kind])}"


def get(box, path):
    """What nginx answers a client beside it, in a line."""
    reading, writing = os.pipe()

    def ask():
        connection = http.client.HTTPConnection(box.address, 80, timeout=20, source_address=(network.CLIENT, 0))
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            said = f"{answer.status} {answer.reason}, {len(body)} bytes: {body[:100]!r}"
        except (OSError, http.client.HTTPException) as error:
            said = f"no answer: {error}"
        os.write(writing, said.encode())
        return 0

    child = client.fork_inside(box.network.path, ask)
    os.close(writing)
    with open(reading, "rb") as answer:
        said = answer.read().decode()
    os.waitpid(child, 0)
    return said


def network_listener(box, endpoint):
    """Somebody who takes the call: so that a refused connection is Treeline's refusal and not an absent server's."""
    host, _, port = endpoint.rpartition(":")
    reading, writing = os.pipe()

    def serve():
        with socket.create_server((host, int(port))) as server:
            os.write(writing, b"1")
            while True:
                server.accept()[0].close()

    child = client.fork_inside(box.network.path, serve)
    select.select([reading], [], [], 20)
    os.close(reading)
    os.close(writing)
    return child


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--learn", type=int, default=400)
    parser.add_argument("--act", action="append", default=[])
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    show = Show(options)
    try:
        heading(f"Treeline, on kernel {os.uname().release}")
        with Step("treelined: its BPF programs are loaded and attached"):
            show.start_daemon()
        show.learn()
        show.measure()
        show.enforce()
        if options.keep:
            show.keep()
    except CannotRun as error:
        say(f"quickstart: this machine cannot: {error}")
        return 2
    except (Failed, NotStarted, inject.CaptureFailed, subprocess.TimeoutExpired) as error:
        say(colour("red", f"quickstart: {error}"))
        say("treelined's log:\n" + (show.log() if show.daemon else ""))
        return 1
    except KeyboardInterrupt:
        say("\nquickstart: interrupted; taking everything down")
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C is not to cut this short
            signal.signal(number, signal.SIG_IGN)
        show.end()
    return 1 if show.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
