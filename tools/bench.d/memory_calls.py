# SPDX-License-Identifier: MIT
"""The report `memory-calls`: system calls about memory that whole programs make, counted by strace."""
import shutil
import sys
import tempfile
from dataclasses import dataclass, field

import packages
import process
import programs
import table
from allocators import GLIBC, OURS, Allocator

CALLS = ["mmap", "munmap", "madvise", "mprotect", "brk", "mremap", "futex"]
EMPTY = "empty"


@dataclass(frozen=True)
class Program:
    name: str
    command: list
    limit: int | None  # None: what the empty library causes in the same run
    stdin: str | None = None
    environment: dict = field(default_factory=dict)


def _programs():
    here = programs.HERE
    return [
        Program("true", [shutil.which("true")], None),
        # Python's own arenas are mmap'ed by Python; with malloc for everything the calls are the allocator's.
        Program("python3", [programs.python(), "-S", str(here / "churn.py")], 70,
                environment={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}),
        Program("sqlite3", ["sqlite3", ":memory:"], 60, stdin=str(here / "churn.sql")),
        Program("lua", ["lua5.4", str(here / "churn.lua")], 50),
    ]


def count(program, preload):
    """{call: times} of one run, children included."""
    with tempfile.NamedTemporaryFile(mode="r") as log:
        command = ["strace", "-f", "-c", "-U", "calls,name", "-o", log.name, "-e", "trace=" + ",".join(CALLS)]
        if preload:
            command += ["-E", f"LD_PRELOAD={preload}"]
        for key, value in program.environment.items():
            command += ["-E", f"{key}={value}"]
        command += program.command
        if program.stdin is None:
            process.run(command)
        else:
            with open(program.stdin, encoding="utf-8") as script:
                process.run(command, stdin=script)
        rows = [line.split() for line in log.read().splitlines()]
    return {row[1]: int(row[0]) for row in rows if len(row) == 2 and row[1] in CALLS}


def _row(program, columns, sink):
    totals = {}
    for allocator in columns:
        calls = count(program, allocator.path)
        totals[allocator.name] = sum(calls.values())
        for call, times in calls.items():
            sink.add("memory-calls", program.name, allocator.name, call, [times])
    largest = program.limit if program.limit is not None else totals[EMPTY]
    print(f"counted {program.name}", file=sys.stderr)
    return [program.name, *totals.values(), table.limit(totals[OURS], largest)]


def report(options, directory, allocators, sink):
    if not packages.need_commands("strace", "sqlite3", "lua5.4"):
        print("\nNo memory calls: strace, sqlite3 and lua5.4 are wanted.")
        return
    none = next(a for a in allocators if a.name == GLIBC)
    empty = Allocator(EMPTY, str(directory / "empty.so"), "")
    others = [a for a in allocators if a is not none]
    columns = [none, empty, *others]
    rows = [_row(program, columns, sink) for program in _programs()]
    print("\nMemory calls of a whole run: " + " + ".join(CALLS) + "\n"
          "(none: glibc with nothing preloaded; empty: an empty library preloaded, the limit for true)")
    print(table.text(["program", "none", EMPTY, *(a.name for a in others), "limit"], rows))
