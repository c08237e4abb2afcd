# SPDX-License-Identifier: Apache-2.0
"""The table of expectations, and whether what came of a run is as it says."""

import dataclasses
import fnmatch
import tomllib

from profile import fill

VERDICTS = {"enforce": "deny", "kill": "kill", "monitor": "would-deny"}
KILLED = 128 + 9
NODE = "entry > {base}/bin/{program}"
NODES = {"victim_first": "entry > {base}/bin/first"}
# Why a hook refuses, where the row does not say it; what is in neither: an operation that is not granted.
REASONS = {"bprm_check_security": "not-in-tree", "bprm_committing_creds": "inherited-fd", "capable": "capability", "socket_create": "socket-kind",
           "socket_setsockopt": "socket-kind"}
FAMILIES = {"file_": "access", "path_": "access", "inode_": "access", "mmap_": "access", "unix_": "access", "socket_": "network", "inet_": "network"}


@dataclasses.dataclass
class End:
    """How the process ended that was to commit the act, and what it said."""
    status: object  # as a shell gives it; None: it hung
    out: str

    @property
    def killed(self):
        return self.status == KILLED

    @property
    def child_killed(self):
        return "CHILD killed" in self.out.splitlines()


@dataclasses.dataclass
class Row:
    act: str
    hook: object = ()
    object: str = None
    node: str = None
    reason: object = ()
    child: bool = False
    also: tuple = ()
    killed: bool = False
    allowed: bool = False
    program: str = "victim"
    unkilled: bool = False
    protected: bool = False
    filtered: bool = False
    silent: bool = False
    plain: bool = False
    root: bool = False
    leaves: tuple = ()

    @property
    def name(self):
        words = [word for word in self.act.split() if not word.startswith(("{", "@"))]
        name = "-".join(words) or self.program
        return name if self.program.startswith("victim") else f"{self.program}-{name}"

    @property
    def doubt(self):
        return any(reason.startswith("doubt-") for reason in self.reasons)

    @property
    def hooks(self):
        return [self.hook] if isinstance(self.hook, str) else list(self.hook)

    @property
    def reasons(self):
        return [self.reason] if isinstance(self.reason, str) else list(self.reason)


def read_table(path, kernel, values, where=(), entry="entry"):
    """where: of the tables of values beside the kernel's those that hold here (contained, user). entry: the node that starts the programs."""
    rows = []
    with open(path, "rb") as f:
        for fields in tomllib.load(f)["row"]:
            for each in (kernel, *where):
                fields = {**fields, **fields.get(each, {})}
            fields = {name: value for name, value in fields.items() if not isinstance(value, dict)}
            row = Row(**fields)
            name = row.name
            row.node = (row.node or NODES.get(row.program, NODE).replace("{program}", row.program)).replace("entry", entry, 1)
            row.reason = row.reason or ("protected" if row.protected else reason_of(row.hooks[0]) if row.hooks else ())
            for field in ("act", "object", "node"):
                if getattr(row, field):
                    setattr(row, field, fill(getattr(row, field), values))
            rows.append((name, row))
    names = [name for name, _ in rows]
    for index, name in enumerate(names):  # the same act with another object
        if names.count(name) > 1:
            rows[index] = (f"{name}-{names[:index].count(name) + 1}", rows[index][1])
    return rows


def reason_of(hook):
    return REASONS.get(hook) or next((reason for family, reason in FAMILIES.items() if hook.startswith(family)), "operation")


class Unknown(Exception):
    """Rows were asked for that the table does not have."""


def select(rows, wanted):
    """The rows whose name meets one of the wanted ones, each a shell pattern. One that meets none is a mistake: what it meant is not tried."""
    unknown = [each for each in wanted if not any(fnmatch.fnmatchcase(name, each) for name, _ in rows)]
    if unknown:
        raise Unknown("no row is called " + ", ".join(unknown))
    return [(name, row) for name, row in rows if any(fnmatch.fnmatchcase(name, each) for each in wanted)]


def objects(event):
    """Every text by which an event names what was acted on."""
    what = event.get("object", {})
    named = [what.get(key) for key in ("path", "second_path", "class", "name")]
    if what.get("type") == "net":
        named += [f"{what.get('address', '*')}:{what.get('port')}", what.get("address")]  # the port may be the kernel's choice
    return [name for name in named if name]


def effect(out):
    """True, False, or None where nothing was said; and the detail."""
    happened, detail = None, ""
    for line in out.splitlines():
        if line.startswith("EFFECT "):
            word, _, rest = line[7:].partition(" ")
            if happened is not True:
                happened, detail = word == "yes", rest
    return happened, detail


def wrong(row, mode, happened, events, changed, end=None):
    """Why this run is not as expected; empty where it is. Modes: enforce, kill, monitor, learn (without events). end: where the caller has one."""
    denials = [event for event in events if event.get("type") == "denial"]
    losses = [event for event in events if event.get("type") == "loss"]
    reasons = []
    if losses:
        reasons.append(f"events were lost: {losses}")
    if end:
        reasons += _wrong_end(row, mode, end)
    if row.allowed:
        if happened is not True:
            reasons.append("what is allowed did not happen")
        if denials:
            reasons.append("events: " + "; ".join(map(brief, denials)))
        return reasons
    should = mode == "monitor" and not row.protected
    if should and happened is not True:
        reasons.append("no effect in monitor")
    if not should and happened is True:
        reasons.append("THE EFFECT CAME ABOUT")
    changed = [name for name in changed if not any(fnmatch.fnmatchcase(name, each) for each in row.leaves)]
    if not should and changed:
        reasons.append("the scene has changed: " + ", ".join(changed))
    if mode == "learn":
        return reasons
    if row.filtered or row.silent:
        if not should and happened is None:
            reasons.append("it did not come to the act")
        if row.filtered and mode == "monitor":  # the filter is not there, and what the act leads to is asked about as on other kernels
            denials = [event for event in denials if event.get("stopped")]
        return reasons + (["events: " + "; ".join(map(brief, denials))] if denials else [])
    return reasons + _wrong_event(row, mode, denials)


def _wrong_end(row, mode, end):
    if end.status is None:
        return ["it hung"]
    dies = mode == "kill" and not (row.allowed or row.filtered or row.protected or row.unkilled) or mode == "enforce" and row.killed
    if (end.killed, end.child_killed) == (dies and not row.child, dies and row.child):
        return []
    return [f"{'a child was to be killed' if dies and row.child else 'it was to be killed' if dies else 'nobody was to be killed'}: status {end.status}"
            + (", a child was killed" if end.child_killed else "")]


def _wrong_event(row, mode, denials):
    verdict = "deny" if row.protected or row.unkilled and mode == "kill" else "kill" if row.killed and mode == "enforce" else VERDICTS[mode]
    matching = [e for e in denials if e.get("hook") in row.hooks and (row.object is None or row.object in objects(e))]
    if mode == "kill" and not matching:  # what leads up to the act was enough
        matching = [e for e in denials if e.get("hook") in row.also]
    others = [e for e in denials if e not in matching and e.get("hook") not in row.also]
    if not matching:
        return [f"no event of {'/'.join(row.hooks)} on {row.object}, but: " + ("; ".join(map(brief, denials)) or "none")]
    reasons = []
    if mode == "monitor":
        # Where enforce ends at the first refusal, monitor goes on: a rename has up to four questions, each with its event.
        first = {}
        for event in matching:
            first.setdefault(brief(event), event)
        matching = list(first.values())
    elif len(matching) > 1 and [e.get("count") for e in matching] != [2**n for n in range(len(matching))]:
        reasons.append(f"{len(matching)} events: " + "; ".join(map(brief, matching)))
    if others:
        reasons.append("other events: " + "; ".join(map(brief, others)))
    event = matching[0]
    expected = {"verdict": verdict, "mode": "monitor" if mode == "monitor" else "enforce", "stopped": mode != "monitor" or row.protected}
    if mode == "monitor" and not row.protected:
        expected["would_have_been"] = "denied"
    if row.reasons and event.get("hook") in row.hooks and event.get("reason") not in row.reasons:
        reasons.append(f"reason is {event.get('reason')!r}, not {' or '.join(row.reasons)}")
    for key, value in expected.items():
        if event.get(key) != value:
            reasons.append(f"{key} is {event.get(key)!r}, not {value!r}")
    node = event.get("node", {}).get("path")
    if not node or row.node and node != row.node:
        reasons.append(f"the event's node is {node!r}" + (f", not {row.node!r}" if row.node else ""))
    return reasons


def uncounted(row, events, before, after):
    """A doubt is counted by treelined, as often as its event says. Why it is not so; before, after: Treeline.doubts()."""
    said = max((e.get("count", 0) for e in events if e.get("type") == "denial" and e.get("reason") in row.reasons), default=0)
    rose = {key[0]: count - before.get(key, 0) for key, count in after.items() if key[1] in row.reasons and count != before.get(key, 0)}
    hook = next((hook for hook in row.hooks if hook in rose), None)
    return [] if hook and rose[hook] >= said >= 1 else [f"the doubts that were counted: {rose}, events said {said}"]


def brief(event):
    return f"{event.get('hook')} {event.get('act')} {' '.join(objects(event))} ({event.get('reason')}, {event.get('verdict')})"
