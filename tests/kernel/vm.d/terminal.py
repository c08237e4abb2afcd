# SPDX-License-Identifier: Apache-2.0
"""The caller's terminal as the guest's (--interactive): /dev/hvc0 there, raw bytes by a socket here.

    with Terminal() as terminal:      # the terminal is raw from here on
        pass terminal.plug() to QEMU, then terminal.connect(); for each boot
                                      # and as it was again from here on, however the block ends
"""

import contextlib
import os
import shutil
import socket
import sys
import termios
import threading
import time
import tty

LEAVE = b"\x1d"  # Ctrl-], as in telnet: ends the machine, for when the guest does not listen any more


class Terminal:
    def __init__(self):
        self.left = False
        self._guest_end = None
        self._own_end = None
        self._before = None
        self._last_output = time.monotonic()

    def __enter__(self):
        self._before = termios.tcgetattr(0)
        tty.setraw(0)
        threading.Thread(target=self._to_guest, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        termios.tcsetattr(0, termios.TCSADRAIN, self._before)

    def plug(self):
        """The end that the next guest's QEMU is to hold, as a file descriptor."""
        self._own_end, self._guest_end = socket.socketpair()
        return self._guest_end.fileno()

    def connect(self):
        """To be called once QEMU holds the other end."""
        self._guest_end.close()
        threading.Thread(target=self._from_guest, args=(self._own_end,), daemon=True).start()

    def settle(self):
        """Returns when the guest's last output is on the screen: a console has no end to wait for."""
        while time.monotonic() - self._last_output < 0.2:
            time.sleep(0.05)

    def _to_guest(self):
        while (typed := os.read(0, 4096)) and LEAVE not in typed:
            with contextlib.suppress(OSError):  # no guest yet, or no longer: what was typed for it goes with it
                if self._own_end is not None:
                    self._own_end.sendall(typed)
        self.left = True

    def _from_guest(self, guest):
        while shown := guest.recv(1 << 16):
            self._last_output = time.monotonic()
            while shown:
                shown = shown[os.write(1, shown):]


def available():
    return sys.stdin.isatty() and sys.stdout.isatty()


def size_command():
    """For the guest's shell: its console does not know how large our window is."""
    size = shutil.get_terminal_size()
    return f"stty rows {size.lines} columns {size.columns} 2>/dev/null"
