# SPDX-License-Identifier: Apache-2.0
"""What holds a policy in the kernel: the hooks, or AppArmor. Each says how a process comes under it, and what it may let pass."""

import contextlib
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "enforce"))
from treeline import Treeline  # noqa: E402


# Operations that the closing filter holds where a kernel lacks the hook (policy-compiler/backends/seccomp/lower.h).
LATER_HOOKS = {"userns": "bpf_lsm_userns_create", "io-uring": "bpf_lsm_inode_init_security_anon",
               "userfaultfd": "bpf_lsm_inode_init_security_anon"}


class Hooks:
    """The BPF programs, through treelined. They are exact; only the filter beside them cannot tell nodes apart."""

    name = "bpf"

    def __init__(self, programs):
        self.programs = programs
        self.treeline = Treeline(programs, tempfile.mkdtemp(prefix="treeline-cases-"))
        symbols = {line.split()[2] for line in pathlib.Path("/proc/kallsyms").read_text().splitlines()}
        self.filtered = {operation for operation, hook in LATER_HOOKS.items() if hook not in symbols}
        self.held = set()

    @contextlib.contextmanager
    def running(self):
        self.treeline.start_daemon(seconds=600)
        try:
            yield
        finally:
            self.treeline.stop_daemon()

    def enter(self, name, content):
        """What an actor is started by to stand under the policy."""
        bundle = self.treeline.compile(name, content["policy"])
        self.held = {case["object"] for case in content["cases"] if case["act"] == "operation" and case["outcome"] == "allow"}
        return [self.programs / "treeline", "run", "--quiet", "--rest", "kill", "--policy", bundle, "--mode", "enforce", "--"]

    def excuse(self, case):
        if case["act"] == "operation" and case["object"] in self.filtered & self.held:
            return "this kernel has no hook for it, and the filter holds for the workload as a whole: another node has it"
        return ""


class AppArmor:
    """The compiled profile, loaded by apparmor_parser and entered as a runtime enters it: at the first exec. What it lets pass beside the
    policy is a residual of its back end."""

    name = "apparmor"

    def __init__(self, programs):
        self.programs = programs
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="apparmor-cases-"))

    def running(self):
        return contextlib.nullcontext()

    def enter(self, name, content):
        source, bundle = self.work / f"{name}.yaml", self.work / f"{name}.bundle"
        source.write_text(content["policy"])
        self._call(self.programs / "treelinec", "compile", source, "-o", bundle, "--backend", "bpf,seccomp,apparmor")
        self._call("apparmor_parser", "--Werror", "--replace", "--skip-cache", bundle / "apparmor")
        return ["aa-exec", "-p", content["profile"], "--"]

    def excuse(self, case):
        return case["apparmor"]

    def _call(self, *argv):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{argv[0]}: status {done.returncode}\n{done.stdout}{done.stderr}")


EXECUTORS = {each.name: each for each in (Hooks, AppArmor)}
