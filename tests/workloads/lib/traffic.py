# SPDX-License-Identifier: Apache-2.0
"""What every traffic generator is: steps drawn from a seed, each answer held against a model.

A generator is a class with
    tour()      the steps that come first, in order, each feature and each static object once: two runs of any seeds
                touch the same things
    steps()     [(weight, step)]: what the rest of the run draws from
    ping()      raises OSError until the server answers
    finish()    deletes what the run made; not counted
A step calls expect() once per answer. Steps own no clock and no randomness but self.rng, so the same seed asks the
same questions; what a server chooses itself (dates, fresh identities, process ids) never reaches the transcript.

One generator at a time per seed may use a server; generators of different seeds do not meet.
"""
import hashlib
import random
import socket
import time

MOST_FAILURES = 10


class Traffic:
    name = None
    port = None
    # What a server that is not ready yet looks like.
    broken = (OSError, EOFError)

    def __init__(self, address, source, seed):
        self.address, self.source, self.seed = address, source, seed
        self.rng = random.Random(f"{self.name} {seed}")
        self.transcript, self.failures = [], []
        self.answers = 0

    def socket(self, timeout=120):
        connection = socket.create_connection((self.address, self.port), timeout,
                                              (self.source, 0) if self.source else None)
        # A head and a body sent one after the other would wait 40 ms for each other (Nagle and delayed ACK).
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def expect(self, question, got, wanted):
        """Counts one answer. `got` is canonical: the same for each run with this seed."""
        self.answers += 1
        shown = short(got)
        self.transcript.append(f"{self.answers:06} {question} -> {shown}")
        if got != wanted:
            self._failed(f"answer {self.answers}: {question}\n  expected {short(wanted)}\n  got      {shown}")

    def _failed(self, text):
        self.failures.append(text)

    def run(self, requests):
        """True if every answer was right."""
        steps = None
        queue = list(self.tour())
        while self.answers < requests and len(self.failures) < MOST_FAILURES:
            if queue:
                step = queue.pop(0)
            else:
                steps = steps or self.steps()
                step = self.rng.choices([step for _, step in steps], [weight for weight, _ in steps])[0]
            before = self.answers
            try:
                step()
            except Exception as problem:  # a lost connection, or an answer that a step could not even read
                self.expect(getattr(step, "__name__", "step"), f"broken: {problem!r}", "an answer")
                self.reset()
            assert self.answers > before, f"{step} asked nothing"
        try:
            self.finish()
        except Exception as problem:
            self._failed(f"while tidying up: {problem!r}")
        return not self.failures

    def wait_ready(self, seconds):
        """True once the server answers a harmless question."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.ping()
                return True
            except self.broken:
                self.reset()
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.1)

    def reset(self):
        """Drops connections that can no longer be trusted."""

    # Names and contents from the seed.

    def uuid(self):
        digits = f"{self.rng.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def blob(self, least, most):
        return self.rng.randbytes(self.rng.randint(least, most))

    def words(self, least, most):
        return " ".join(self.rng.choice(WORDS) for _ in range(self.rng.randint(least, most)))


WORDS = ("amber brook cedar delta ember fjord grove heath inlet jetty knoll larch marsh north ocean pebble quarry ridge "
         "slope tarn umber vale willow yarrow zephyr").split()


def short(value):
    """One line for any answer: long bytes become their length and digest."""
    if isinstance(value, bytes):
        return value.decode() if len(value) <= 80 and value.isascii() and value.decode().isprintable() else \
            f"{len(value)} bytes sha256:{hashlib.sha256(value).hexdigest()[:16]}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {short(item)}" for key, item in sorted(value.items())) + "}"
    if isinstance(value, (list, tuple)):
        text = "[" + ", ".join(short(item) for item in value) + "]"
        return text if len(text) <= 400 else f"{len(value)} items sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    text = str(value)
    return text.replace("\n", "\\n") if len(text) <= 400 else \
        f"{len(text)} characters sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
