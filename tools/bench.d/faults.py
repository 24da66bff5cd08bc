# SPDX-License-Identifier: MIT
"""The report `faults`: minor page faults of small programs, as the kernel counted them for the process."""
import os
import statistics
import sys

import process
import table
from allocators import GLIBC, OURS

RUNS = 15  # the median: a run may differ by a few, depending on where things were placed
EMPTY_LIMIT = 40
KEEP_LIMIT = 275
FREE_LIMIT = 10


def _faults_once(command, preload):
    # posix_spawn starts the child without copying this process, whose copy would fault in the child's name.
    pid = os.posix_spawn(command[0], command, process.environment(preload))
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise process.Failed(f"{' '.join(command)} with {preload}: wait status {status}")
    return usage.ru_minflt


def _faults(directory, program, preload, sink, name):
    command = [str(directory / program[0]), *program[1:]]
    values = [_faults_once(command, preload) for _ in range(RUNS)]
    sink.add("faults", " ".join(program), name, "minor faults", values)
    return statistics.median_low(values)


def report(options, directory, allocators, sink):
    measured = {}
    for allocator in allocators:
        for program in (("nothing",), ("thousand", "nothing"), ("thousand", "keep"), ("thousand", "free")):
            measured[allocator.name, program] = _faults(directory, program, allocator.path, sink, allocator.name)
        print(f"faults with {allocator.name}", file=sys.stderr)

    def row(title, program, less_program, less_allocator, largest):
        values = {a.name: measured[a.name, program] - measured[less_allocator or a.name, less_program]
                  for a in allocators}
        return [title, *values.values(), table.limit(values[OURS], largest)]

    loop = ("thousand", "nothing")
    rows = [
        row("empty program, more than under glibc", ("nothing",), ("nothing",), GLIBC, EMPTY_LIMIT),
        row("1024 of 1024 bytes, touched, kept", ("thousand", "keep"), loop, None, KEEP_LIMIT),
        row("the same, each freed before the next", ("thousand", "free"), loop, None, FREE_LIMIT),
    ]
    print(f"\nMinor page faults, median of {RUNS} runs (the second and third less the same program without the loop;\n"
          f"the empty program takes {measured[GLIBC, ('nothing',)]} under glibc)")
    print(table.text(["program", *(a.name for a in allocators), "limit"], rows))
