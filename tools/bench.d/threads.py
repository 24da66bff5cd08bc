# SPDX-License-Identifier: MIT
"""The report `threads`: fixed amounts of work by 1, 2 and 4 threads, by 8 and 16 where there are as many processors."""
import os
import re
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import process
import table
from allocators import OURS

HERE = Path(__file__).resolve().parent
_FLAGS = ["-O2", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-fno-builtin", "-pthread", "-Wall", "-Wextra", "-Werror"]

BEST_LIMIT = 1.0      # of the best peer's CPU time
REMOTE_LIMIT = 0.7    # of this peer's, where chunks are freed by another thread
REMOTE_PEER = "mimalloc"
ALWAYS = (1, 2, 4)
IF_PROCESSORS = (8, 16)


@dataclass(frozen=True)
class Workload:
    name: str
    work: int  # of the whole program in 0.25 s, as the programs count it
    remote: bool = False


WORKLOADS = [
    Workload("server", 900),
    Workload("every-free-remote", 24000, remote=True),
    Workload("producer-consumer", 24000, remote=True),
    Workload("random-lifetimes", 3600000),
    Workload("cache-scratch", 180000),
    Workload("cache-thrash", 180000),
    Workload("come-and-go", 2400),
]


@dataclass(frozen=True)
class Sample:
    cpu: float  # seconds, user and system together
    wall: float
    peak: int   # KiB


def _chosen(names):
    unknown = [name for name in names or [] if name not in {w.name for w in WORKLOADS}]
    if unknown:
        sys.exit(f"bench: no workload {unknown[0]!r}; there are " + ", ".join(w.name for w in WORKLOADS))
    return [w for w in WORKLOADS if not names or w.name in names]


# ---- Measuring ------------------------------------------------------------------------------

def _program(directory, workload):
    return directory / f"threads-{workload.name}"


def build(directory, workloads):
    newest = max(path.stat().st_mtime for path in HERE.glob("threads*"))
    for workload in workloads:
        target = _program(directory, workload)
        if not target.exists() or target.stat().st_mtime < newest:
            process.run(["gcc", *_FLAGS, "-o", target, HERE / f"threads-{workload.name}.c", HERE / "threads.c"])


def _run_once(directory, workload, count, allocator, seconds):
    work = max(count, round(workload.work * seconds / 0.25))
    output, _ = process.run([_program(directory, workload), count, work], allocator.path)
    found = re.fullmatch(r"cpu (\S+) wall (\S+) peak (\d+)\n", output)
    if not found:
        raise process.Failed(f"{workload.name} with {allocator.name} printed {output!r}")
    return Sample(float(found[1]), float(found[2]), int(found[3]))


def measure(directory, workloads, counts, allocators, options):
    """{(workload, count, allocator): samples}: in each round all run once, every other round in reverse order."""
    samples = {(w.name, count, a.name): [] for w in workloads for count in counts for a in allocators}
    for number in range(options.rounds):
        order = allocators if number % 2 == 0 else allocators[::-1]
        for workload in workloads:
            for count in counts:
                for allocator in order:
                    samples[workload.name, count, allocator.name].append(
                        _run_once(directory, workload, count, allocator, options.seconds))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return samples


# ---- Tables ---------------------------------------------------------------------------------

def _values(samples, measure_name):
    return [getattr(sample, measure_name) for sample in samples]


def _median(samples, key, measure_name):
    return statistics.median(_values(samples[key], measure_name))


def _rows(samples, names, cell):
    """A row for each workload and number of threads, a cell for each allocator."""
    keys = dict.fromkeys((workload, count) for workload, count, _ in samples)
    return [[f"{workload} {count}", *(cell((workload, count, name)) for name in names)] for workload, count in keys]


def _print_medians(samples, names, rounds):
    print(f"\nCPU time, user and system, of the whole program: median of {rounds} rounds (interquartile range)")
    rows = _rows(samples, names, lambda key: f"{_median(samples, key, 'cpu'):.3f} s "
                                             f"({table.spread(_values(samples[key], 'cpu')):.0%})")
    print(table.text(["workload, threads", *names], rows))
    print("\nPeak resident memory in MiB (medians)")
    rows = _rows(samples, names, lambda key: f"{_median(samples, key, 'peak') / 1024:.1f}")
    print(table.text(["workload, threads", *names], rows))


def _ratios(samples, workload, count, peers, measure_name="cpu"):
    """{peer: our median over the peer's}."""
    ours = _median(samples, (workload, count, OURS), measure_name)
    return {peer: ours / _median(samples, (workload, count, peer), measure_name) for peer in peers}


def _print_ratios(samples, peers, measure_name, title):
    print(f"\nOur {title} as a ratio to each peer's (medians; below 1 ours is faster)")
    rows = []
    for workload, count in dict.fromkeys((workload, count) for workload, count, _ in samples):
        ratios = _ratios(samples, workload, count, peers, measure_name)
        best = max(ratios, key=ratios.get)  # the peer with the smallest median
        rows.append([f"{workload} {count}", *(f"{r:.2f}" for r in ratios.values()), f"{ratios[best]:.2f} {best}"])
    print(table.text(["workload, threads", *peers, "best peer"], rows))


def _judged(ratio, peer, largest):
    return f"{ratio:.2f} {peer} " + ("ok" if round(ratio, 2) <= largest else "OVER")


def _print_limits(samples, workloads, counts, peers):
    """What is judged, one row for each limit of a workload; a number of threads that is not measured says why."""
    processors = len(os.sched_getaffinity(0))
    missing = [f"not measured: {processors} processors"] * (len(ALWAYS + IF_PROCESSORS) - len(counts))
    rows = []
    for workload in workloads:
        by_count = [_ratios(samples, workload.name, count, peers) for count in counts]
        best = [max(ratios, key=ratios.get) for ratios in by_count]
        rows.append([workload.name, f"<= {BEST_LIMIT:.2f} best",
                     *(_judged(r[b], b, BEST_LIMIT) for r, b in zip(by_count, best)), *missing])
        if workload.remote and REMOTE_PEER in peers:
            rows.append([workload.name, f"<= {REMOTE_LIMIT:.2f} {REMOTE_PEER}",
                         *(_judged(r[REMOTE_PEER], REMOTE_PEER, REMOTE_LIMIT) for r in by_count), *missing])
    print("\nOur CPU time as a ratio to that of the best peer, and where every free is by another thread to\n"
          f"{REMOTE_PEER}'s, for each number of threads")
    print(table.text(["workload", "limit", *(str(count) for count in ALWAYS + IF_PROCESSORS)], rows))


# ---- The report -----------------------------------------------------------------------------

def report(options, directory, allocators, sink):
    workloads = _chosen(options.only)
    build(directory, workloads)
    processors = len(os.sched_getaffinity(0))
    counts = [*ALWAYS, *(count for count in IF_PROCESSORS if count <= processors)]
    samples = measure(directory, workloads, counts, allocators, options)
    for (workload, count, allocator), found in samples.items():
        for measure_name, unit in (("cpu", "cpu s"), ("wall", "wall s"), ("peak", "peak KiB")):
            sink.add("threads", f"{workload}:{count}", allocator, unit, _values(found, measure_name))
    names = [a.name for a in allocators]
    peers = [name for name in names if name != OURS]
    _print_medians(samples, names, options.rounds)
    _print_ratios(samples, peers, "wall", "time on the wall")
    _print_ratios(samples, peers, "cpu", "CPU time")
    _print_limits(samples, workloads, counts, peers)
