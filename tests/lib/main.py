# SPDX-License-Identifier: Apache-2.0
"""tests/run: see HELP."""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import signal
import sys
import threading
import time

import build
import child
import groups
import report

HELP = """\
Installs what is missing of Debian's packages (as root), builds, runs the tests, and prints a summary by group and kernel.
The last line is "N passed, N failed, N skipped"; exit status 1 where anything failed, 64 for a wrong command line.

  tests/run                              all on 6.12, and on the others what differs: two hours on two cores
  tests/run --full                       every group on every kernel
  tests/run --quick                      on one kernel what does not differ much between them: under an hour
  tests/run --only unit --only load --kernel 6.1
  tests/run --list                       the groups

As many run at once as there are processors, but for groups that need them all. Logs: build/tests/GROUP-KERNEL.log
"""
LOGS = groups.ROOT / "build/tests"


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"tests/run: {message}; see tests/run --help", file=sys.stderr)
        sys.exit(64)


def parse(arguments):
    names = [group.name for group in groups.GROUPS]
    parser = _Parser(prog="tests/run", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter,
                     allow_abbrev=False)
    parser.add_argument("--full", dest="extent", action="store_const", const="full", default="usual", help="the whole matrix")
    parser.add_argument("--quick", dest="extent", action="store_const", const="quick", help="one kernel, except for load")
    parser.add_argument("--only", metavar="GROUP", action="append", default=[], choices=names, help=", ".join(names))
    parser.add_argument("--kernel", metavar="K", action="append", default=[], choices=groups.KERNELS,
                        help=", ".join(groups.KERNELS) + "; repeatable; groups that need none run as well")
    parser.add_argument("--list", action="store_true", help="print the groups and end")
    return parser.parse_args(arguments)


_saying = threading.Lock()


def say(*lines):
    """Lines that stay together."""
    with _saying:
        print("\n".join(lines), flush=True)


class Runner:
    def __init__(self, extent):
        self.extent = extent
        self.skips = report.Skips(groups.ROOT / "tests/skips.txt")
        self.tallies = []

    def run_all(self, jobs):
        """Those that need the machine for themselves first, then the others side by side, those first that may take longest."""
        self.tallies += [report.Tally(job.group.name, job.kernel, part=job.part) for job in jobs]
        pairs = list(zip(jobs, self.tallies[-len(jobs):])) if jobs else []
        for job, tally in pairs:
            if job.group.alone:
                self.run(job, tally, "    ")
        beside = sorted((pair for pair in pairs if not pair[0].group.alone), key=lambda pair: -pair[0].group.timeout)
        workers = min(len(beside), os.cpu_count() or 2) or 1
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            ended = [pool.submit(self.run, job, tally, f"    [{job.title}] " if workers > 1 else "    ") for job, tally in beside]
            try:
                for each in ended:
                    each.result()
            except BaseException:
                child.stop_all()
                for each in ended:
                    each.cancel()
                raise

    def run(self, job, tally, indent):
        group = job.group
        say(f"=== {job.title}: {group.about}")
        started = time.monotonic()
        talk = collections.deque(maxlen=40)
        LOGS.mkdir(parents=True, exist_ok=True)
        with open(LOGS / job.log, "w", encoding="utf-8", errors="replace") as log:

            def on_line(line):
                log.write(line + "\n")
                log.flush()
                word = report.judge(tally, self.skips, line)
                if word is None:
                    if line.startswith(("vm: ", "NOTE ")):
                        say(indent + line.removeprefix("NOTE "))
                    talk.append(line)
                elif word != "PASS":
                    said = []
                    if word == "FAIL":
                        said = [f"{indent}| {each}" for each in talk]
                        talk.clear()
                    say(*said, indent + (line if line.startswith(word) else f"FAIL {': '.join(tally.failures[-1])}"))
                else:
                    talk.clear()

            def on_idle():
                said = f"; {talk[-1][:100]}" if talk else ""
                say(f"    {job.title}: {time.monotonic() - started:.0f} s, {tally.passed} passed, {tally.failed} failed{said}")

            status = child.run(group.argv(job.kernel, self.extent, job.part), cwd=groups.ROOT, timeout=group.timeout, on_line=on_line,
                               on_idle=on_idle, env=groups.environment())
        self._end(tally, status, group, talk, indent)
        tally.seconds = time.monotonic() - started
        say(f"    {job.title}: {tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped, {tally.seconds:.0f} s")

    @staticmethod
    def _end(tally, status, group, talk, indent):
        """A group that dies, hangs or says nothing has failed, whatever it said before."""
        why = None
        if status is None:
            why = "not done when tests/run was ended" if child.stopped() else f"not done after {group.timeout} s"
        elif status != 0 and not tally.failed:
            why = f"ended with status {status}"
        elif not tally.count:
            why = "ran no test"
        if why:
            report.fail(tally, "the-group-itself", why)
            say(*[f"{indent}| {said}" for said in talk], f"{indent}FAIL {tally.group}: {why}")


def main(arguments):
    options = parse(arguments)
    if options.list:
        for group in groups.GROUPS:
            when = "" if group.default else " (with --full, or --only)"
            say(f"{group.name:12} {' '.join(group.on(options.extent, options.kernel)):20} {group.about}{when}")
        return 0
    chosen = [group for group in groups.GROUPS if group.name in options.only or not options.only and (group.default or options.extent == "full")]
    runner = Runner(options.extent)
    started = time.monotonic()
    built = {}
    for preset in dict.fromkeys(preset for group in chosen for preset in group.builds):
        tally = report.Tally("build", "-")
        runner.tallies.append(tally)
        built[preset] = build.build(preset, chosen, tally, say)
    jobs = []
    for group in chosen:
        if all(built[preset] for preset in group.builds):
            jobs += group.jobs(options.extent, options.kernel)
        else:
            tally = report.Tally(group.name, "-")
            report.fail(tally, "the-group-itself", "what it needs did not build")
            runner.tallies.append(tally)
    runner.run_all(jobs)
    return summary(runner.tallies, time.monotonic() - started)


def summary(tallies, seconds):
    say("")
    for line in report.table(tallies):
        say(line)
    for tally in tallies:
        for name, why in tally.skips:
            say(f"skipped: {tally.group} {tally.kernel} {name}: {why}")
    for tally in tallies:
        for name, why in tally.failures:
            say(f"failed: {tally.group} {tally.kernel} {name}: {why}")
    passed, failed, skipped = (sum(getattr(t, field) for t in tallies) for field in ("passed", "failed", "skipped"))
    say(f"{seconds / 60:.1f} minutes; logs in {pathlib.Path(LOGS).relative_to(groups.ROOT)}/")
    say(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


def _on_signal(number, _frame):
    raise SystemExit(128 + number)


if __name__ == "__main__":
    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _on_signal)
    sys.exit(main(sys.argv[1:]))
