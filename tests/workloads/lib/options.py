# SPDX-License-Identifier: Apache-2.0
"""The arguments that `bundle` and `run` share, and how they become oci.Options."""
import oci


def add(parser):
    parser.add_argument("--annotation", action="append", default=[], metavar="K=V", help="into config.json; repeatable")
    parser.add_argument("--rootfs-mode", choices=oci.ROOTFS_MODES, default="overlay",
                        help="overlay (default): upper layer on a tmpfs; tmpfs: a copy; bind: the built tree, in a VM only")
    parser.add_argument("--no-new-privs", action="store_true", help="process.noNewPrivileges")
    parser.add_argument("--fresh", action="store_true", help="an empty volume for the data (postgres: runs initdb)")
    parser.add_argument("--bind", action="append", default=[], metavar="SOURCE:DESTINATION", help="read-only bind mount")
    parser.add_argument("--env", action="append", default=[], metavar="K=V", help="one more environment variable")
    parser.add_argument("--cgroup", metavar="PATH", help="linux.cgroupsPath")
    parser.add_argument("--arg", action="append", metavar="WORD", help="process.args, word by word, instead of the "
                        "workload's own: --arg=/bin/sh --arg=-c --arg='...'")


def read(arguments, netns="new"):
    return oci.Options(annotations=dict(_pair(text, "=", "--annotation") for text in arguments.annotation),
                       netns=netns, rootfs_mode=arguments.rootfs_mode, no_new_privs=arguments.no_new_privs,
                       fresh=arguments.fresh, binds=[_pair(text, ":", "--bind") for text in arguments.bind],
                       args=arguments.arg, env=arguments.env, cgroup=arguments.cgroup)


def _pair(text, separator, option):
    left, found, right = text.partition(separator)
    if not found or not left:
        raise oci.CannotRun(f"{option} {text}: write two parts with a {separator!r} between them")
    return left, right
