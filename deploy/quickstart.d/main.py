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

from talk import STARTED, Step, colour, heading, say, tell

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAMS = ("treelinec", "treelined", "treeline", "treeline-oci")
BUILD = ROOT / "build/quick"
WHOLE, WRONG, CANNOT, USAGE = 0, 1, 2, 64
VM_CANNOT = {123: "the micro VM could not be run", 126: "the VM's kernel is not to be had"}
LONGEST = 1800  # seconds, for the demonstration


class Cannot(Exception):
    pass


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"quickstart: {message}; deploy/quickstart --help", file=sys.stderr)
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
    parser.add_argument("--act", action="append", default=[])
    parser.add_argument("--kernel", choices=("5.10", "6.1", "6.12", "7.3"), default="6.12")
    parser.add_argument("--no-install", action="store_true")
    parser.add_argument("--programs", type=pathlib.Path)  # for tests: these, instead of building
    options = parser.parse_args()
    if options.keep and not (sys.stdin.isatty() and sys.stdout.isatty()):
        parser.error("--keep asks at a terminal, and there is none (without one: --act 'read /etc/shadow')")
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
            # Files that do not go together as one are still right one by one.
            script = 'cmake --preset quick "$@" && cmake --build "$BUILD" --target $PROGRAMS || ' \
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
    words = ["/usr/bin/python3", "-BEs", HERE / "show.py", programs, "--requests", options.requests, *(["--keep"] if options.keep else [])]
    for act in options.act:
        words += ["--act", act]
    if vm:
        limit = ["--interactive"] if options.keep else ["--timeout", LONGEST]
        colours = [word for name in ("NO_COLOR", "QUICKSTART_STARTED") for word in ("--env", name)]
        words = [ROOT / "tests/kernel/vm", "--kernel", options.kernel, *limit, *colours, "--", *words]
    process = subprocess.Popen(list(map(str, words)), cwd=ROOT, stdin=None if options.keep else subprocess.DEVNULL)
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


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    why = os.environ.get("QUICKSTART_WHY_VM", "")
    if options.native and why:
        raise Cannot(f"--native: {why}")
    vm = options.vm or bool(why)
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
        say(f"{took // 60:.0f} min {took % 60:02.0f} s in all. Nothing of it runs any more. Next: README.md, {'treeline doctor, ' if vm else ''}"
            "enforcer/oci/README.md (your own containers).")
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
