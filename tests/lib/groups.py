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
    command: object  # (kernel, extent) -> argv; the extent: quick, usual, full
    kernels: str = "none"  # none, one, all: "one" becomes all with --full, "all" becomes one with --quick
    timeout: int = 600  # seconds, for one kernel
    builds: tuple = ()  # presets
    targets: tuple = ()  # of the release build: what the group runs
    vm: bool = False  # run the command in the micro VM
    vm_options: tuple = ()
    default: bool = True  # else only by --only or with --full
    always_all: bool = False  # on all kernels with --quick too

    def on(self, extent, chosen):
        """The kernels that this run takes."""
        if self.kernels == "none":
            return ["-"]
        every = extent == "full" or chosen or self.kernels == "all" and (extent != "quick" or self.always_all)
        return [kernel for kernel in (KERNELS if every else KERNELS[:1]) if not chosen or kernel in chosen]

    def argv(self, kernel, extent):
        command = [str(word) for word in self.command(kernel, extent)]
        if not self.vm:
            return command
        # The VM's own clock is the stricter one: it knows a hang from a failure.
        return [VM, "--kernel", kernel, "--timeout", str(self.timeout - 60), *self.vm_options, "--", *command]


def _script(path):
    return lambda kernel, extent: [ROOT / path, kernel, *(["--full"] if extent == "full" else [])]


def _victims(kernel, extent):
    """On overlay and tmpfs where there is time; the two differ in how a path is read, not in what is asked."""
    both = extent == "full" or extent == "usual" and kernel == KERNELS[0]
    return [ROOT / "tests/kernel/enforce/victims", ROOT / "build/release/bin", *([] if both else ["--on", "tmpfs"])]


GROUPS = [
    Group("unit", "the unit tests, under ASan and UBSan", lambda k, e: [ROOT / "tests/lib/unit", ROOT / "build/dev"],
          timeout=2400, builds=("dev",)),
    Group("golden", "what the compiler says and writes, by the program itself", lambda k, e: [ROOT / "tests/lib/golden", ROOT / "build/release/bin"],
          timeout=300, builds=("release",), targets=("treelinec",)),
    Group("fuzz-smoke", "each parser on inputs that a fuzzer makes up, five minutes of processor in all",
          lambda k, e: [ROOT / "tests/lib/fuzz", ROOT / "build/fuzz", "3600" if e == "full" else "300"], timeout=4500, builds=("fuzz",)),
    Group("load", "every BPF program passes this kernel's verifier, in each of its variants, within bounds",
          lambda k, e: [ROOT / "build/release/bin/bpf_load"], kernels="all", timeout=500, builds=("release",), targets=("bpf_load",), vm=True,
          always_all=True),
    Group("enforce", "each forbidden act has its effect unconfined, none under a policy, and one event",
          _victims, kernels="all", timeout=1500, builds=("release",), targets=(*TREELINE, *VICTIMS), vm=True),
    Group("workloads", "containers learned under traffic, compiled, enforced, disturbed", _script("tests/lib/workloads"), kernels="all",
          timeout=7200, builds=("release",), targets=(*TREELINE, "treeline-oci"), default=False),
    Group("prerequisites", "what a machine lacks is recognised, with what mends it, and nothing runs as if it were protected",
          lambda k, e: [ROOT / "tests/kernel/enforce/prerequisites", k, ROOT / "build/release/bin"], kernels="one", timeout=1500,
          builds=("release",), targets=(*TREELINE, "treeline-oci")),
    Group("quickstart", "deploy/quickstart, as a person runs it, from its own build", lambda k, e: [ROOT / "tests/lib/quickstart", k],
          kernels="one", timeout=2400, default=False),
    Group("bench", "what it costs in instructions", lambda k, e: [ROOT / "tests/bench/run", "--kernel", k, "--json", ROOT / "build/tests" / f"bench-{k}.json"],
          kernels="one", timeout=2400, builds=("release",), targets=(*TREELINE, "bench_acts", "bench_empty"), default=False),
    Group("vm", "the micro VM itself", lambda k, e: [ROOT / "tests/lib/vm", k], kernels="one", timeout=1500),
]


def environment():
    env = dict(os.environ)
    env.update(LC_ALL="C.UTF-8", DEBIAN_FRONTEND="noninteractive", PYTHONDONTWRITEBYTECODE="1")
    # Another checkout of the same sources finds what this one compiled.
    env.update(CCACHE_BASEDIR=str(ROOT), CCACHE_NOHASHDIR="1")
    return env
