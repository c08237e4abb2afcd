# SPDX-License-Identifier: Apache-2.0
"""The victims' profile: what they may, so that all else is refused."""

TEXT = """\
treeline: 1
name: victims
groups:
  script:
    files:
      {base}/scripts/*: read
      /etc/ld.so.cache: read
      /usr/lib/**: read map
      "{pipe}": read write
entry:
  - exec: {base}/bin/first
    users: [0]
  - exec: {base}/bin/victim
    users: [0]
    files:
      {base}/page.html: read
      {base}/log: read append
      {base}/ok/**: read
      {base}/lib/*: read map
      {base}/out/*: read write append create delete link rename-in
      {base}/drop/*: write create delete
      "{base}/drop/{tmpfile}": read write create setattr
      "{base}/out/{stage,stage.new,shelf,shelf.new}": create delete rename-in mkdir
      "{base}/out/{stage,stage.new}/*": read write create delete
      {base}/out/shelf/*: read write create
      {base}/out/shelf.new/*: write create
      "{base}/out/{tmpfile}": read write create
      /dev/shm/*: read write create
      /dev/null: read write
      /usr/bin/dash: read
      "{pipe}": read write
    sockets: [inet-stream, inet-dgram, unix-stream]
    network:
      - {direction: out, protocol: tcp, peer: [127.0.0.1/32, "::1/128"], port: {open}}
      - {direction: in, protocol: tcp, port: {free}}
      - {direction: out, protocol: udp, peer: [127.0.0.1/32, "::1/128"], port: {echo}}
    children:
      - exec: {base}/lib/tool
        users: [0]
        files:
          "{pipe}": read write
      - exec: {base}/bin/child
        users: [0]
        files:
          {base}/only/child: read
          "{pipe}": read write
      - exec: {base}/bin/host
        users: [0]
        files:
          /etc/ld.so.cache: read
          /usr/lib/**: read map
          {base}/out/*: read
      - exec: {base}/bin/broken
        users: [0]
        files:
          {base}/only/broken: read
      - exec: {base}/bin/torn
        users: [0]
        files:
          {base}/only/torn: read
      - exec: {base}/bin/script
        interpreter: {base}/bin/no-interpreter
        users: [0]
        files:
          {base}/only/script: read
  - exec: {base}/bin/lower
    users: [0, 1000]
    files:
      "{pipe}": read write
    capabilities: [setuid, setgid]
    children:
      - exec: {base}/bin/setuser
        users: [0, 1000]
        files:
          "{pipe}": read write
      - exec: {base}/bin/setgroup
        users: [1000]
        files:
          "{pipe}": read write
      - exec: {base}/bin/capable
        users: [1000]
        files:
          "{pipe}": read write
      - exec: {base}/bin/user
        users: [1000]
        files:
          "{pipe}": read write
        capabilities: [setuid]
  - exec: {base}/bin/scripter
    users: [0]
    files:
      "{pipe}": read write
    children:
      - exec: {base}/scripts/sh
        users: [0]
        files:
          {base}/scripts/plain: read
          /etc/ld.so.cache: read
          /usr/lib/**: read map
          /dev/tty: read write
          "{pipe}": read write
      - exec: /usr/bin/busybox
        users: [0]
        files:
          "{pipe}": read write
      - {exec: {base}/scripts/tool, interpreter: {base}/scripts/sh, users: [0], use: [script]}
      - {exec: {base}/scripts/foreign, interpreter: {base}/scripts/sh, users: [0], use: [script]}
      - {exec: {base}/scripts/loader, interpreter: {base}/scripts/sh, users: [0], use: [script]}
      - {exec: {base}/scripts/chain-middle, interpreter: {base}/scripts/sh, users: [0], use: [script]}
      - {exec: {base}/scripts/chain-end, interpreter: {base}/scripts/inner, users: [0], use: [script]}
      - {exec: {base}/scripts/chain, interpreter: "{base}/scripts/{inner,sh}", users: [0], use: [script]}
"""


CAPABILITIES = ("[audit_control, audit_write, block_suspend, bpf, checkpoint_restore, chown, dac_override, dac_read_search, fowner, fsetid, ipc_lock, "
                "ipc_owner, kill, lease, linux_immutable, mac_admin, mac_override, mknod, net_admin, net_bind_service, net_raw, perfmon, setfcap, setgid, "
                "setuid, sys_admin, sys_boot, sys_chroot, sys_module, sys_nice, sys_pacct, sys_ptrace, sys_rawio, sys_resource, sys_time, "
                "sys_tty_config, syslog]")
# What the kernel itself asks for before its hooks is granted (all but CAP_SETPCAP): only the hooks are in the way.
DOORS = """\
  - exec: {base}/bin/{program}
    users: [0]
    files:
      {base}/page.html: read
      {base}/ok/**: read
      {base}/giver: connect
      {base}/bin/{program}: read
      {daemon_socket}: connect
      /dev/ptmx: read write
      /dev/pts/*: read write
      /srv/tl-trust{,.victim}: create delete rename-in setattr
      /srv/tl-trust{,.victim}/**: read write create delete
      /var/lib/**: read write create delete link rename-in mkdir mknod setattr
      /run/**: read write create delete link rename-in mkdir mknod setattr
      /mnt/tl-again/**: read write create delete link rename-in mkdir mknod setattr
      {programs}/treeline: write setattr
      /sys/fs/bpf: list
      /var/lib/treeline/policies: list
      /sys/fs/bpf/**: read list delete create rename-in mkdir link
      /sys/fs/cgroup/tl-other/cgroup.procs: write
      /proc/{other}/mem: read write
      /proc/{other}/status: read
      "{sysv-shm}": read write
      "{pipe}": read write
      "{socket}": read write
      "{anon:pidfd}": read write
      "{memfd}": read write
    capabilities: {capabilities}
    sockets: [inet-stream, inet-dgram, unix-stream]
    network:
      - {direction: in, protocol: udp, port: {sent}, peer: [127.0.0.1/32, "::1/128"]}
      - {direction: in, protocol: udp, port: {welcome}, peer: [127.0.0.1/32, "::1/128"]}
      - {direction: in, protocol: tcp, port: {served}, peer: [127.0.0.1/32, "::1/128"]}
      - {direction: in, protocol: tcp, port: {invited}, peer: [127.0.0.1/32, "::1/128"]}
    children:
      - exec: {base}/bin/child
        users: [0]
        files:
          "{pipe}": read write
"""
# Each by what it may do to whom: itself and its descendants; the workload's processes beside.
KIN = """\
  - exec: {base}/bin/elder
    users: [0]
    files:
      "{pipe}": read write
      "{anon:pidfd}": read write
      "/proc/{own}/{mem,environ,maps}": read write
      "/proc/{descendant}/{mem,environ,maps}": read write
      /proc/{descendant}/fd/*: read
      /proc/{workload}/status: read
    operations: [ptrace-descendant, signal-descendant]
  - exec: {base}/bin/fellow
    users: [0]
    files:
      "{pipe}": read write
      "{anon:pidfd}": read write
      "/proc/{workload}/{mem,environ,maps}": read write
      /proc/{workload}/fd/*: read
      /proc/{workload}/status: read
      /proc/{other}/status: read
    operations: [ptrace-workload, signal-workload, tune-workload]
"""
# The other kinds of sockets, each with one peer that it may reach; the capability that newer kernels ask for before a source route.
TALKER = """\
  - exec: {base}/bin/talker
    users: [0]
    files:
      {base}/mailbox: connect
      /dev/ptmx: read write
      "{pipe}": read write
    capabilities: [net_raw]
    sockets: [inet-stream, inet-dgram, inet-mptcp, inet-sctp, unix-stream, unix-dgram, unix-seqpacket]
    network:
      - {direction: out, protocol: tcp, peer: 127.0.0.1/32, port: {open}}
      - {direction: out, protocol: udp, peer: 127.0.0.1/32, port: {echo}}
      - {direction: out, protocol: sctp, peer: 127.0.0.1/32, port: {open}}
      - {direction: in, protocol: sctp, port: {free}}
"""
# Where one node may have a ring, the filter lets every process have one (5.10 has no hook for it): so a policy of its own.
RINGER = """\
treeline: 1
name: ringer
entry:
  - exec: {base}/bin/ringer
    users: [0]
    files:
      {base}/page.html: read
      {base}/log: read append
      {base}/out/*: read write append create delete link rename-in
      {base}/lib/*: read map
      "{pipe}": read write
    operations: [io-uring, userfaultfd]
    capabilities: [ipc_lock, sys_admin, sys_nice]
    sockets: [inet-stream, inet-dgram]
    network:
      - {direction: out, protocol: tcp, peer: 127.0.0.1/32, port: {open}}
    children:
      - exec: {base}/bin/child
        users: [0]
        files:
          {base}/only/child: read
          "{pipe}": read write
"""
OPERATIONS = "    operations: [bpf, ptrace, signal, tune]\n"


def text(values):
    doors = "".join(fill(DOORS, {"program": program, "capabilities": CAPABILITIES}).replace("    sockets:", operations + "    sockets:")
                    for program, operations in (("door", ""), ("tracer", OPERATIONS)))
    return fill(TEXT + doors + TALKER + KIN, values)


def texts(values):
    """The profile of each program that does not stand in that of all others."""
    return {"ringer": fill(RINGER, values)}


DRIVER = """\
entry:
  - exec: {driver}
{rights}
    children:
"""
BECOMES = """\
    users: [0, {user}]
    capabilities: [setuid, setgid]"""


def driven(text, driver, user=0, becomes=False):
    """The same tree below a driver (tests/victims/drive.cc), for this user; becomes: the driver is root till it makes itself the user."""
    head, entries = text.split("entry:\n")
    below = "".join(f"    {line}\n" for line in entries.splitlines()).replace("users: [0]", f"users: [{user}]")
    return head + fill(DRIVER, {"driver": driver, "rights": fill(BECOMES if becomes else "    users: [{user}]", {"user": str(user)})}) + below


def fill(template, values):
    """Only the named places: patterns have braces of their own."""
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    return template
