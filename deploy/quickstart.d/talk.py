# SPDX-License-Identifier: Apache-2.0
"""What quickstart prints: headings, progress, findings. Colour on a terminal only, never with NO_COLOR."""
import os
import sys
import time

_COLOURS = {"bold": "1", "red": "31", "green": "32", "dim": "2"}
STARTED = float(os.environ.get("QUICKSTART_STARTED", time.time()))


def on_terminal():
    """Whether colour is wanted where this is read. QUICKSTART_COLOUR=1: by who passes it on to a terminal."""
    return "NO_COLOR" not in os.environ and (os.environ.get("QUICKSTART_COLOUR") == "1" or sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def colour(name, text):
    return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m" if on_terminal() else text


def say(text=""):
    print(text, flush=True)


def heading(text):
    say(colour("bold", f"\n== {text}"))


def tell(text):
    say(f"   {text}")


class Step:
    """with Step("compiling"): ...   prints the start at once and the seconds at the end."""
    def __init__(self, text):
        self.text = text

    def __enter__(self):
        tell(f"{self.text} ...")
        self.began = time.monotonic()
        return self

    def __exit__(self, kind, *_):
        took = time.monotonic() - self.began
        if kind is None and took > 2:
            tell(colour("dim", f"  {took:.0f} s"))
