# SPDX-License-Identifier: Apache-2.0
"""Configures and builds a preset in build/PRESET."""

import os
import re
import shutil
import time

import child
import groups
import report

TIMEOUT = 3000
# The release build is what runs in the VM; the unit tests run in the dev build only.
_SETTINGS = {"release": ["-DTREELINE_TESTS=OFF"], "fuzz": ["-DTREELINE_TESTS=OFF"]}
# A directory that nobody works in is built once, and soonest so: a target's files as one, and of what a debugger reads only the lines, which
# the sanitizers name. (The presets themselves take each file alone, with all of it, and so does fuzz here.)
_FRESH = {"release": ["-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=20", "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O2 -g1 -DNDEBUG"],
          "dev": ["-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=10", "-DCMAKE_CXX_FLAGS_DEBUG=-g1"]}


def _targets(preset, chosen):
    """Only what the chosen groups run: of the fuzz build what fuzzes, of the dev build the unit tests, of the release build what they name."""
    if preset == "fuzz":
        return sorted(source.stem for source in (groups.ROOT / "tests/fuzz").glob("*_fuzz.cc"))
    if preset == "dev":
        return sorted(f"unit_{area}" for area in {source.parent.name for source in (groups.ROOT / "tests/unit").glob("*/*_test.cc")})
    return sorted({target for group in chosen for target in group.targets})


def build(preset, chosen, tally, say):
    """True where it built. Counts one test in `tally`."""
    started = time.monotonic()
    say(f"=== build {preset}")
    launcher = []
    if shutil.which("ccache"):
        launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]
    jobs = str(os.cpu_count() or 2)
    fresh = not (groups.ROOT / "build" / preset / "CMakeCache.txt").exists()
    settings = [*launcher, *_SETTINGS.get(preset, []), *(_FRESH.get(preset, []) if fresh else [])]
    targets = _targets(preset, chosen)
    only = ["--target", *targets] if targets else []
    ok = _step(["cmake", "--preset", preset, *settings], say) and \
        _step(["cmake", "--build", "--preset", preset, "--parallel", jobs, *only], say)
    tally.seconds = time.monotonic() - started
    if ok:
        tally.passed += 1
    else:
        report.fail(tally, preset, "see above")
    say(f"    build {preset}: {'done' if ok else 'FAILED'}, {tally.seconds:.0f} s")
    return ok


def _step(argv, say):
    lines = []
    told = [time.monotonic()]

    def on_line(line):
        lines.append(line)
        # ninja's own progress, now and then
        if re.match(r"^\[\d+/\d+\]", line) and time.monotonic() - told[0] > 15:
            told[0] = time.monotonic()
            say("    " + line[:110])

    status = child.run(argv, cwd=groups.ROOT, timeout=TIMEOUT, on_line=on_line, on_idle=lambda: say("    still building"),
                       env=groups.environment())
    if status == 0:
        return True
    start = next((i for i, line in enumerate(lines) if line.startswith("FAILED:")), max(0, len(lines) - 60))
    for line in lines[start:start + 80]:
        say("    | " + line)
    say(f"    {' '.join(argv[:4])}: " + ("time is up" if status is None else f"status {status}"))
    return False
