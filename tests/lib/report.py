# SPDX-License-Identifier: Apache-2.0
"""What tests say, line by line, and what it adds up to.

A test says one line: `PASS name`, `FAIL name: why`, `SKIP name: why`. A name has no ": " in it. Every other line is talk:
it goes to the log and is shown where something failed; `NOTE text` is shown in any case.
"""

import dataclasses
import fnmatch
import pathlib
import re

_LINE = re.compile(r"^(PASS|FAIL|SKIP) (.+?)(?:: (.*))?$")


@dataclasses.dataclass
class Tally:
    """The results of one group on one kernel ("-": it needs none)."""
    group: str
    kernel: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    part: str = ""  # of the group
    failures: list = dataclasses.field(default_factory=list)  # (name, why)
    skips: list = dataclasses.field(default_factory=list)  # (name, why)

    @property
    def count(self):
        return self.passed + self.failed + self.skipped


class Skips:
    """The committed list: GROUP KERNEL TEST REASON, the first three being shell patterns, of groups and kernels several with commas between."""

    def __init__(self, path):
        self._lines = []
        for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.split(None, 3)
            if len(fields) != 4:
                raise ValueError(f"{path}:{number}: expected GROUP KERNEL TEST REASON")
            self._lines.append((fields[0].split(","), fields[1].split(","), [fields[2]], fields[3]))

    def reason(self, tally, name):
        for *patterns, reason in self._lines:
            if all(any(fnmatch.fnmatchcase(text, each) for each in either) for text, either in zip((tally.group, tally.kernel, name), patterns)):
                return reason
        return None


def judge(tally, skips, line):
    """Counts a line of the protocol. Returns "PASS", "FAIL", "SKIP", or None where the line is talk."""
    match = _LINE.match(line)
    if not match:
        return None
    word, name, why = match[1], match[2], match[3] or ""
    if word == "SKIP" and skips.reason(tally, name) is None:
        word, why = "FAIL", f"skipped, but tests/skips.txt does not list it ({why})"
    if word == "PASS":
        tally.passed += 1
    elif word == "FAIL":
        fail(tally, name, why)
    else:
        tally.skipped += 1
        tally.skips.append((name, why))
    return word


def fail(tally, name, why):
    tally.failed += 1
    tally.failures.append((name, why))


def table(tallies):
    """A summary by group and kernel, as lines."""
    rows = [("group", "kernel", "passed", "failed", "skipped", "time")]
    rows += [(f"{t.group} {t.part}".strip(), t.kernel, str(t.passed), str(t.failed), str(t.skipped), f"{t.seconds:.0f} s") for t in tallies]
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    return ["  ".join(cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths)))
            for row in rows]
