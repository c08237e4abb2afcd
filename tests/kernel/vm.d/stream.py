# SPDX-License-Identifier: Apache-2.0
"""An output stream of the guest's command, on its way through us."""

import os


class Stream:
    """One output stream of the command on its way to our own `fd`, up to the mark that ends it."""

    def __init__(self, fd, mark):
        self._fd = fd
        self._mark = b"\0" + mark.encode()
        self._held = b""  # may be the beginning of the mark
        self.passed = 0
        self.blocked = False
        self.ended = False

    def take(self, data):
        data = self._held + data
        ended = data.endswith(self._mark)
        if ended:
            self._held, data = b"", data[: -len(self._mark)]
        else:
            held = self._length_of_mark_at_end(data)
            self._held, data = data[len(data) - held:], data[: len(data) - held]
        self.blocked = True
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest):]
        self.blocked = False
        self.passed += len(data)
        self.ended = ended

    def _length_of_mark_at_end(self, data):
        start = data.rfind(b"\0", max(0, len(data) - len(self._mark)))
        return len(data) - start if start >= 0 and self._mark.startswith(data[start:]) else 0
