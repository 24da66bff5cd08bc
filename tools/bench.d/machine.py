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

_WHERE = {"--csv", "--plot", "--report", "--from"}


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


def _command():
    """The command line without what says only where results go."""
    words, skips = ["tools/bench"], False
    for word in sys.argv[1:]:
        name = word.partition("=")[0]
        if not skips and name not in _WHERE:
            words.append(word)
        skips = not skips and word in _WHERE
    return shlex.join(words)


def as_lines(pairs):
    """Facts of one run or of several as lines: of each kind the values that differ, one below the other."""
    by_kind = {}
    for kind, value in dict.fromkeys(pairs):
        by_kind.setdefault(kind, []).append(value)
    for kind, values in by_kind.items():
        for number, value in enumerate(values):
            yield f"  {kind if number == 0 else '':<12} {value}"


def facts(allocators, groups=()):
    """(what, value) pairs, printed above every result."""
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
        ("command", _command()),
    ]
