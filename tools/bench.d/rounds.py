# SPDX-License-Identifier: MIT
"""Rounds: in each, every workload runs once under every allocator, the other way round in every second one.

A peer under which a workload fails is left out of that workload, and that is said; where ours or glibc's malloc fails
there is no result.
"""
import sys
import time

import process
from allocators import may_fail

_WIDTH = 30


class Progress:
    """A bar on a terminal; where standard error is none, a line for each round."""

    def __init__(self, total):
        self._total = total
        self._done = 0
        self._began = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def step(self, words):
        """One of the steps is done; words say what comes next."""
        self._done += 1
        if not self._is_terminal:
            return
        filled = _WIDTH * self._done // self._total
        left = (time.monotonic() - self._began) / self._done * (self._total - self._done)
        bar = "#" * filled + "." * (_WIDTH - filled)
        print(f"\r[{bar}] {self._done / self._total:4.0%}, {left // 60:.0f}:{left % 60:02.0f} left  {words:<44.44}",
              end="", file=sys.stderr, flush=True)

    def line(self, words):
        """A line of its own, which on a terminal the bar makes needless."""
        if not self._is_terminal:
            print(words, file=sys.stderr, flush=True)

    def end(self):
        if self._is_terminal:
            print("\r" + " " * (_WIDTH + 68) + "\r", end="", file=sys.stderr, flush=True)


def _run(bench, workload, allocator, samples):
    """{measure: value}; nothing of a peer that fails, or has failed before."""
    cell = (workload.group, workload.name, allocator.name)
    if samples.is_left_out(*cell):
        return {}
    try:
        return bench.run(workload, allocator)
    except process.Failed as failure:
        if not may_fail(allocator.name):
            raise
        samples.leave_out(*cell, str(failure).splitlines()[-1])
        print(f"\n{allocator.name} is left out of {workload.name}:\n{failure}", file=sys.stderr)
        return {}


def measure(bench, workloads, allocators, count, samples):
    """Adds a sample of each measure for each workload, allocator and round."""
    progress = Progress(count * len(workloads) * len(allocators))
    for number in range(count):
        order = allocators if number % 2 == 0 else allocators[::-1]
        for workload in workloads:
            for allocator in order:
                took = _run(bench, workload, allocator, samples)
                for measure_name, value in took.items():
                    samples.add(workload.group, workload.name, allocator.name, measure_name, [value])
                progress.step(f"round {number + 1} of {count}: {workload.name}, {allocator.name}")
        progress.line(f"round {number + 1} of {count}")
    progress.end()
