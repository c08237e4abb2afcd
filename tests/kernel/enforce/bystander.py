# SPDX-License-Identifier: Apache-2.0
"""A process without a policy on the same machine: it commits what victims commit, and must succeed with all of it."""
import re
import pathlib
import shlex

import expect
import scene
import treeline

HERE = pathlib.Path(__file__).resolve().parent
# Files, programs, memory, names, the network, capabilities.
ACTS = ("read-shadow", "write-page", "new-file", "truncate", "remove-page", "move-secret", "hard-link", "mode", "owner", "make-fifo", "deep 200",
        "shell", "curl", "thread", "vfork", "memfd", "written-exec", "map-rwx", "protect-rwx", "connect 127.0.0.2 {open}", "send 127.0.0.2 {open}",
        "listen {taken}", "socket raw", "socket netlink", "connect-unix {base}/socket", "host-name", "mount", "set-user", "priority")


class Bystander:
    def __init__(self, programs):
        self._scene = scene.Scene("/srv/bystander", programs)

    def notices(self):
        """What failed; empty where it noticed nothing."""
        failed = []
        for act in ACTS:
            self._scene.reset()
            words = shlex.split(expect.fill(act, self._scene.values()))
            _, out, err = treeline.call([str(self._scene.base / "bin/victim"), str(self._scene.base), *words], 60)
            happened, detail = expect.effect(out)
            if happened is not True:
                failed.append(f"{act}: {detail or err.strip()}")
        return "; ".join(failed)

    def close(self):
        self._scene.close()


def tiny():
    """The victims' smallest program, which exits with 42 (tests/victims/scene.cc)."""
    text = (HERE.parents[1] / "victims/scene.cc").read_text()
    body = re.sub(r"//.*", "", re.search(r"kTiny\[\] = \{(.*?)\};", text, re.S).group(1))
    words = [word.strip() for word in body.split(",") if word.strip()]
    return bytes(42 if word == "kTinyStatus" else ord(word[1]) if word[0] == "'" else int(word, 0) for word in words)
