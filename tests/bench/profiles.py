# SPDX-License-Identifier: Apache-2.0
"""Profiles for what is measured: one set of rights in two languages, as a Treeline profile of N path rules and as an AppArmor profile; those of
services; one that is large."""

import random

OVERLAY, TMPFS = "/o", "/t"
FILES = ("f", "usr-share-nginx/htmls/index.html")
CONNECT, DATAGRAM = 4100, 4101
WRITTEN, LIBRARY = "w", "library"


def _used():
    for top in (OVERLAY, TMPFS):
        for name in FILES:
            yield f"{top}/{name}", "read"
        yield f"{top}/{WRITTEN}", "write"
        yield f"{top}/{LIBRARY}", "read map"


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
    lines += ["    sockets: [inet-stream, inet-dgram]", "    operations: [signal-descendant]", "    network:",
              f"      - {{direction: out, protocol: tcp, peer: 127.0.0.1/32, port: {CONNECT}}}",
              f"      - {{direction: in, protocol: tcp, port: {CONNECT}}}",
              f"      - {{direction: out, protocol: udp, peer: 127.0.0.1/32, port: {DATAGRAM}}}",
              f"      - {{direction: in, protocol: udp, peer: 127.0.0.1/32, port: {DATAGRAM}}}",
              "    children:", f"      - {{exec: {OVERLAY}/bin/bench_acts, back_to: self}}"]
    return "\n".join(lines) + "\n"


def apparmor(rules):
    files = [*_used()]
    files += _others(rules - len(files) - 1)
    rights = {"read": "r", "append create": "a", "write": "w", "read map": "rm"}
    return "\n".join(["abi <abi/3.0>,", f"profile bench {OVERLAY}/bin/bench_acts {{", "  network inet stream,", "  network inet dgram,", "  signal,",
                      f"  {OVERLAY}/bin/bench_acts rix,", *(f"  {path} {rights[words]}," for path, words in files), "}", ""])


def large(rules, mixed, nodes=40, seed=1):
    """The text of one policy with that many different path rules, in a tree of nodes: literal, or with patterns among them (compile/policies.cc)."""
    made = random.Random(seed)
    syllables = ("lib", "con", "ser", "ver", "net", "data", "log", "mod", "py", "thon", "ssl", "ng", "inx", "ut", "il", "core", "x86", "gnu", "re", "dis")
    tops = ("/usr/lib", "/usr/share", "/etc", "/var/lib", "/opt/app", "/srv/www")

    def word():
        return "".join(made.choice(syllables) for _ in range(made.randint(1, 3))) + (str(made.randrange(100)) if made.randrange(4) == 0 else "")

    directories = [made.choice(tops) + "".join("/" + word() for _ in range(made.randint(1, 4))) for _ in range(50 + rules // 10)]
    files = [{} for _ in range(nodes)]
    taken = set()
    while len(taken) < rules:
        directory, extension = made.choice(directories), made.choice((".so", ".py", ".conf", ".html", ".js", ".log", ".json", ".txt"))
        kind = made.randrange(40) if mixed else 39
        path = (f"{directory}/{word()}/**" if kind < 3 else f"{directory}/*" if kind < 6 else f"{directory}/*{extension}" if kind < 9 else
                f"{directory}/*/{word()}{extension}" if kind < 12 else f"{directory}/{word()}{word()}{extension}")
        if path in taken:
            continue
        taken.add(path)
        words = "read" + (" write create" if directory.startswith("/var") and made.randrange(10) == 0 else "")
        files[made.randrange(nodes)][path] = words + (" map" if path.endswith(".so") and directory.startswith("/usr/lib") else "")

    def node(number, indent):
        lines = [f"{indent}- exec: /usr/bin/tool{number}", f"{indent}  users: [0]", f"{indent}  files:", *(f"{indent}    {path}: {words}" for path, words in files[number].items())]
        children = range(4 * number + 1, min(4 * number + 5, nodes))
        return lines + ([f"{indent}  children:", *(line for child in children for line in node(child, indent + "    "))] if children else [])

    return "\n".join(["treeline: 1", "name: large", "entry:", *node(0, "  "), ""])


def service(number, rules):
    """A profile of N rules as a service has it: an entrypoint, a server, workers; each service's names are its own."""
    name = f"service-{number:05}"
    reads = [f"/usr/lib/x86_64-linux-gnu/lib{name}-{i}.so.{i % 9}" for i in range(rules // 3)]
    data = [f"/srv/{name}/{('templates', 'static', 'locale')[i % 3]}/page-{i}.html" for i in range(rules // 3)]
    state = [f"/var/lib/{name}/{i:03}/*.db" if i % 10 else f"/var/lib/{name}/{i:03}/**" for i in range(rules - 2 * (rules // 3) - 12)]
    return "\n".join([
        "treeline: 1", f"name: {name}", "entry:", "  - exec: /entrypoint.sh", "    interpreter: /bin/sh", "    users: [0]", "    files:",
        f"      /etc/{name}/*.conf: read", '      "{pipe}": read write', "    children:", f"      - exec: /usr/sbin/{name}", "        id: server",
        "        users: [0]", "        capabilities: [net_bind_service, setuid]", "        sockets: [inet-stream, unix-stream]", "        network:",
        f"          - {{direction: in, protocol: tcp, port: {1024 + number % 60000}}}", "        files:",
        *(f"          {path}: read map" for path in reads), f"          /run/{name}.pid: create write", "        children:",
        f"          - exec: /usr/sbin/{name}", "            back_to: server", f"          - exec: /usr/lib/{name}/worker", "            users: [33]",
        "            sockets: [inet-stream]", "            network:", "              - {direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 5432}",
        "            files:", *(f"              {path}: read" for path in data), *(f"              {path}: read write create delete" for path in state),
        f"              /tmp/{name}-{{rand:6}}: create write delete", ""])
