# SPDX-License-Identifier: Apache-2.0
"""What a workload is: its directory under tests/workloads, read.

    workload = load("nginx")
    workload.rootfs()          # pathlib.Path of the built root file system, or CannotRun with the remedy

A workload is NAME/workload.toml with two tables, and NAME/files, a tree that is copied over the unpacked packages:
  [image]      what the root file system is made of; part of the cache's key
  [container]  how it is started, where it listens, how it is stopped; not part of the key
"""
import dataclasses
import hashlib
import json
import os
import pathlib
import pwd
import tomllib

HERE = pathlib.Path(__file__).resolve().parent.parent
NAMES = ("nginx", "redis", "postgres", "app")


class CannotRun(Exception):
    """Something the person at the keyboard can mend; its text says what and how."""


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    image: dict
    container: dict

    @property
    def files(self):
        return HERE / self.name / "files"

    @property
    def port(self):
        return self.container["port"]

    def cache(self):
        """The directory that holds this workload's built root file systems, one per recipe."""
        return cache_root() / self.name

    def digest(self):
        """Hexadecimal key of the recipe: the image table, the copied files, and the code that builds from them."""
        total = hashlib.sha256(json.dumps([BASE, self.image], sort_keys=True).encode())
        sources = [path for path in self.files.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        code = ["rootfs.py", "website.py"] if self.image.get("website") else ["rootfs.py"]
        for path in sorted(sources) + [HERE / "lib" / name for name in code]:
            executable = os.access(path, os.X_OK)
            total.update(f"{path.relative_to(HERE)} {executable} {path.stat().st_size}\n".encode())
            total.update(path.read_bytes())
        return total.hexdigest()

    def built(self):
        """Where the root file system of exactly this recipe lies or would lie."""
        return self.cache() / self.digest()[:16] / "rootfs"

    def rootfs(self):
        path = self.built()
        if not path.is_dir():
            raise CannotRun(f"{self.name}: no root file system at {path}: "
                            f"run `tests/workloads/build {self.name}` where Debian's packages can be downloaded")
        return path


def _base():
    with open(HERE / "base.toml", "rb") as source:
        return tomllib.load(source)


BASE = _base()


def load(name):
    if name not in NAMES:
        raise CannotRun(f"no workload is called {name!r}: there are {', '.join(NAMES)}")
    with open(HERE / name / "workload.toml", "rb") as source:
        table = tomllib.load(source)
    return Workload(name, table["image"], table["container"])


def cache_root():
    """${TREELINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/treeline}/workloads"""
    if os.environ.get("TREELINE_CACHE"):
        return pathlib.Path(os.environ["TREELINE_CACHE"]).absolute() / "workloads"
    home = os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return pathlib.Path(base).absolute() / "treeline" / "workloads"
