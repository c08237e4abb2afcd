# SPDX-License-Identifier: Apache-2.0
"""The victims' profile: what they may, so that all else is refused."""

TEXT = """\
treeline: 1
name: victims
entry:
  - exec: {base}/bin/first
    users: [0]
  - exec: {base}/bin/victim
    users: [0]
    files:
      {base}/page.html: read
      {base}/ok/**: read
      {base}/out/*: read write append create delete link rename-in
      "{base}/out/{tmpfile}": read write create
      /dev/shm/*: read write create
      /dev/null: read write
      "{pipe}": read write
    sockets: [inet-stream, inet-dgram, unix-stream]
    network:
      - {direction: out, protocol: tcp, peer: 127.0.0.1/32, port: {open}}
      - {direction: in, protocol: tcp, port: {free}}
    children:
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
      - exec: {base}/bin/script
        interpreter: {base}/bin/no-interpreter
        users: [0]
        files:
          {base}/only/script: read
"""


def text(values):
    return fill(TEXT, values)


def fill(template, values):
    """Only the named places: patterns have braces of their own."""
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    return template
