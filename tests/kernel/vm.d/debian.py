# SPDX-License-Identifier: Apache-2.0
"""Debian packages of other releases, without touching the machine's own apt.

A private apt root (its own source list, lists and archive) fed by the mirrors that this machine already uses: a mirror,
proxy or cache configured for apt serves here too, and signatures are checked with the machine's archive keyring.
"""

import os
import re
import subprocess

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class AptFailed(Exception):
    """apt could not do it; the text is its own last complaint."""


def mirrors():
    """(main, security) URIs from the machine's apt configuration; security may be None.

    Known by the name of the suite, since the host may be any mirror: a URI that serves `<release>-security` is the
    security archive, one that serves `<release>` or `<release>-updates` under the same names is the main archive.
    """
    rows = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(CREATED_BY)"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
    ).stdout.splitlines()
    releases = r"(?:buster|bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)"
    main = security = None
    for row in rows:
        uri, release, component, created_by = row.split("|")
        if created_by != "Packages" or component != "main":
            continue
        if re.fullmatch(releases + r"(?:-updates|-backports)?", release):
            main = main or uri
        elif re.fullmatch(releases + r"(?:-security|/updates)", release):
            security = security or uri
    if main is None:
        raise AptFailed("the apt sources of this machine name no Debian archive (component main of a Debian release)")
    return main, security


class AptRoot:
    """A private apt in `directory` (removed by its owner), for `suites` such as ["trixie", "trixie-security"]."""

    def __init__(self, directory, suites):
        self._directory = directory
        main, security = mirrors()
        signed = f"[signed-by={KEYRING}] " if os.path.exists(KEYRING) else ""
        for sub in ("lists/partial", "cache/archives/partial", "debs"):
            os.makedirs(os.path.join(directory, sub))
        with open(os.path.join(directory, "sources.list"), "w", encoding="utf-8") as f:
            for suite in suites:
                uri = security if suite.endswith("-security") else main
                if uri is not None:
                    f.write(f"deb {signed}{uri} {suite} main\n")
        self._options = [
            f"Dir::Etc::SourceList={directory}/sources.list",
            "Dir::Etc::SourceParts=/dev/null",
            "Dir::State::status=/dev/null",
            f"Dir::State::Lists={directory}/lists",
            f"Dir::Cache={directory}/cache",
            "APT::Architecture=amd64",
            "APT::Architectures=amd64",
            "Acquire::Languages=none",
            "Acquire::Retries=2",
            # Archived suites stop renewing their Release file; the signature still holds.
            "Acquire::Check-Valid-Until=false",
        ]
        if os.geteuid() == 0:
            # The _apt user cannot reach a cache below /root.
            self._options.append("APT::Sandbox::User=root")

    def update(self):
        """Fetches the lists. A suite that is gone from the mirror is not an error by itself: see packages()."""
        self._run("apt-get", "update")

    def packages(self):
        return self._run("apt-cache", "pkgnames", "linux-").stdout.split()

    def download(self, packages):
        """Paths of the .deb files, checked by apt against the signed lists."""
        debs = os.path.join(self._directory, "debs")
        done = self._run("apt-get", "download", *packages, cwd=debs)
        found = sorted(os.path.join(debs, name) for name in os.listdir(debs))
        if done.returncode != 0 or len(found) < len(packages):
            raise AptFailed(_complaint(done) or f"could not download {' '.join(packages)}")
        return found

    def complaint(self):
        """What apt says about its lists when there are none."""
        return _complaint(self._run("apt-get", "update"))

    def _run(self, tool, *arguments, cwd=None):
        command = [tool, "-q"]
        for option in self._options:
            command += ["-o", option]
        return subprocess.run(
            command + list(arguments), cwd=cwd or self._directory, check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )


def newest_first(versions):
    """Sorted by Debian's own rule, newest first."""
    import functools

    def compare(a, b):
        if a == b:
            return 0
        return 1 if subprocess.run(["dpkg", "--compare-versions", a, "gt", b], check=False).returncode == 0 else -1

    return sorted(set(versions), key=functools.cmp_to_key(compare), reverse=True)


def _complaint(done):
    lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
    return "; ".join(lines[:3])
