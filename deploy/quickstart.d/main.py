# SPDX-License-Identifier: Apache-2.0
"""Prepares what show.py needs, decides where it runs, and runs it. The options are those of `quickstart --help`."""
import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import acts
import kept
from talk import STARTED, Step, colour, heading, on_terminal, say, tell

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAMS = ("treelinec", "treelined", "treeline", "treeline-oci")
BUILD = ROOT / "build/quick"
WHOLE, WRONG, CANNOT, USAGE = 0, 1, 2, 64
VM_CANNOT = {123: "the micro VM could not be run", 126: "the VM's kernel is not to be had"}
LONGEST = 1800  # seconds, for the demonstration
LEFT = pathlib.Path("/run/treeline-quickstart")  # show.py works there, natively
KEPT = 25 * 3600  # seconds, with what --keep leaves (show.py ends it before that)


class Cannot(Exception):
    pass


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"quickstart: {message}\nquickstart: deploy/quickstart --help tells more", file=sys.stderr)
        sys.exit(USAGE)


def positive(text):
    if not text.isdigit() or not 20 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError("a number from 20 to 100000")
    return int(text)


def parse():
    parser = Parser(add_help=False, allow_abbrev=False)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--vm", action="store_true")
    where.add_argument("--native", action="store_true")
    parser.add_argument("--requests", type=positive, default=1000)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--try", dest="attempt", nargs=argparse.REMAINDER)
    parser.add_argument("--end", action="store_true")
    parser.add_argument("--act", action="append", default=[])
    parser.add_argument("--kernel", choices=("5.10", "6.1", "6.12", "7.3"), default="6.12")
    parser.add_argument("--no-install", action="store_true")
    parser.add_argument("--programs", type=pathlib.Path)  # for tests: these, instead of building
    options = parser.parse_args()
    if (options.attempt is not None or options.end) and len(sys.argv) > 2 and sys.argv[1] != "--try":
        parser.error("--try and --end stand alone")
    for act in options.act:
        try:
            acts.read(act)
        except ValueError as error:
            parser.error(f"--act {error}")
    return options


class Job:
    """A command in the background, its output in a file that is shown when it fails."""
    def __init__(self, name, *commands):
        self.name, self.commands = name, [list(map(str, command)) for command in commands]
        self.log = BUILD / f"{name}.log"
        self.process = None
        self.began = time.monotonic()
        self.next()

    def next(self):
        with open(self.log, "ab" if self.process else "wb") as log:
            self.process = subprocess.Popen(self.commands.pop(0), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def running(self):
        status = self.process.poll()
        if status == 0 and self.commands:
            self.next()
            return True
        return status is None

    def last(self):
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1][:100] if lines else ""

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def prepare(options, vm):
    """Programs, root file system and, for the VM, its kernel: at once, since one computes and two download."""
    BUILD.mkdir(parents=True, exist_ok=True)
    jobs = []
    try:
        if not options.programs:
            ccache = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
            # Afresh: of a cache that was made with another compiler cmake keeps none of the preset's settings. Files that do not go together as one are
            # still right one by one.
            script = 'cmake --fresh --preset quick "$@" && cmake --build "$BUILD" --target $PROGRAMS || ' \
                     '{ cmake --preset quick -DCMAKE_UNITY_BUILD=OFF "$@" && cmake --build "$BUILD" --target $PROGRAMS; }'
            jobs.append(Job("programs", ["env", f"BUILD={BUILD}", f"PROGRAMS={' '.join(PROGRAMS)}", "sh", "-c", script, "sh", *ccache]))
        jobs.append(Job("nginx", [ROOT / "tests/workloads/build", "nginx"]))
        if vm:
            jobs.append(Job("kernel", [ROOT / "tests/kernel/vm", "--kernel", options.kernel, "--fetch"]))
        tell("being made: " + ", ".join({"programs": "the four programs (C++ and BPF)", "nginx": "nginx's root file system",
                                        "kernel": f"the VM's kernel {options.kernel}"}[job.name] for job in jobs) + " ...")
        watch(jobs)
    finally:
        for job in jobs:
            job.stop()


def watch(jobs):
    told = time.monotonic()
    left = list(jobs)
    while left:
        time.sleep(0.1)
        for job in [job for job in left if not job.running()]:
            left.remove(job)
            if job.process.returncode != 0:
                say(job.log.read_text(errors="replace")[-4000:])
                raise Cannot(f"{job.name}: {' '.join(map(str, job.process.args[:4]))} ended with status {job.process.returncode} (above; {job.log})")
            took = time.monotonic() - job.began
            if took > 2:
                tell(colour("dim", f"  {job.name}: {took:.0f} s"))
        if left and time.monotonic() - told > 10:
            told = time.monotonic()
            tell(colour("dim", f"  {left[0].name}: {left[0].last()}"))


def native_refusal(programs):
    """Why the running kernel cannot, by the programs themselves; "" if it can."""
    done = subprocess.run([programs / "treeline", "--socket", "/run/treeline-quickstart/none", "doctor"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode == 0:
        return ""
    missing = [" ".join(line.split()[1:]) for line in done.stdout.splitlines() if line.startswith("missing")]
    return "; ".join(missing) or (done.stdout + done.stderr).strip().splitlines()[-1]


def show(options, programs, vm):
    """The demonstration; its status. With --keep it is a session of its own, which goes on when this process has ended."""
    words = ["/usr/bin/python3", "-BEs", HERE / "show.py", programs, "--requests", options.requests, *(["--keep"] if options.keep else [])]
    for act in options.act:
        words += ["--act", act]
    if on_terminal():
        os.environ["QUICKSTART_COLOUR"] = "1"
    if vm:
        kept_in = ["--timeout", KEPT, "--writable", kept.DIRECTORY] if options.keep else ["--timeout", LONGEST]
        passed = [word for name in ("NO_COLOR", "QUICKSTART_COLOUR", "QUICKSTART_STARTED") for word in ("--env", name)]
        words = [ROOT / "tests/kernel/vm", "--kernel", options.kernel, *kept_in, *passed, "--", *words]
    if not options.keep:
        return until_ended(subprocess.Popen(list(map(str, words)), cwd=ROOT, stdin=subprocess.DEVNULL))
    kept.create()
    with open(kept.DIRECTORY / "log", "wb") as log:
        process = subprocess.Popen(list(map(str, words)), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    kept.kept_by(process.pid)
    return until_kept(process)


def until_ended(process):
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                if not sys.stdin.isatty():  # from a terminal the child has it too
                    process.send_signal(signal.SIGINT)
    finally:
        if process.poll() is None:  # TERM: it takes everything down before it ends
            process.terminate()
            process.wait()


def until_kept(process):
    """Shows what the session writes until it keeps the container, or has ended."""
    status = None
    with open(kept.DIRECTORY / "log", "rb") as log:
        try:
            while status is None:
                time.sleep(kept.PAUSE)
                ended, status = process.poll(), kept.ready()
                sys.stdout.buffer.write(log.read())
                sys.stdout.flush()
                if status is None:
                    status = ended
            time.sleep(5 * kept.PAUSE)  # out of a VM, what is written and what is put into a directory come by two ways
            sys.stdout.buffer.write(log.read())
            sys.stdout.flush()
            return status
        finally:
            if status is None:
                process.terminate()
                process.wait()
                sys.stdout.buffer.write(log.read())
            if process.poll() is not None:
                kept.clear()


def how_to_try():
    say()
    tell("Have nginx commit an act of your own (its master does: root in the container), and see what comes of it:")
    for act in ("read /etc/shadow", "run /bin/sh -c id", "connect 192.0.2.1:4444", "read /srv/www/index.html", "get /", "events"):
        tell(f"  deploy/quickstart --try {act}")
    tell("  deploy/quickstart --try             asks for one after the other; `help` lists them")
    tell("Take it down:")
    tell("  deploy/quickstart --end             (it ends by itself after 24 hours)")


def attempt(words):
    """`--try`: what is kept answers. Without an act, one a line from stdin."""
    prompt = "act> " if sys.stdin.isatty() else ""
    try:
        if words:
            sys.stdout.write(kept.ask(" ".join(words), on_terminal()))
            return WHOLE
        while True:
            try:
                line = input(prompt).strip()
            except EOFError:
                return WHOLE
            if line in ("quit", "exit", "q"):
                return WHOLE
            if line:
                sys.stdout.write(kept.ask(line, on_terminal()))
                sys.stdout.flush()
    except kept.Gone:
        raise Cannot("nothing is kept; first: deploy/quickstart --keep") from None


def take_off_what_is_left():
    """Who kept it natively was killed: its treelined lives on, or what that had pinned does."""
    conf = LEFT / "treeline.conf"
    if not conf.exists():
        return False
    with Step("who kept it was killed: the container and Treeline are taken down"):
        listed = subprocess.run(["runc", "list", "-q"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        for name in listed.stdout.split():
            if name.startswith("treeline-quickstart-"):
                subprocess.run(["runc", "delete", "--force", name], stdin=subprocess.DEVNULL, capture_output=True)
        command = [BUILD / "bin/treelined", "--conf", conf, "--detach", "--reason", "end of quickstart"]
        detached = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if detached.returncode != 0:
            raise Cannot(f"{' '.join(map(str, command[:3]))} --detach: {detached.stderr.strip()}")
        shutil.rmtree(LEFT, ignore_errors=True)
    return True


def take_down():
    """`--end`"""
    try:
        if kept.alive():
            with Step("the container, Treeline and what they ran in are taken down"):
                kept.end()
        else:
            kept.clear()
            if not take_off_what_is_left():
                say("quickstart: nothing is kept")
    except kept.Gone:  # it ended at this moment
        kept.clear()
    except TimeoutError:
        raise Cannot(f"what is kept does not end within two minutes: its log is {kept.DIRECTORY}/log") from None
    return WHOLE


def main():
    options = parse()
    if options.attempt is not None:
        return attempt(options.attempt)
    if options.end:
        return take_down()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    why = os.environ.get("QUICKSTART_WHY_VM", "")
    if options.native and why:
        raise Cannot(f"--native: {why}")
    vm = options.vm or bool(why)
    if options.keep and kept.alive():
        raise Cannot("one is kept already (deploy/quickstart --try ACT); first: deploy/quickstart --end")
    heading("Preparing")
    if vm:
        tell("where: in the micro VM, " + (f"since {why}" if why else "as asked for"))
    prepare(options, vm)
    programs = options.programs or BUILD / "bin"
    if not vm:
        with Step("where: natively, if treeline doctor agrees (a canary has to be refused by each hook)"):
            why = native_refusal(programs)
        if why and options.native:
            raise Cannot(f"--native: {why}")
        if why:
            tell(f"not natively: {why}; so in the micro VM, from the beginning:")
            sys.stdout.flush()
            os.execv(ROOT / "deploy/quickstart", ["quickstart", *sys.argv[1:], "--vm"])  # it installs what the VM needs
    status = show(options, programs, vm)
    if vm and status in VM_CANNOT:
        raise Cannot(VM_CANNOT[status])
    took = time.time() - STARTED
    if status in (WHOLE, WRONG):
        say()
        say(colour("green", "All as it should be.") if status == WHOLE else colour("red", "Something was not as it should be (above)."))
        stays = options.keep and kept.alive()
        say(f"{took // 60:.0f} min {took % 60:02.0f} s in all. {'nginx runs on.' if stays else 'Nothing of it runs any more.'} "
            f"Next: README.md, {'treeline doctor, ' if vm else ''}enforcer/oci/README.md (your own containers).")
        if stays:
            how_to_try()
    return status if status in (WHOLE, WRONG, CANNOT, 130, 143) else WRONG


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Cannot as error:
        print(f"quickstart: this machine cannot: {error}", file=sys.stderr)
        sys.exit(CANNOT)
    except KeyboardInterrupt:
        print("\nquickstart: interrupted", file=sys.stderr)
        sys.exit(130)
