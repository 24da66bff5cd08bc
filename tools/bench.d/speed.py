# SPDX-License-Identifier: MIT
"""The report `speed`: time and instructions of the fixed workloads, ours beside each peer."""
import statistics
import sys
from dataclasses import dataclass

import callgrind
import packages
import table
from allocators import OURS
import process

TIME_LIMIT = 1.15  # of the best peer of each workload


@dataclass(frozen=True)
class Workload:
    name: str
    program: str
    part: tuple = ()
    limit: float | None = TIME_LIMIT  # None: shown, not judged
    rounds: int = 0                   # under callgrind; 0: no instruction count
    round_pairs: int = 1
    instruction_limit: int | None = None
    targets_baseline: int | None = None  # the do-nothing allocator's cost as the target's own figures have it


# A row without a limit belongs to the row above it.
WORKLOADS = [
    Workload("tight", "tight", rounds=20000, instruction_limit=50, targets_baseline=21),
    Workload("batch-order", "batch-order", rounds=40, round_pairs=1000, instruction_limit=50, targets_baseline=27),
    Workload("batch-random", "batch-random", rounds=40, round_pairs=1000),
    Workload("million", "million", rounds=400000),
    Workload("realloc-growth", "realloc-growth"),
    Workload("realloc-growth:doubling", "realloc-growth", part=("doubling",), limit=None),
    Workload("realloc-growth:quarter", "realloc-growth", part=("quarter",), limit=None),
]


def chosen(names):
    """The workloads that a name is, or is the beginning of; all of them without names."""
    if not names:
        return WORKLOADS
    found = [w for w in WORKLOADS if any(w.name == n or w.name.startswith(n + ":") for n in names)]
    unknown = [n for n in names if not any(w.name == n or w.name.startswith(n + ":") for w in WORKLOADS)]
    if unknown:
        sys.exit(f"bench: no workload {unknown[0]!r}; there are " + ", ".join(w.name for w in WORKLOADS))
    return found


# ---- Time -----------------------------------------------------------------------------------

def _time_once(directory, workload, allocator, seconds):
    command = [directory / workload.program, "seconds", seconds, *workload.part]
    return float(process.run(command, allocator.path)[0])


def measure_time(directory, workloads, allocators, rounds, seconds):
    """{(workload, allocator): samples}: in each round all run once, every other round in reverse order."""
    samples = {(w.name, a.name): [] for w in workloads for a in allocators}
    for number in range(rounds):
        order = allocators if number % 2 == 0 else allocators[::-1]
        for workload in workloads:
            for allocator in order:
                samples[workload.name, allocator.name].append(
                    _time_once(directory, workload, allocator, seconds))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return samples


def _print_times(samples, workloads, allocators, rounds):
    print(f"\nCPU time of one operation: median of {rounds} rounds (interquartile range)")
    rows = []
    for workload in workloads:
        cells = []
        for allocator in allocators:
            values = samples[workload.name, allocator.name]
            cells.append(f"{table.duration(statistics.median(values))} ({table.spread(values):.0%})")
        rows.append([workload.name, *cells])
    print(table.text(["workload", *(a.name for a in allocators)], rows))


def _ratios(samples, workload, allocators):
    """{peer: our median over the peer's}."""
    ours = statistics.median(samples[workload.name, OURS])
    return {a.name: ours / statistics.median(samples[workload.name, a.name])
            for a in allocators if a.name != OURS}


def _ratio_row(name, ratios, judged_by):
    best = max(ratios, key=ratios.get)  # the peer with the smallest median
    judged = table.limit(ratios[best], judged_by)
    return [name, *(f"{r:.2f}" for r in ratios.values()), f"{ratios[best]:.2f} {best}", judged]


def _print_ratios(samples, workloads, allocators):
    print("\nOur time as a ratio to each peer's (medians; below 1 ours is faster)")
    rows = []
    by_workload = {w.name: _ratios(samples, w, allocators) for w in workloads}
    for workload in workloads:
        rows.append(_ratio_row(workload.name, by_workload[workload.name], workload.limit))
    judged = [by_workload[w.name] for w in workloads if w.limit]
    if len(judged) > 1:
        peers = judged[0].keys()
        means = [f"{statistics.geometric_mean(r[p] for r in judged):.2f}" for p in peers]
        best = statistics.geometric_mean(max(r.values()) for r in judged)
        rows.append(["geometric mean", *means, f"{best:.2f}", ""])
    peers = [a.name for a in allocators if a.name != OURS]
    print(table.text(["workload", *peers, "best peer", "limit"], rows))


# ---- Instructions ---------------------------------------------------------------------------

def _pair_cost(directory, workload, preload):
    per_round = callgrind.per_round(directory / workload.program, workload.rounds, preload, workload.part)
    return float(per_round / workload.round_pairs)


def measure_instructions(directory, workloads, allocators):
    """{(workload, allocator or None for the baseline): instructions of a pair, loop included}."""
    costs = {}
    for workload in workloads:
        costs[workload.name, None] = _pair_cost(directory, workload, directory / "none.so")
        for allocator in allocators:
            costs[workload.name, allocator.name] = _pair_cost(directory, workload, allocator.path)
        print(f"instructions of {workload.name}", file=sys.stderr)
    return costs


def _targets_basis(workload, gross):
    if workload.targets_baseline is None:
        return ""
    net = gross - workload.targets_baseline
    return f"{net:.1f} " + table.limit(round(net, 2), workload.instruction_limit)


def _print_instructions(costs, workloads, allocators):
    print("\nInstructions of one malloc and free pair, net of the same loop over an allocator that does nothing\n"
          "(baseline: loop, loads, one store to the chunk, arguments, calls, PLT jumps, and three instructions\n"
          "inside the do-nothing functions; ours + baseline is the cost with everything)")
    rows = []
    for workload in workloads:
        baseline = costs[workload.name, None]
        net = {a.name: costs[workload.name, a.name] - baseline for a in allocators}
        rows.append([workload.name, f"{baseline:.1f}", *(f"{n:.1f}" for n in net.values()),
                     table.limit(round(net[OURS], 2), workload.instruction_limit),
                     _targets_basis(workload, costs[workload.name, OURS])])
    print(table.text(["workload", "baseline", *(a.name for a in allocators), "limit", "ours less 21 or 27"], rows))
    print("  The last column subtracts the 21 (tight) and 27 (batch) that the targets' own do-nothing\n"
          "  allocator took, the basis on which the prototype's 49 and 48 were counted.")


# ---- The report -----------------------------------------------------------------------------

def report(options, directory, allocators, sink):
    workloads = chosen(options.only)
    samples = measure_time(directory, workloads, allocators, options.rounds, options.seconds)
    for (workload, allocator), values in samples.items():
        sink.add("speed", workload, allocator, "ns", values)
    _print_times(samples, workloads, allocators, options.rounds)
    _print_ratios(samples, workloads, allocators)

    counted = [w for w in workloads if w.rounds and (w.instruction_limit or not options.quick)]
    if options.no_callgrind or not counted:
        return
    if not packages.need_commands("valgrind", "readelf"):
        print("\nNo instruction counts: valgrind is missing.")
        return
    costs = measure_instructions(directory, counted, allocators)
    for (workload, allocator), value in costs.items():
        sink.add("speed", workload, allocator or "none", "instructions", [value])
    _print_instructions(costs, counted, allocators)
