# SPDX-License-Identifier: MIT
"""Compiles what is measured, into build/bench/."""
import os
import sys
from pathlib import Path

import process

HERE = Path(__file__).resolve().parent
_C = ["gcc", "-O2", "-std=c11", "-fno-builtin"]
_CXX = ["g++", "-O2", "-std=c++17"]
_ALWAYS = [f"-I{HERE.parent}", "-D_POSIX_C_SOURCE=200809L", "-pthread", "-Wall", "-Wextra", "-Werror"]
_LIBRARY = ["-shared", "-fPIC"]


def _compile(target, sources, command):
    headers = [*HERE.glob("*.h"), *sources[0].parent.glob("*.h")]
    newest = max(path.stat().st_mtime for path in [*sources, *headers, Path(__file__)])
    if not target.exists() or target.stat().st_mtime < newest:
        process.run([*command, *_ALWAYS, "-o", target, *sources])


def python():
    """Not a version manager's shim, which is a shell script that runs half a dozen programs."""
    return "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


def _each(group, main):
    """The sources of a group that are programs with main() in another file."""
    return [source for source in sorted((HERE / group).glob("*.c")) if source.stem not in (main, "none")]


def build(directory):
    """Builds every program and helper library, with gcc -O2; the directory they are in."""
    directory.mkdir(parents=True, exist_ok=True)
    _compile(directory / "launch", [HERE / "launch.c"], [*_C, "-static"])
    for source in _each("micro", "workload"):
        _compile(directory / source.stem, [source, HERE / "micro" / "workload.c"], _C)
    for source in _each("threaded", "threads"):
        _compile(directory / f"threaded-{source.stem}", [source, HERE / "threaded" / "threads.c"], _C)
    for source in sorted((HERE / "single").glob("*.c*")):
        _compile(directory / f"single-{source.stem}", [source], _C if source.suffix == ".c" else _CXX)
    for name in ("nothing", "thousand"):
        _compile(directory / name, [HERE / "start" / f"{name}.c"], _C)
    for name in ("kept-blocks", "limit", "one-chunk", "server-day"):
        _compile(directory / f"memory-{name}", [HERE / "memory" / f"{name}.c", HERE / "memory" / "memory.c"], _C)
    _compile(directory / "memory-at-end.so", [HERE / "memory" / "at-end.c"], [*_C, *_LIBRARY])
    _compile(directory / "none.so", [HERE / "micro" / "none.c"], [*_C, *_LIBRARY])
    # As anybody would build an empty library: the loader's calls depend on the number of its segments.
    if not (directory / "empty.so").exists():
        process.run(["gcc", *_LIBRARY, "-o", directory / "empty.so", HERE / "start" / "empty.c"])
    return directory
