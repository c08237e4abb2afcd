# SPDX-License-Identifier: Apache-2.0
"""What the kernel offers, and what Treeline says to each of it: syscalls.toml, hooks.toml, bpf/lsm."""

import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[3]
LSM = ROOT / "bpf/lsm"
HERE = pathlib.Path(__file__).resolve().parent
KINDS = ("judged", "filter", "none", "open")


def attached():
    """The hooks that bpf/lsm has a program for, by its sources."""
    hooks = set()
    for source in LSM.glob("*.bpf.c"):
        text = source.read_text()
        hooks.update(re.findall(r'SEC\("lsm/(\w+)"\)', text))
        hooks.update(re.findall(r"^[A-Z]+_HOOK\((\w+), [A-Z]", text, re.M))
    return hooks


def documented():
    """The hooks of the table in bpf/lsm/README.md. `task_setnice, _setioprio` are two, `(from 6.1)` is none."""
    hooks = []
    table = (LSM / "README.md").read_text().partition("## Hooks\n")[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        family = ""
        for word in re.split(r"[,/]", re.sub(r"\(.*?\)", "", line.split("|")[1])):
            word = word.strip()
            if not word.startswith("_"):
                family = word.partition("_")[0]
            hooks.append(family + word if word.startswith("_") else word)
    return hooks


def _groups(table, kinds):
    return [(kind, group) for kind in kinds for group in table[kind]]


def unused():
    with open(HERE / "hooks.toml", "rb") as f:
        table = tomllib.load(f)
    return [(group["why"], group["hooks"].split()) for _, group in _groups(table, ["unused"])], table["none"]["functions"].split(), table["kernel"]["hooks"].split()


class Calls:
    """syscalls.toml."""

    def __init__(self):
        with open(HERE / "syscalls.toml", "rb") as f:
            self._table = tomllib.load(f)
        self.groups = _groups(self._table, KINDS)
        self.names = [name for _, group in self.groups for name in group["calls"].split()]
        self.since = {name: kernel for kernel, names in self._table["since"].items() for name in names.split()}
        self._others = self._table["other"]
        self._same = dict(pair.split(":") for pair in self._others["same"].split())

    def knows(self, name):
        """Does the table answer for it, by this name or by another one of the same call?"""
        plain = re.sub(r"^(ia32_|old_?|new)", "", name)
        short = re.sub(r"_time(32|64)$|_?(16|32|64)$", "", plain)
        known = {*self.names, *self._others["several"].split(), *self._others["gone"].split(), *self._others["elsewhere"].split(), *self._same}
        return bool({name, plain, short} & known)

    def lost(self):
        """Names that stand for a call which is in no group."""
        return [f"{name} for {call}" for name, call in self._same.items() if call not in self.names] + sorted(set(self.since) - set(self.names))


def headers_calls(path):
    return re.findall(r"__NR_(\w+)", pathlib.Path(path).read_text())
