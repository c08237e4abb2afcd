# SPDX-License-Identifier: Apache-2.0
"""The table of tests/victims on a file system: each row without a policy first, then in each mode, in one of three ways.

  Driven      in a plain process tree, below a driver (driven.py): so most rows are run
  Singly      each by a `treeline run` of its own, whose entry the victim is
  Contained   in containers of a runtime (contained.py)

What they say are lines of tests/run's protocol.

    test = Driven("tmpfs", programs, values, ["door-*"], ["enforce"]); test.run(); test.close()
"""

import itertools
import os
import pathlib
import shlex
import time

import contained
import driven
import expect
import profile
import scene
import treeline

TABLE = pathlib.Path(__file__).resolve().parents[2] / "victims/table.toml"
BASES = {"overlay": "/srv/tl", "tmpfs": "/tmp/tl", "ext4": "/mnt/tl/tl"}
MODES = ("enforce", "kill", "monitor", "learn")


def say(line):
    print(line, flush=True)


def made(where):
    """The scene's place; ext4 is made for it, in a file, as the machine has no disk."""
    base = pathlib.Path(BASES[where])
    if where == "ext4" and not base.parent.is_mount():
        base.parent.mkdir(parents=True, exist_ok=True)
        for command in ("/usr/sbin/modprobe -q loop", "/usr/bin/truncate -s 256M /tmp/tl.ext4", "/usr/sbin/mkfs.ext4 -q -F /tmp/tl.ext4",
                        f"/usr/bin/mount -t ext4 -o loop /tmp/tl.ext4 {base.parent}"):
            status, out, err = treeline.call(command.split(), 120)
            if status != 0:
                raise treeline.Broken(f"{command}: status {status}: {err}{out}")
    return base


def command_of(row, base):
    command = [f"{base}/bin/" + ("first" if row.program == "victim_first" else row.program)]
    return command + [str(base), *shlex.split(row.act)] if row.act else command


class Table:
    def __init__(self, where, rows, modes, programs):
        """where: in the tests' names. rows: names, or shell patterns."""
        self.where, self.rows, self.modes = where, rows, modes
        self.treeline = treeline.Treeline(programs, "/run/tl-test")
        self.scene = None
        self.values = {}
        self.failed = 0
        self.cells = {}  # row -> {unconfined, enforce, kill, monitor: word}

    def selected(self, where=(), entry="entry"):
        rows = expect.read_table(TABLE, os.environ.get("TREELINE_KERNEL", ""), self.values, where, entry)
        return expect.select(rows, self.rows)

    def applies(self, mode, name, row):
        if mode == "unconfined":
            self.cells[name] = {"hook": "allowed" if row.allowed else "seccomp filter" if row.filtered else "/".join(row.hooks)}
            return True
        return self.cells[name]["unconfined"] == "pass" and not (mode == "kill" and row.allowed or mode == "learn" and not row.protected)

    def one(self, mode, name, row, run):
        """run() gives the act's status, its words on stdout and stderr, the events, and below a driver why these are not what was counted."""
        self.scene.reset()
        if mode == "unconfined":
            self.judge_unconfined(name, row, *run()[:3])
            return
        before, doubts = self.scene.state(), self.treeline.doubts() if row.doubt else {}
        self.judge(name, row, mode, run(), before, doubts)

    def judge_counts(self, mode, policy, wrong):
        if wrong is not None:
            self.failed += bool(wrong)
            say(f"{'FAIL' if wrong else 'PASS'} {self.where}/counts-of-{policy}/{mode}" + (f": {', '.join(wrong)}" if wrong else ""))

    def judge_unconfined(self, name, row, status, out, err):
        happened, detail = expect.effect(out)
        if row.silent:
            self.result("PASS" if happened is False else "FAIL", name, "unconfined", "" if happened is False else "the effect came about, or the act was not tried")
        elif happened is not True:
            self.result("SKIP", name, "unconfined", f"not applicable: no effect without a policy either: {detail or err.strip() or status}")
        else:
            self.result("PASS", name, "unconfined")

    def judge(self, name, row, mode, came, before, doubts):
        """came: as of run(); before: the scene and the counted doubts."""
        status, out, err, events, *miscounted = came
        happened, detail = expect.effect(out)
        after = self.scene.state()
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        wrong = expect.wrong(row, mode, happened, events, changed, expect.End(status, out))
        wrong += itertools.chain(*miscounted)
        if row.doubt:
            wrong += expect.uncounted(row, events, doubts, self.treeline.doubts())
        if err.strip() and wrong:
            say(err.strip()[-1500:])
        self.result("FAIL" if wrong else "PASS", name, mode, ", ".join(wrong) + f" [status {status}; {detail}]" if wrong else "")

    def result(self, word, name, mode, why=""):
        self.failed += word == "FAIL"
        self.cells[name][mode] = {"SKIP": "n/a", "FAIL": "fail"}.get(word) or "pass"
        say(f"{word} {self.where}/{name}/{mode}" + (f": {why}" if why else ""))

    def tell(self):
        """What each act met, and which hook closed it."""
        columns = ("unconfined", *MODES)
        width = max(map(len, self.cells), default=0)
        say(f"NOTE {self.where:{width}}  " + "".join(f"{column:12}" for column in columns) + "closed by")
        for name, cells in self.cells.items():
            say(f"NOTE {name:{width}}  " + "".join(f"{cells.get(column, '-'):12}" for column in columns) + cells["hook"])

    def close(self):
        self.tell()
        self.scene.close()


class Singly(Table):
    def __init__(self, where, programs, daemon, rows, modes, named=None):
        super().__init__(named or where, rows, modes, programs)
        self.scene = scene.Scene(made(where), programs)
        self.values = {**self.scene.values(), **daemon}
        self.bundle = self.treeline.compile("victims", profile.text(self.values))
        self.own = {program: self.treeline.compile(program, each) for program, each in profile.texts(self.values).items()}

    def run(self):
        for name, row in self.selected():
            command = command_of(row, self.scene.base)
            for mode in ("unconfined", *self.modes):
                if self.applies(mode, name, row):
                    self.one(mode, name, row, lambda m=mode, r=row, c=command: self.run_in(m, r, c))

    def run_in(self, mode, row, command):
        if mode == "unconfined":
            return treeline.call(command, 60)
        if mode == "learn":
            return *self.treeline.learn(command), []
        return self.treeline.run(self.own.get(row.program, self.bundle), command, mode="monitor" if mode == "monitor" else "enforce",
                                 on_violation="kill" if mode == "kill" else None)


class Driven(Table):
    """Of each mode and policy one tree, in which its rows run one after another."""
    USER = 1000
    BESIDE = ("driven",)  # tables of values that hold here, beside the kernel's
    LEFT_OUT = {"root": "need a capability", "plain": "are about what is root's"}  # by a user: rows that have this field, and why

    def __init__(self, where, programs, daemon, rows, modes, user=False):  # pylint: disable=too-many-arguments,too-many-positional-arguments
        super().__init__(f"user-{where}" if user else where, rows, modes, programs)
        self.user = self.USER if user else 0
        small = driven.stripped(programs, "/run/tl-test/stripped")
        self.scene = scene.Scene(made(where), small, owner=self.user)
        driven.add_driver(self.scene.base)
        self.values = {**self.scene.values(), **daemon, "programs": str(pathlib.Path(programs).resolve())}
        self.treeline.learn(["/usr/bin/true"])  # what treelined makes when it binds for the first time is there, as rows name it
        texts = {"victims": profile.text(self.values), **profile.texts(self.values)}
        self.bundles = {name: self.treeline.compile(name, profile.driven(text, f"{self.scene.base}/bin/driver", self.user, user)) for name, text in texts.items()}

    def chosen(self):
        """The rows that can be run here; which are left out is said."""
        rows = self.selected((*self.BESIDE, "user") if self.user else self.BESIDE, "entry > {base}/bin/driver")
        for field, why in self.left_out():
            left_out = [name for name, row in rows if getattr(row, field)]
            rows = [each for each in rows if each[0] not in left_out]
            if left_out:
                say(f"NOTE {self.where}: {len(left_out)} rows are left out, they {why}: {' '.join(left_out)}")
        return rows

    def left_out(self):
        return self.LEFT_OUT.items() if self.user else ()

    def policy_of(self, row):
        return row.program if row.program in self.bundles else "victims"

    def driver(self, mode, policy):
        return driven.Tree(self.treeline, self.scene.base, self.bundles[policy], None if mode == "unconfined" else mode, self.user)

    def command(self, row, driver):  # pylint: disable=unused-argument
        return command_of(row, self.scene.base)

    def run(self):
        rows = self.chosen()
        began, count, drivers = time.monotonic(), 0, 0
        for mode in ("unconfined", *self.modes):
            for policy in self.bundles:
                each = [(name, row) for name, row in rows if self.policy_of(row) == policy and self.applies(mode, name, row)]
                count += len(each)
                drivers += self.run_all(mode, policy, each)
        seconds = time.monotonic() - began
        say(f"NOTE {self.where}: {count} runs below {drivers} drivers, {seconds:.0f} s, {seconds / max(count, 1):.2f} s each")

    def run_all(self, mode, policy, rows):
        """Below one driver; below another one after a row that ended it, which is a failure."""
        left, drivers = iter(rows), 0
        for first in left:
            drivers += 1
            try:
                with self.driver(mode, policy) as driver:
                    for name, row in itertools.chain([first], left):
                        self.one(mode, name, row, lambda d=driver, r=row: d.run(self.command(r, d)))
                    self.judge_counts(mode, policy, driver.counts_wrong())
            except driven.Ended as ended:
                self.result("FAIL", name, mode, str(ended))
        return drivers


class Contained(Driven):
    """The driver is a container's first program."""
    BESIDE = ("driven", "contained")

    def __init__(self, on, under, user, programs, daemon, rows, modes):  # pylint: disable=super-init-not-called
        Table.__init__(self, f"{under}-user-{on}" if user else f"{under}-{on}", rows, modes, programs)  # pylint: disable=non-parent-init-called
        self.under, self.programs, self.user = under, programs, self.USER if user else 0
        self.control = driven.Daemon()
        self.root = contained.Root(on, self.user)
        small = driven.stripped(programs, "/run/tl-test/stripped")
        self.scene = scene.Scene(self.root.path / contained.INSIDE[1:], small, self.root.path, self.user)
        try:
            driven.add_driver(self.scene.base)
            self.values = {**self.scene.values(), **daemon, "outside": str(self.scene.base)}
            del self.values["pid"]  # each container has its own
            texts = {"victims": profile.text(self.values), **profile.texts(self.values)}
            self.bundles = {name: self.load(name, text) for name, text in texts.items()}
        except BaseException:
            self.scene.close()
            raise

    def load(self, name, text):
        bundle = self.treeline.compile(name, profile.driven(text, f"{contained.INSIDE}/bin/driver", self.user))
        for mode in MODES[:3]:
            done = self.control.ask(do="policy.load", bundle=str(bundle), name=f"{name}-{mode}", mode="monitor" if mode == "monitor" else "enforce",
                                    **({"on_violation": "kill"} if mode == "kill" else {}))
            if not (done or {}).get("ok"):
                raise treeline.Broken(f"policy.load {name}-{mode}: {done}")
        return bundle

    def left_out(self):
        return [("plain", "name what no container has"), *([("root", self.LEFT_OUT["root"])] if self.user else [])]

    def driver(self, mode, policy):
        if mode == "learn":
            self.control.ask(do="learn.start", name=f"{policy}-learn")
        return contained.Container(self.under, self.programs, self.root, None if mode == "unconfined" else f"{policy}-{mode}", self.user, mode in MODES[:3])

    def command(self, row, driver):
        return [word.replace("{pid}", driver.sleeper) for word in command_of(row, contained.INSIDE)]

    def close(self):
        super().close()
        self.root.close()
        for mode, policy in itertools.product(MODES, self.bundles):
            self.control.ask(do="learn.stop" if mode == "learn" else "policy.unload", name=f"{policy}-{mode}", reason="the test is over")
