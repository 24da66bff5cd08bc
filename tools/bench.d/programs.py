# SPDX-License-Identifier: MIT
"""Compiles what is measured: gcc -O2, into build/bench/."""
import os
import sys
from pathlib import Path

import process

HERE = Path(__file__).resolve().parent
_FLAGS = ["-O2", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-fno-builtin", "-Wall", "-Wextra", "-Werror"]
_MEMORY = ["kept-blocks", "limit", "one-chunk", "server-day"]
_WORKLOADS = ["tight", "batch-order", "batch-random", "million", "realloc-growth"]


def _compile(target, sources, flags):
    newest = max(path.stat().st_mtime for path in [*sources, *HERE.glob("*.h"), Path(__file__)])
    if not target.exists() or target.stat().st_mtime < newest:
        process.run(["gcc", *flags, "-o", target, *sources])


def python():
    """Not a version manager's shim, which is a shell script that runs half a dozen programs."""
    return "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


def build(directory):
    """Builds every program and helper library; the directory they are in."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in _WORKLOADS:
        _compile(directory / name, [HERE / f"{name}.c", HERE / "workload.c"], _FLAGS)
    for name in ("nothing", "thousand"):
        _compile(directory / name, [HERE / f"{name}.c"], _FLAGS)
    for name in _MEMORY:
        _compile(directory / f"memory-{name}", [HERE / f"memory-{name}.c", HERE / "memory.c"], [*_FLAGS, "-pthread"])
    _compile(directory / "memory-at-end.so", [HERE / "memory-at-end.c"], [*_FLAGS, "-shared", "-fPIC"])
    _compile(directory / "none.so", [HERE / "none.c"], [*_FLAGS, "-shared", "-fPIC"])
    # As anybody would build an empty library: the loader's calls depend on the number of its segments.
    _compile(directory / "empty.so", [HERE / "empty.c"], ["-shared", "-fPIC"])
    return directory
