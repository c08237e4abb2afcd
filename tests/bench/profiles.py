# SPDX-License-Identifier: Apache-2.0
"""One set of rights in two languages: as a Treeline profile of N path rules, and as an AppArmor profile."""

OVERLAY, TMPFS = "/o", "/t"
FILES = ("f", "usr-share-nginx/htmls/index.html")
CONNECT = 4100


def _used():
    for top in (OVERLAY, TMPFS):
        for name in FILES:
            yield f"{top}/{name}", "read"


def _others(count):
    """Rules of the kinds that services have: mostly literal names, some patterns."""
    for i in range(count):
        directory = f"/srv/data/{i % 89:02}/customer-{i // 89:05}"
        yield (f"{directory}/*.log", "append create") if i % 20 == 0 else (f"{directory}/report-{i % 7}.html", "read")


def treeline(rules):
    lines = ["treeline: 1", "name: bench", "entry:", f"  - exec: {OVERLAY}/bin/bench_acts", "    id: self", "    users: [0]", "    files:",
             '      "{pipe}": read write']
    files = [*_used()]
    files += _others(rules - len(files) - 1)
    lines += [f"      {path}: {words}" for path, words in files]
    lines += ["    sockets: [inet-stream]", "    network:",
              f"      - {{direction: out, protocol: tcp, peer: 127.0.0.1/32, port: {CONNECT}}}",
              f"      - {{direction: in, protocol: tcp, port: {CONNECT}}}",
              "    children:", f"      - {{exec: {OVERLAY}/bin/bench_acts, back_to: self}}"]
    return "\n".join(lines) + "\n"


def apparmor(rules):
    files = [*_used()]
    files += _others(rules - len(files) - 1)
    rights = {"read": "r", "append create": "a"}
    return "\n".join(["abi <abi/3.0>,", f"profile bench {OVERLAY}/bin/bench_acts {{", "  network inet stream,",
                      f"  {OVERLAY}/bin/bench_acts rix,", *(f"  {path} {rights[words]}," for path, words in files), "}", ""])
