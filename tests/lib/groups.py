# SPDX-License-Identifier: Apache-2.0
"""The groups: what each one runs, on which kernels, and how long it may take."""

import dataclasses
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNELS = ["6.12", "5.10", "6.1", "7.3"]  # the first is the one that everything runs on
TREELINE = ("treelinec", "treelined", "treeline")
VICTIMS = ("victim", "victim_first", "victim_preload", "victim_host")
VM = str(ROOT / "tests/kernel/vm")


@dataclasses.dataclass
class Group:
    name: str
    about: str
    command: object  # (kernel, full) -> argv
    kernels: str = "none"  # none, one, all: "one" becomes all with --full
    timeout: int = 600  # seconds, for one kernel
    builds: tuple = ()  # presets
    targets: tuple = ()  # of the release build: what the group runs
    vm: bool = False  # run the command in the micro VM
    vm_options: tuple = ()
    default: bool = True  # else only by --only or with --full

    def on(self, full, chosen):
        """The kernels that this run takes."""
        if self.kernels == "none":
            return ["-"]
        wanted = KERNELS if full or chosen or self.kernels == "all" else KERNELS[:1]
        return [kernel for kernel in wanted if not chosen or kernel in chosen]

    def argv(self, kernel, full):
        command = [str(word) for word in self.command(kernel, full)]
        if not self.vm:
            return command
        # The VM's own clock is the stricter one: it knows a hang from a failure.
        return [VM, "--kernel", kernel, "--timeout", str(self.timeout - 60), *self.vm_options, "--", *command]


def _script(path):
    return lambda kernel, full: [ROOT / path, kernel, *(["--full"] if full else [])]


GROUPS = [
    Group("unit", "the unit tests, under ASan and UBSan", lambda k, f: [ROOT / "tests/lib/unit", ROOT / "build/dev"],
          timeout=2400, builds=("dev",)),
    Group("golden", "what the compiler says and writes, by the program itself", lambda k, f: [ROOT / "tests/lib/golden", ROOT / "build/release/bin"],
          timeout=300, builds=("release",), targets=("treelinec",)),
    Group("fuzz-smoke", "each parser on inputs that a fuzzer makes up, five minutes of processor in all",
          lambda k, f: [ROOT / "tests/lib/fuzz", ROOT / "build/fuzz", "3600" if f else "300"], timeout=4500, builds=("fuzz",)),
    Group("load", "every BPF program passes this kernel's verifier, in each of its variants, within bounds",
          lambda k, f: [ROOT / "build/release/bin/bpf_load"], kernels="all", timeout=500, builds=("release",), targets=("bpf_load",), vm=True),
    Group("enforce", "each forbidden act has its effect unconfined, none under a policy, and one event",
          lambda k, f: [ROOT / "tests/kernel/enforce/victims", ROOT / "build/release/bin", *([] if f or k == KERNELS[0] else ["--on", "tmpfs"])],
          kernels="all", timeout=1500, builds=("release",), targets=(*TREELINE, *VICTIMS), vm=True, default=False),
    Group("workloads", "containers learned under traffic, compiled, enforced, disturbed", _script("tests/lib/workloads"), kernels="all",
          timeout=7200, builds=("release",), targets=(*TREELINE, "treeline-oci"), default=False),
    Group("bench", "what it costs in instructions", lambda k, f: [ROOT / "tests/bench/run", "--kernel", k, "--json", ROOT / "build/tests" / f"bench-{k}.json"],
          kernels="one", timeout=2400, builds=("release",), targets=(*TREELINE, "bench_acts", "bench_empty"), default=False),
    Group("vm", "the micro VM itself", lambda k, f: [ROOT / "tests/lib/vm", k], kernels="one", timeout=1500),
]


def environment():
    env = dict(os.environ)
    env.update(LC_ALL="C.UTF-8", DEBIAN_FRONTEND="noninteractive", PYTHONDONTWRITEBYTECODE="1")
    # Another checkout of the same sources finds what this one compiled.
    env.update(CCACHE_BASEDIR=str(ROOT), CCACHE_NOHASHDIR="1")
    return env
