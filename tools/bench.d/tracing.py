# SPDX-License-Identifier: MIT
"""The report `tracing`: what it costs a program to have its calls recorded (FT_MALLOC_TRACE), without and with call stacks.

Each program runs as it is, traced, and traced with stacks, one after the other in each round; ratios are within rounds.
The file is on the disk that build/ lies on, and part of the time.
"""
import dataclasses
import statistics
import sys

import measure
import packages
import process
import real
import stats
import table
import traced
import workloads
from allocators import OURS

GROUP = "tracing"
LIMIT = 2.0  # of a malloc-heavy program, without stacks
_WAYS = {"untraced": {}, "traced": {}, "with stacks": {"FT_MALLOC_STACKS": "all"}}
_LOOP_ROUNDS = 3_000_000  # of malloc and free
_LOOP = "loop"
_PROGRAMS = {"python3": lambda made: real.python3(made, 3), "sqlite3": real.sqlite3, "gcc": real.gcc}


def _workloads(directory, only, scale):
    made = directory / "inputs"
    made.mkdir(exist_ok=True)
    unknown = [name for name in only or [] if name not in [*_PROGRAMS, _LOOP]]
    if unknown:
        sys.exit(f"bench: no program {unknown[0]!r} of tracing; there are " + ", ".join([*_PROGRAMS, _LOOP]))
    for name, fields_of in _PROGRAMS.items():
        if (not only or name in only) and packages.need_commands(*real.commands_of(name)):
            yield workloads.Workload(GROUP, name, **fields_of(made))
    if not only or _LOOP in only:
        command = (directory / "tight", "timed", max(1, round(_LOOP_ROUNDS * scale)))
        yield workloads.Workload(GROUP, _LOOP, command, tells_time=True)


class _Runner:
    """Runs workloads in each of the ways."""

    def __init__(self, directory, ours):
        self._bench, self._ours = measure.Bench(directory), ours
        self._path = directory / "tracing.trace"
        self.sizes = {}  # (workload, way) -> MiB of the file

    def run(self, workload, way):
        """CPU time."""
        traced.remove(self._path)
        environment = {**workload.environment, **_WAYS[way]}
        if way != "untraced":
            environment["FT_MALLOC_TRACE"] = str(self._path)
        took = self._bench.run(dataclasses.replace(workload, environment=environment), self._ours)
        if (way != "untraced") != self._path.exists():
            raise process.Failed(f"{workload.name}, {way}: the trace is {'not ' if way != 'untraced' else ''}there")
        if self._path.exists():
            self.sizes[workload.name, way] = self._path.stat().st_size / (1 << 20)
        traced.remove(self._path)
        return took["cpu s"]


def _row(workload, sink, sizes):
    untraced = sink.of(GROUP, workload.name, OURS, "untraced CPU s")
    cells = [workload.name, f"{statistics.median(untraced):.3f} s"]
    for way in list(_WAYS)[1:]:
        ratio = stats.median(stats.ratios(sink.of(GROUP, workload.name, OURS, f"{way} CPU s"), untraced))
        cells += [f"{ratio.value:.2f} [{ratio.low:.2f} {ratio.high:.2f}]", f"{sizes[workload.name, way]:.1f}"]
        if way == "traced":
            cells.append(table.limit(ratio.value, LIMIT) if workload.name in _PROGRAMS else "")
    return cells


def report(options, directory, allocators, sink):
    runner = _Runner(directory, allocators[0])
    chosen = list(_workloads(directory, options.only, options.scale))
    for number in range(options.rounds):
        ways = list(_WAYS) if number % 2 == 0 else list(_WAYS)[::-1]
        for workload in chosen:
            for way in ways:
                sink.add(GROUP, workload.name, OURS, f"{way} CPU s", [runner.run(workload, way)])
        print(f"tracing: round {number + 1} of {options.rounds}", file=sys.stderr)
    print(f"\ntracing: CPU time of a program whose calls are recorded, as a ratio to that without, medians of {options.rounds}"
          "\nrounds with the interval that holds them in 95 of 100 cases; loop does nothing but malloc and free")
    print(table.text(["program", "untraced", "traced", "MiB", "aim", "with stacks", "MiB"],
                     [_row(workload, sink, runner.sizes) for workload in chosen]))
    loop = sink.of(GROUP, _LOOP, OURS, "traced CPU s")
    if loop:
        pairs = max(1, round(_LOOP_ROUNDS * options.scale))
        each = [f"{statistics.median(sink.of(GROUP, _LOOP, OURS, f'{way} CPU s')) / pairs * 1e9:.0f} ns {way}" for way in _WAYS]
        print("  a pair of malloc and free in the loop: " + ", ".join(each))
