# SPDX-License-Identifier: Apache-2.0
"""The command line of `vm`: see HELP."""

import argparse
import os
import re
import signal
import sys

import guest_files
import kernels
import machine
import qemu
import terminal
from errors import USAGE, VmError, say

HELP = """\
Runs COMMAND as root in a micro VM under a stock Debian kernel, in the directory you call it from, and exits as it exits.

  vm --kernel 6.12 -- uname -r
  vm --kernel 5.10 --append "lsm=landlock,lockdown,yama,apparmor" -- build/dev/bin/treeline status
  vm --kernel 7.3 --writable out --timeout 300 -- tests/some-test --log "$PWD/out/log"
  vm --kernel 6.12 --interactive -- bash
  vm --fetch

The guest sees this machine's whole file system, read-only underneath: what it writes is its own and gone with it, except
in a --writable directory. /tmp, /run and /dev/shm are empty tmpfs there, except that the working directory, the checkout
and what COMMAND or --env name below /tmp show through (a path within a script does not count: --show it). There is no
network but loopback, stdin is empty, stdout and stderr arrive as they are written. `modprobe` works.

Exit status: the command's own (128 + signal where one killed it), or one of these, each with a message that starts "vm:":
  64   the command line is wrong
  123  the VM could not be run here (packages missing, QEMU failed)
  124  time is up: the command hung, or the guest did not boot; or a CPU of the guest is stuck in its kernel
  125  the guest's kernel panicked or oopsed, or the guest was reset or powered off by the command
  126  the kernel is not cached and could not be fetched
  129, 130, 143  vm itself got SIGHUP, SIGINT, SIGTERM; 141: nobody read its output
A command may use these numbers too: --verdict FILE tells them apart.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        say(message)
        say("see vm --help")
        sys.exit(USAGE)


def _parse(arguments):
    parser = _Parser(prog="vm", usage="vm --kernel KERNEL [OPTION...] -- COMMAND...", description=HELP,
                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--kernel", metavar="KERNEL", help=", ".join(kernels.SUITES) + "; with --fetch also: all (the default there)")
    parser.add_argument("--append", metavar="WORDS", action="append", default=[],
                        help=f"more words for the kernel's command line; the last lsm= wins ({qemu.DEFAULT_LSM})")
    parser.add_argument("--smp", metavar="N", type=_positive, default=2, help="CPUs (2)")
    parser.add_argument("--memory", metavar="MIB", type=_positive, default=2048, help="memory in MiB (2048)")
    parser.add_argument("--timeout", metavar="S", type=_seconds,
                        help="seconds the command may take, boot not counted (600)")
    parser.add_argument("--interactive", action="store_true",
                        help="your terminal is the command's; Ctrl-] ends the machine; no time limit unless --timeout")
    parser.add_argument("--icount", action="store_true",
                        help="guest time counts instructions: one CPU, mitigations=off, TREELINE_ICOUNT=1")
    parser.add_argument("--env", metavar="K[=V]", action="append", default=[],
                        help="a variable for the command; without =V the caller's value")
    parser.add_argument("--writable", metavar="DIR", action="append", default=[],
                        help="what the guest writes in DIR stays (DIR exists; same path in the guest)")
    parser.add_argument("--show", metavar="PATH", action="append", default=[],
                        help="a path below /tmp, /run or /dev/shm that the guest shall see")
    parser.add_argument("--console", metavar="FILE", help="write the kernel's console to FILE")
    parser.add_argument("--verdict", metavar="FILE",
                        help='write one line: "exit N", "hang", "panic", "no-kernel", "no-machine", "signal N"')
    other = parser.add_argument_group("instead of a command")
    other.add_argument("--fetch", action="store_true", help="only fill the cache")
    other.add_argument("--refresh", action="store_true", help="like --fetch, looking for a newer one")
    other.add_argument("--list", action="store_true", help="the kernels, their versions, what is cached")
    other.add_argument("--btf", action="store_true", help="print the path of the kernel's BTF (for bpftool btf dump file)")
    other.add_argument("--cache-dir", action="store_true", help="print the directory of the unpacked kernel")
    parser.add_argument("command", nargs="*", metavar="COMMAND", help=argparse.SUPPRESS)
    return parser, parser.parse_args(arguments)


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _seconds(text):
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return value


def main(arguments):
    # Everything after the first -- belongs to the command, whatever it looks like.
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser, options = _parse(arguments[:split])
    command = arguments[split + 1:]
    if options.command:
        parser.error(f"put -- before the command: vm ... -- {' '.join(options.command)}")
    if options.list:
        return _list()
    if options.kernel is None:
        if not (options.fetch or options.refresh):
            parser.error("which --kernel?")
        options.kernel = "all"
    names = list(kernels.SUITES) if options.kernel == "all" else options.kernel.split(",")
    unknown = [name for name in names if name not in kernels.SUITES]
    if unknown:
        raise VmError(kernels.NO_KERNEL, f"there is no kernel {unknown[0]!r} to be had", f"one of: {', '.join(kernels.SUITES)}")
    if options.fetch or options.refresh:
        for name in names:
            print(kernels.have(name, refresh=options.refresh).version)
        return 0
    if options.btf or options.cache_dir:
        for name in names:
            kernel = kernels.have(name)
            print(kernel.btf if options.btf else kernel.directory)
        return 0
    if len(names) != 1:
        parser.error("one --kernel a run")
    if not command:
        parser.error("no command: vm --kernel KERNEL -- COMMAND...")
    return _run(parser, options, command)


def _run(parser, options, command):
    cwd = os.getcwd()
    if options.interactive and not terminal.available():
        parser.error("--interactive: stdin and stdout have to be a terminal")
    timeout = options.timeout or (float("inf") if options.interactive else 600.0)
    for directory in options.writable:
        if not os.path.isdir(directory):
            parser.error(f"--writable {directory}: not a directory")
    writable = [os.path.realpath(directory) for directory in options.writable]
    environment = _environment(parser, options)
    here = os.path.dirname(os.path.abspath(__file__))
    checkout = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    named = [word for text in [*command, *environment.values()]
             for word in re.findall(r"(?<![\w.])/tmp/[^\s'\":;,=]+", text)]
    visible = [os.path.realpath(path) for path in [cwd, checkout, *options.show, *named]]
    visible += [os.path.abspath(path) for path in [*options.show, *named]]
    what = guest_files.Run(
        kernels.have(options.kernel), command, cwd=cwd, environment=environment, append=" ".join(options.append),
        smp=options.smp, icount=options.icount, memory=options.memory, timeout=timeout, writable=writable,
        interactive=options.interactive,
        visible={path for path in visible if os.path.exists(path)},
    )
    return machine.run(what, options.console)


def _environment(parser, options):
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/sh", "LANG": "C.UTF-8", "TERM": "dumb",
        "TREELINE_VM": "1", "TREELINE_KERNEL": options.kernel,
    }
    if options.icount:
        environment["TREELINE_ICOUNT"] = "1"
    if options.interactive:
        environment["TERM"] = os.environ.get("TERM", "dumb")
    for setting in options.env:
        name, given, value = setting.partition("=")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            parser.error(f"--env {setting}: not a variable's name")
        if given:
            environment[name] = value
        elif name in os.environ:
            environment[name] = os.environ[name]
    return environment


def _list():
    for name in kernels.SUITES:
        kernel = kernels.cached(name)
        print(f"{name:6}{kernel.version + '  cached in ' + kernel.directory if kernel else 'not cached'}")
    return 0


class _Signalled(BaseException):
    def __init__(self, number):
        super().__init__(number)
        self.number = number


def _on_signal(number, _frame):
    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # the clean-up is quick; a second Ctrl-C is not to cut it short
    raise _Signalled(number)


_VERDICTS = {123: "no-machine", 124: "hang", 125: "panic", 126: "no-kernel"}


def _guarded(arguments):
    verdict_file = None
    if "--verdict" in arguments[:arguments.index("--") if "--" in arguments else None]:
        position = arguments.index("--verdict") + 1
        verdict_file = arguments[position] if position < len(arguments) else None
    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _on_signal)
    try:
        status = main(arguments)
        verdict = f"exit {status}"
    except VmError as error:
        say(str(error))
        if error.remedy:
            say("remedy: " + error.remedy)
        status = error.status
        verdict = _VERDICTS.get(status, f"signal {status - 128}")
    except _Signalled as signalled:
        status = 128 + signalled.number
        verdict = f"signal {signalled.number}"
    if verdict_file is not None:
        with open(verdict_file, "w", encoding="ascii") as f:
            f.write(verdict + "\n")
    return status


if __name__ == "__main__":
    status = _guarded(sys.argv[1:])
    try:
        sys.stdout.flush()
    finally:
        os._exit(status)  # pump threads may still be blocked on a reader that will never read
