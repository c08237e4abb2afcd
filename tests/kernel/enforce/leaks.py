# SPDX-License-Identifier: Apache-2.0
"""A directory of another mount namespace that leaks in from whoever started the process (as runc's CVE-2024-21626): as a descriptor, as a
descriptor that is only a place (O_PATH), as the current directory. Below it nothing is open, what the policy grants neither: the names
there are another namespace's.

The starter opens the directory, leaves for a mount namespace of its own, and starts `treeline run` there; the same without a policy first.
"""

import ctypes
import os
import pathlib
import subprocess

import expect
import profile
import treeline

PROFILE = """\
treeline: 1
name: leaks
entry:
  - exec: {base}/bin/victim
    users: [0]
    files:
      {base}/leaks/**: read list
      "{pipe}": read write
"""
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 16384, 1 << 18
# name: (how the directory is opened, is it the current one, the hook)
KINDS = {"descriptor": (os.O_RDONLY | os.O_DIRECTORY, False, "bprm_committing_creds"), "place": (os.O_PATH, False, "file_open"),
         "directory": (os.O_PATH, True, "file_open")}
_libc = ctypes.CDLL(None, use_errno=True)


def _leave(directory, enter):
    if _libc.unshare(CLONE_NEWNS) or _libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "a mount namespace")
    if enter:
        os.fchdir(directory)


def _wrong(mode, hook, happened, events):
    denials = [event for event in events if event.get("type") == "denial"]
    if (happened is True) != (mode == "monitor"):  # whoever is killed at the exec says nothing
        return f"the effect: {happened}"
    if {event["hook"] for event in denials} - {"bprm_committing_creds", "file_open"} or not any(event["hook"] == hook for event in denials):
        return "events: " + ("; ".join(map(expect.brief, denials)) or "none")
    reasons = {event["reason"] for event in denials if event["hook"] == hook}
    return "" if reasons == {"foreign"} else f"reasons: {reasons}"


def test(daemon, base, programs, say):
    """True where all held."""
    base, good = pathlib.Path(base), True
    (base / "bin").mkdir(parents=True, exist_ok=True)
    (base / "leaks").mkdir(exist_ok=True)
    (base / "leaks/secret").write_text("contents\n")
    subprocess.run(["cp", pathlib.Path(programs) / "victim", base / "bin/victim"], check=True)
    bundle = daemon.compile("leaks", profile.fill(PROFILE, {"base": str(base)}))
    for name, (flags, enter, hook) in KINDS.items():
        directory = os.open(base / "leaks", flags)
        started = {"preexec_fn": lambda: _leave(directory, enter), "pass_fds": () if enter else (directory,)}  # pylint: disable=cell-var-from-loop
        command = [str(base / "bin/victim"), str(base), *(["beside-left"] if enter else ["below-left", str(directory)])]
        _, out, err = treeline.call(command, 60, **started)
        why = {"unconfined": "" if expect.effect(out)[0] else f"no effect: {out} {err}"}
        for mode in ("enforce", "monitor"):
            _, out, err, events = daemon.run(bundle, command, mode=mode, **started)
            why[mode] = _wrong(mode, hook, expect.effect(out)[0], events)
        os.close(directory)
        for mode, wrong in why.items():
            say(f"FAIL leaks/{name}/{mode}: {wrong}" if wrong else f"PASS leaks/{name}/{mode}")
            good = good and not wrong
    subprocess.run(["rm", "-rf", base / "leaks"], check=True)
    return good
