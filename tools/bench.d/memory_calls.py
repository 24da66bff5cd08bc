# SPDX-License-Identifier: MIT
"""The part `calls` of the group memory: system calls about memory that whole programs make, counted by strace."""
import shutil
import sys
import tempfile
from dataclasses import dataclass, field

import build
import packages
import process
import table
from allocators import GLIBC, OURS, Allocator

CALLS = ["mmap", "munmap", "madvise", "mprotect", "brk", "mremap", "futex"]
EMPTY = "empty"


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple
    limit: int | None  # None: what the empty library causes in the same run
    stdin: str | None = None
    environment: dict = field(default_factory=dict)
    runs: int = 1  # more where the luck of threads decides


# A few seconds of each: longer than the same programs take in the group `programs`.
LIMITS = {"true": None, "python3": 70, "sqlite3": 60, "lua": 50, "cohorts:2": 150, "large": 21}


def _programs(directory):
    here = build.HERE / "programs"
    return [
        Program("true", (shutil.which("true"),), LIMITS["true"]),
        # Python's own arenas are mmap'ed by Python; with malloc for everything the calls are the allocator's.
        Program("python3", (build.python(), "-S", here / "churn.py"), LIMITS["python3"],
                environment={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}),
        Program("sqlite3", ("sqlite3", "-cmd", ".parameter init", "-cmd", ".parameter set :items 250000", ":memory:"),
                LIMITS["sqlite3"], stdin=str(here / "churn.sql")),
        Program("lua", ("lua5.4", here / "churn.lua"), LIMITS["lua"]),
        Program("cohorts:2", (directory / "threaded-cohorts", 2, 4000000), LIMITS["cohorts:2"], runs=5),
        Program("large", (directory / "large", "rounds", 1000, "one"), LIMITS["large"]),
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


def usual(program, preload):
    """The same of the run with the median of all calls."""
    runs = sorted((count(program, preload) for _ in range(program.runs)), key=lambda calls: sum(calls.values()))
    return runs[len(runs) // 2]


def _total(samples, program, allocator):
    """The calls of the last run that is in the samples, or None."""
    values = [samples.of("memory", f"calls:{program}", allocator, f"{call} calls") for call in CALLS]
    return sum(found[-1] for found in values if found) if any(values) else None


def limits(samples):
    """{program: (our calls, the most there may be)}"""
    found = {}
    for program, limit in LIMITS.items():
        ours = _total(samples, program, OURS)
        if ours is not None:
            found[program] = (ours, limit if limit is not None else _total(samples, program, EMPTY))
    return found


def report(_options, directory, allocators, samples):
    if not packages.need_commands("strace", "sqlite3", "lua5.4"):
        print("\nNo memory calls: strace, sqlite3 and lua5.4 are wanted.")
        return
    none = next(a for a in allocators if a.name == GLIBC)
    empty = Allocator(EMPTY, str(directory / "empty.so"), "")
    columns = [none, empty, *(a for a in allocators if a is not none)]
    rows = []
    for program in _programs(directory):
        for allocator in columns:
            for call, times in usual(program, allocator.path).items():
                samples.add("memory", f"calls:{program.name}", allocator.name, f"{call} calls", [times])
        totals = [_total(samples, program.name, allocator.name) for allocator in columns]
        rows.append([program.name, *totals, table.limit(*limits(samples)[program.name])])
        print(f"counted {program.name}", file=sys.stderr)
    print("\nMemory calls of a whole run: " + " + ".join(CALLS) + "\n"
          "(none: glibc with nothing preloaded; empty: an empty library preloaded, the limit for true;\n"
          "of the program with threads the median of some runs)")
    print(table.text(["program", "none", EMPTY, *(a.name for a in columns[2:]), "limit"], rows))
