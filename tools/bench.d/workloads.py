# SPDX-License-Identifier: MIT
"""What a workload is, and which there are: a row for each, in groups."""
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import build
import real
import traced

GROUPS = ["micro", "single", "threaded", "programs", "traces", "start"]

ALWAYS = (1, 2, 4)  # threads
IF_PROCESSORS = (8, 16)
STARTS = 400


@dataclass(frozen=True)
class Workload:
    group: str
    name: str
    command: tuple
    stdin: Path | None = None
    environment: dict = field(default_factory=dict)
    times: int = 1              # so often one after the other is one sample
    tells_time: bool = False    # prints "cpu 0.2 wall 0.3" of its work without set-up, and nothing else that is the same
    companion: tuple = ()       # runs beside it, not measured; what it prints is what came out
    is_quick: bool = False      # one of those of --quick


# (name, program, rounds, part): a row takes a third of a second under the slower peers.
_MICRO = [
    ("tight", "tight", 60000000, ""),
    ("batch-order", "batch-order", 30000, ""),
    ("batch-random", "batch-random", 30000, ""),
    ("batch-small", "batch-small", 40000, ""),
    ("million", "million", 3000000, ""),
    ("realloc-doubling", "realloc-growth", 200, "doubling"),
    ("realloc-quarter", "realloc-growth", 800, "quarter"),
    ("calloc", "calloc", 200, ""),
    ("large", "large", 6000, "one"),
    ("large-live", "large", 3000, "live"),
    ("ramp", "ramp", 10, ""),
]
_SINGLE = [("factor", 10), ("logic", 25), ("simple", 800), ("bodies", 60), ("json", 150), ("lru", 1000000),
           ("string-map", 300000)]
# The work is the whole program's, as the program counts it.
_THREADED = [
    ("server", 900),
    ("every-free-remote", 24000),
    ("exchange", 24000),
    ("producer-consumer", 24000),
    ("random-lifetimes", 3600000),
    ("cache-scratch", 180000),
    ("cache-thrash", 180000),
    ("come-and-go", 2400),
    ("cohorts", 12000000),
    ("pass-around", 8000000),
    ("skewed-batches", 20000000),
]
_QUICK = {"tight", "batch-order", "million", "realloc-quarter", "factor", "json", "string-map", "server:2",
          "every-free-remote:2", "random-lifetimes:2", "cohorts:2"}


def thread_counts():
    """1, 2 and 4, and more where there are as many processors."""
    processors = len(os.sched_getaffinity(0))
    return [*ALWAYS, *(count for count in IF_PROCESSORS if count <= processors)]


def _scaled(work, scale):
    return max(1, round(work * scale))


def _own(directory, scale):
    for name, program, rounds, part in _MICRO:
        command = (directory / program, "timed", _scaled(rounds, scale), *([part] if part else []))
        yield Workload("micro", name, command, tells_time=True, is_quick=name in _QUICK)
    for name, work in _SINGLE:
        yield Workload("single", name, (directory / f"single-{name}", _scaled(work, scale)), is_quick=name in _QUICK)
    for name, work in _THREADED:
        for count in thread_counts():
            command = (directory / f"threaded-{name}", count, max(count, _scaled(work, scale)))
            title = f"{name}:{count}"
            yield Workload("threaded", title, command, tells_time=True, is_quick=title in _QUICK)


def every(directory, groups, scale=1.0, ft_replay=None):
    """All workloads of the groups; those of programs that are not installed, and may not be, are left out, which is
    said. ft_replay plays the traces."""
    yield from (workload for workload in _own(directory, scale) if workload.group in groups)
    if "programs" in groups:
        yield from (Workload("programs", **program) for program in real.programs(directory))
    if "traces" in groups:
        yield from (Workload("traces", **trace) for trace in traced.workloads(directory, ft_replay, scale))
    if "start" in groups:
        yield Workload("start", "start", (shutil.which("true"),), times=_scaled(STARTS, scale), is_quick=True)


def is_named(workload, names):
    """Whether a name is the workload's, or its beginning before a colon."""
    return not names or any(workload.name == name or workload.name.startswith(name + ":") for name in names)
