# SPDX-License-Identifier: Apache-2.0
"""The groups: what each one runs, on which kernels, and how long it may take."""

import dataclasses
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNELS = ["6.12", "5.10", "6.1", "7.3"]  # the first is the one that everything runs on
TREELINE = ("treelinec", "treelined", "treeline")
VICTIMS = ("victim", "victim_first", "victim_preload", "victim_host")
IMPLANT = ("victim_implant", "victim_implant_library")
VM = str(ROOT / "tests/kernel/vm")


@dataclasses.dataclass
class Group:
    name: str
    about: str
    command: object  # (kernel, extent, part) -> argv; the extent: quick, usual, full
    kernels: str = "none"  # none, one, all: "one" becomes all with --full, "all" becomes one with --quick
    timeout: int = 600  # seconds, for one kernel
    builds: tuple = ()  # presets
    targets: tuple = ()  # of the release build: what the group runs
    vm: bool = False  # run the command in the micro VM
    vm_options: tuple = ()
    default: bool = True  # else only by --only or with --full
    always_all: bool = False  # on all kernels with --quick too
    parts: object = lambda kernel, extent: [""]  # what of it runs by itself, beside other parts
    alone: bool = False  # nothing else runs meanwhile: it uses all processors, or measures time

    def on(self, extent, chosen):
        """The kernels that this run takes."""
        if self.kernels == "none":
            return ["-"]
        every = extent == "full" or chosen or self.kernels == "all" and (extent != "quick" or self.always_all)
        return [kernel for kernel in (KERNELS if every else KERNELS[:1]) if not chosen or kernel in chosen]

    def jobs(self, extent, chosen):
        return [Job(self, kernel, part) for kernel in self.on(extent, chosen) for part in self.parts(kernel, extent)]

    def argv(self, kernel, extent, part):
        command = [str(word) for word in self.command(kernel, extent, part)]
        if not self.vm:
            return command
        # The VM's own clock is the stricter one: it knows a hang from a failure.
        return [VM, "--kernel", kernel, "--timeout", str(self.timeout - 60), *self.vm_options, "--", *command]


@dataclasses.dataclass
class Job:
    """What is run at a time: a group, or a part of it, on a kernel."""
    group: Group
    kernel: str
    part: str = ""

    @property
    def title(self):
        return self.group.name + (f" {self.part}" if self.part else "") + ("" if self.kernel == "-" else f" on {self.kernel}")

    @property
    def log(self):
        return "-".join(word for word in (self.group.name, self.part, self.kernel) if word not in ("", "-")) + ".log"


def _containers(kernel, extent):
    """All four with every phase on the first kernel; of the others, with --full too, else nginx: learned, enforced, attacked."""
    return ["nginx", "redis", "postgres", "app"] if extent == "full" or kernel == KERNELS[0] and extent == "usual" else ["nginx"]


def _workload(kernel, extent, part):
    all_phases = extent == "full" or kernel == KERNELS[0] and extent == "usual"
    return [ROOT / "tests/lib/workloads", kernel, part, *([] if all_phases else ["--enforce-only"])]


def _victims(kernel, extent, part):
    """On overlay and tmpfs, on ext4 in part; all of it where there is time: they differ in how a path is read, not in what is asked. Likewise the older
    ways of the hooks: each is a start of treelined. A user's rows, in part likewise, are no part of --quick."""
    both = extent == "usual" and kernel == KERNELS[0]
    some = [] if extent == "full" else ["--on", "tmpfs", *(["--on", "overlay"] if both else []), "--partly-on", "ext4"]
    return [ROOT / "tests/kernel/enforce/victims", ROOT / "build/release/bin", *([] if extent == "quick" else ["--variants", "--partly-user", "tmpfs"]), *some]


def _contained(kernel, extent, part):
    """On overlay, as a container's root is one; the whole table as root under runc on the first kernel, else a part of it."""
    whole = extent == "full" or part == "runc" and extent == "usual" and kernel == KERNELS[0]
    some = [] if extent == "full" else ["--on", "overlay", *([] if whole else ["--some"])]
    return [ROOT / "tests/kernel/enforce/victims", ROOT / "build/release/bin", "--under", part.partition("-")[0], *some, *(["--user"] if "user" in part else [])]


GROUPS = [
    Group("unit", "the unit tests, under ASan and UBSan", lambda k, e, p: [ROOT / "tests/lib/unit", ROOT / "build/dev"],
          timeout=2400, builds=("dev",), alone=True),
    Group("golden", "what the compiler says and writes, by the program itself", lambda k, e, p: [ROOT / "tests/lib/golden", ROOT / "build/release/bin"],
          timeout=300, builds=("release",), targets=("treelinec",)),
    Group("formats", "what the compiler hands to other programs, by those or their schemas",
          lambda k, e, p: [ROOT / "tests/lib/formats", ROOT / "build/release/bin"], timeout=600, builds=("release",), targets=("treelinec",)),
    Group("surface", "each system call and each LSM hook has an answer, and that is true of the hooks and of SECURITY.md",
          lambda k, e, p: [ROOT / "tests/lib/surface"], timeout=60),
    Group("fuzz-smoke", "each parser on inputs that a fuzzer makes up, five minutes of processor in all",
          lambda k, e, p: [ROOT / "tests/lib/fuzz", ROOT / "build/fuzz", "3600" if e == "full" else "300"], timeout=4500, builds=("fuzz",), alone=True),
    Group("load", "every BPF program passes this kernel's verifier, within bounds, in each of its variants (--quick: treelined's and the oldest); each hook and call of it has an answer",
          lambda k, e, p: [ROOT / "tests/kernel/load/run", ROOT / "build/release/bin/bpf_load", *([] if e == "quick" else ["--all"])], kernels="all",
          timeout=1200, builds=("release",), targets=("bpf_load",), vm=True, always_all=True),
    Group("oci", "what starts under the runtimes, what does not, and what is said then", lambda k, e, p: [ROOT / "tests/lib/oci", k], kernels="one",
          timeout=1800, builds=("release",), targets=(*TREELINE, "treeline-oci")),
    Group("attacks", "each forbidden act has its effect unconfined, none under a policy, and one event",
          _victims, kernels="all", timeout=4200, builds=("release",), targets=(*TREELINE, *VICTIMS), vm=True),
    Group("contained", "the same acts in containers that a runtime starts: as root with all capabilities, and as a user",
          _contained, kernels="all", timeout=4200, builds=("release",), targets=(*TREELINE, *VICTIMS, "treeline-oci"), vm=True,
          parts=lambda k, e: ["runc", "runc-user", "crun", "crun-user"] if e == "full" else ["runc", "crun-user"]),
    Group("cases", "the case table, each act performed on its node under its policy: by the hooks, by AppArmor",
          lambda k, e, p: [ROOT / "tests/kernel/cases/run", p, ROOT / "build/release/bin"], kernels="one", timeout=1800, builds=("release",),
          targets=(*TREELINE, "case_actor", "case_list"), vm=True, parts=lambda k, e: ["bpf", "apparmor"]),
    Group("backends", "what the compiler writes for AppArmor and seccomp, in the kernel, under the runtimes and by treeline",
          lambda k, e, p: [ROOT / "tests/kernel/backends" / p, ROOT / "build/release/bin" / ("" if p == "plain" else "treelinec")], kernels="one",
          timeout=1800, builds=("release",), targets=TREELINE, vm=True, parts=lambda k, e: ["apparmor", "seccomp", "runtime_calls", "plain"]),
    Group("filter", "what no hook of a kernel sees is refused by the policy's seccomp filter",
          lambda k, e, p: [ROOT / "tests/kernel/enforce/closing", ROOT / "build/release/bin"], kernels="all", timeout=900, builds=("release",),
          targets=(*TREELINE, "victim_closed"), vm=True, vm_options=("--append", "syscall.x32=y")),
    Group("soak", "everything at random from a seed, a minute, ten with --full: no escape, no false denial, nothing leaked",
          lambda k, e, p: [ROOT / "tests/kernel/enforce/soak", ROOT / "build/release/bin", "--seconds", "600" if e == "full" else "60"], kernels="one",
          timeout=1500, builds=("release",), targets=(*TREELINE, *VICTIMS), vm=True),
    Group("preempt", "the same with every task preempted at any point, 32 threads of four containers on one processor",
          lambda k, e, p: [ROOT / "tests/kernel/enforce/soak", ROOT / "build/release/bin", "--preempt", "--loops", "4", "--threads", "8", "--seconds",
                         "120" if e == "full" else "60"],
          kernels="one", timeout=1500, builds=("release",), targets=(*TREELINE, *VICTIMS), vm=True, vm_options=("--append", "preempt=full", "--smp", "1"),
          default=False),
    Group("reaction", "what a violation costs: the process, the container, a frozen container; also while treelined is away",
          lambda k, e, p: [ROOT / "tests/kernel/enforce/reaction", ROOT / "build/release/bin"], kernels="one", timeout=900, builds=("release",),
          targets=TREELINE, vm=True),
    Group("swaps", "the policy is exchanged 200 times under processes that attack without a pause; a node that goes; a program outside the tree; what joins; a file that containers share; what is pinned",
          lambda k, e, p: [ROOT / "tests/kernel/enforce" / p, ROOT / "build/release/bin"], kernels="one", timeout=1500, builds=("release",),
          targets=(*TREELINE, "victim"), vm=True, parts=lambda k, e: ["swaps", "outside", "joined", "writers", "pins"]),
    Group("flood", "refusals by the hundred thousand, a full ring, full tables, a noisy neighbour: verdicts stay, counts are exact, losses are counted; doubts",
          lambda k, e, p: [ROOT / "tests/kernel/enforce" / p, ROOT / "build/release/bin", *(["--times", "1000000"] if p == "flood" and e == "full" else [])],
          kernels="one", timeout=1500, builds=("release",), targets=(*TREELINE, *VICTIMS), vm=True, parts=lambda k, e: ["flood", "noisy", "doubts", "full"]),
    Group("engines", "podman, containerd and Docker with the files of deploy/oci: learned, enforced, entered, stopped, and what a person is told",
          lambda k, e, p: [ROOT / "tests/kernel/oci/engines_test", ROOT / "build/release/bin"], kernels="one", timeout=1800, builds=("release",),
          targets=(*TREELINE, "treeline-oci"), vm=True, vm_options=("--memory", "3072")),
    Group("crashes", "treelined dies at each step of a load, a mode, a rollback, an unload, an upgrade: the old policy or the new one, whole",
          lambda k, e, p: [ROOT / "tests/kernel/enforce/crashes", ROOT / "build/release/bin"], kernels="one", timeout=2700, builds=("release",),
          targets=TREELINE, vm=True, default=False),
    Group("selfconfine", "treelined in its own confinement: its whole life, then what an intruder in it would try",
          lambda k, e, p: [ROOT / "tests/kernel/enforce/selfconfine", ROOT / "build/release/bin"], kernels="one", timeout=1500, builds=("release",),
          targets=TREELINE, vm=True),
    Group("installed", "installed, used and taken off again: nothing is left, in bpffs neither",
          lambda k, e, p: [ROOT / "tests/kernel/enforce/installed", ROOT / "build/release"], kernels="one", timeout=900, builds=("release",),
          targets=(*TREELINE, "treeline-oci", "treelinec_completion", "treeline_completion"), vm=True),
    Group("limits", "containers, policies, images, nodes, paths and tasks as many as there may be; one more is refused, said and counted",
          lambda k, e, p: [ROOT / "tests/kernel/enforce/limits", ROOT / "build/release/bin", *(["--all"] if e == "full" else [])], kernels="one", timeout=3000, builds=("release",),
          targets=(*TREELINE, *VICTIMS), vm=True, vm_options=("--memory", "8192"), default=False),
    Group("workloads", "containers learned under traffic, compiled, enforced, attacked from inside, disturbed", _workload, kernels="all",
          timeout=3600, builds=("release",), targets=(*TREELINE, *VICTIMS, *IMPLANT, "treeline-oci"), parts=_containers),
    Group("prerequisites", "what a machine lacks is recognised, with what mends it, and nothing runs as if it were protected",
          lambda k, e, p: [ROOT / "tests/kernel/enforce/prerequisites", k, ROOT / "build/release/bin"], kernels="one", timeout=1500,
          builds=("release",), targets=(*TREELINE, "treeline-oci")),
    Group("quickstart", "deploy/quickstart, as a person runs it, from its own build", lambda k, e, p: [ROOT / "tests/lib/quickstart", k],
          kernels="one", timeout=2400, default=False, alone=True),
    Group("trees", "process trees that nobody tuned for: learned, compiled, enforced with another input",
          lambda k, e, p: [ROOT / "tests/kernel/enforce/trees", ROOT / "build/release/bin", "--part", p], kernels="one", timeout=4500,
          builds=("release",), targets=TREELINE, vm=True, vm_options=("--memory", "3072"), default=False,
          parts=lambda kernel, extent: ["1of4", "2of4", "3of4", "4of4"]),
    Group("bench", "what it costs in instructions", lambda k, e, p: [ROOT / "tests/bench/run", "--kernel", k, "--json", ROOT / "build/tests" / f"bench-{k}.json"],
          kernels="one", timeout=2400, builds=("release",), targets=(*TREELINE, "bench_acts", "bench_empty", "bench_filter"), default=False),
    Group("scale", "how the compiler grows with a policy and with their number, and its bars",
          lambda k, e, p: [ROOT / "tests/lib/scale", ROOT / "build/release/bin", e], timeout=7200, builds=("release",), targets=("treelinec", "compile_bench"),
          default=False, alone=True),
    Group("vm", "the micro VM itself", lambda k, e, p: [ROOT / "tests/lib/vm", k], kernels="one", timeout=1500, alone=True),
]


def environment():
    env = dict(os.environ)
    env.update(LC_ALL="C.UTF-8", DEBIAN_FRONTEND="noninteractive", PYTHONDONTWRITEBYTECODE="1")
    # Another checkout of the same sources finds what this one compiled.
    env.update(CCACHE_BASEDIR=str(ROOT), CCACHE_NOHASHDIR="1")
    return env
