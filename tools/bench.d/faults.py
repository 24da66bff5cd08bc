# SPDX-License-Identifier: MIT
"""The part `faults` of the group memory: minor page faults of small programs, as the kernel counted them for the process."""
import statistics

import process
import table
from allocators import GLIBC, OURS

RUNS = 15  # the median: a run may differ by a few, depending on where things were placed
EMPTY_LIMIT = 40
KEEP_LIMIT = 275
FREE_LIMIT = 10


def _faults(directory, program, preload):
    command = [directory / "launch", preload or "", 1, "/dev/null", "/dev/null", directory / program[0], *program[1:]]
    return [int(process.run(command)[0].split()[-1]) for _ in range(RUNS)]


def report(_options, directory, allocators, sink):
    measured = {}
    for allocator in allocators:
        for program in (("nothing",), ("thousand", "nothing"), ("thousand", "keep"), ("thousand", "free")):
            values = _faults(directory, program, allocator.path)
            measured[allocator.name, program] = statistics.median_low(values)
            sink.add("memory", "faults:" + " ".join(program), allocator.name, "minor faults", values)

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
