# SPDX-License-Identifier: MIT
"""What a number is worth nothing without: the machine, the versions, the command."""
import datetime
import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path

import packages


def _first_line(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.partition("\n")[0]


def _read(path):
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _cpu():
    name = re.search(r"^model name\s*: (.*)$", _read("/proc/cpuinfo"), re.M)
    return name.group(1) if name else platform.machine()


def _programs():
    """The versions of the real programs, as packages have them."""
    names = ["g++-12", "git", "lua5.4", "nodejs", "perl", "php-cli", "python3", "redis-server", "sqlite3", "z3"]
    return ", ".join(f"{name} {found}" for name in names if (found := packages.version(name)))


def facts(allocators, groups=()):
    """(what, value) pairs, printed above every result."""
    command = shlex.join(["tools/bench", *sys.argv[1:]])
    return [
        ("date", datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z")),
        ("cpu", f"{_cpu()} ({platform.machine()})"),
        ("cores", str(len(os.sched_getaffinity(0)))),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("compiler", _first_line("gcc", "--version")),
        ("libc", os.confstr("CS_GNU_LIBC_VERSION")),
        *((allocator.name, allocator.version) for allocator in allocators),
        *([("programs", _programs())] if "programs" in groups else []),
        ("huge pages", _read("/sys/kernel/mm/transparent_hugepage/enabled") or "unknown"),
        ("load", " ".join(f"{x:.2f}" for x in os.getloadavg())),
        ("command", command),
    ]
