# SPDX-License-Identifier: MIT
"""Instructions of a malloc and free pair in the tight loops of the group micro, by callgrind."""
import sys
from dataclasses import dataclass

import callgrind
import packages
import process
import table
from allocators import OURS, may_fail

_MEASURE = "instructions"
_NONE = "none"


@dataclass(frozen=True)
class Loop:
    name: str                            # workload and program
    rounds: int                          # under callgrind
    pairs: int                           # of a round
    limit: int | None = None             # net of the loop
    targets_baseline: int | None = None  # the do-nothing allocator's cost as the target's own figures have it


LOOPS = [
    Loop("tight", 20000, 1, 50, 21),
    Loop("batch-order", 40, 1000, 50, 27),
    Loop("batch-random", 40, 1000),
    Loop("batch-small", 40, 1000),
    Loop("million", 400000, 1),
]


def measure(directory, names, allocators, samples, is_quick):
    """Adds the cost of each loop that is named; in a quick run of those alone that have a limit."""
    loops = [loop for loop in LOOPS if loop.name in names and (loop.limit or not is_quick)]
    if not loops:
        return
    if not packages.need_commands("valgrind", "readelf"):
        print("\nNo instruction counts: valgrind is missing.")
        return
    for loop in loops:
        libraries = {_NONE: directory / "none.so", **{a.name: a.path for a in allocators}}
        for name, library in libraries.items():
            try:
                cost = callgrind.per_round(directory / loop.name, loop.rounds, library) / loop.pairs
            except process.Failed as failure:  # there are allocators that do not run under valgrind
                if name == _NONE or not may_fail(name):
                    raise
                print(f"no instructions of {loop.name} with {name}:\n{failure}", file=sys.stderr)
            else:
                samples.add("micro", loop.name, name, _MEASURE, [float(cost)])
        print(f"instructions of {loop.name}", file=sys.stderr)


def _cost(samples, loop, name):
    values = samples.of("micro", loop.name, name, _MEASURE)
    return values[-1] if values else None


def _net(samples, loop, name):
    cost = _cost(samples, loop, name)
    return None if cost is None else cost - _cost(samples, loop, _NONE)


def _net_cell(samples, loop, name):
    net = _net(samples, loop, name)
    return "-" if net is None else f"{net:.1f}"


def _counted(samples):
    return [loop for loop in LOOPS if _cost(samples, loop, _NONE) is not None]


def limits(samples):
    """{loop: (our net cost, the largest it may be)}"""
    return {loop.name: (round(_net(samples, loop, OURS), 2), loop.limit) for loop in _counted(samples) if loop.limit}


def _targets_basis(samples, loop):
    if loop.targets_baseline is None:
        return ""
    net = _cost(samples, loop, OURS) - loop.targets_baseline
    return f"{net:.1f} " + table.limit(round(net, 2), loop.limit)


def print_counts(samples):
    loops = _counted(samples)
    if not loops:
        return
    names = [name for name in samples.allocators(["micro"], _MEASURE) if name != _NONE]
    print("\nInstructions of one malloc and free pair, net of the same loop over an allocator that does nothing\n"
          "(baseline: loop, loads, one store to the chunk, arguments, calls, PLT jumps, and three instructions\n"
          "inside the do-nothing functions; ours + baseline is the cost with everything)")
    rows = [[loop.name, f"{_cost(samples, loop, _NONE):.1f}", *(_net_cell(samples, loop, name) for name in names),
             table.limit(round(_net(samples, loop, OURS), 2), loop.limit), _targets_basis(samples, loop)]
            for loop in loops]
    print(table.text(["workload", "baseline", *names, "limit", "ours less 21 or 27"], rows))
    print("  The last column subtracts the 21 (tight) and 27 (batch) that the targets' own do-nothing\n"
          "  allocator took, the basis on which the prototype's 49 and 48 were counted.")
