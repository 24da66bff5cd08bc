# SPDX-License-Identifier: MIT
"""What is aimed for, a line for each aim, and the cells that fall short."""
from dataclasses import dataclass

import figures
import instructions
import memory_calls
import table
from allocators import GLIBC, OURS
from workloads import GROUPS

CPU_MEAN_LIMIT = 0.90     # of the best single peer's, over all workloads
CELL_LIMIT = 1.05         # of the best peer's of a workload, with 95 % confidence
PEAK_LIMIT = 1.00         # of every peer's but glibc's,
PEAK_GLIBC_LIMIT = 1.05   # and of glibc's
REMOTE_LIMIT = 0.70       # of this peer's, where chunks are freed by another thread
REMOTE_PEER = "mimalloc"
_REMOTE = ("every-free-remote:", "producer-consumer:")


@dataclass(frozen=True)
class Verdict:
    aim: str
    found: str
    is_met: bool
    short: tuple = ()  # the cells that fall short, in words


def _cpu_mean(samples):
    names = [name for name in samples.allocators(GROUPS, figures.CPU) if name != OURS]
    means = {name: figures.mean_ratio(samples, figures.CPU, name) for name in names}
    means = {name: mean for name, mean in means.items() if mean}
    if not means:
        return
    best = max(means, key=lambda name: means[name].value)
    value = means[best].value
    yield Verdict(f"CPU time, geometric mean, <= {CPU_MEAN_LIMIT:.2f} of the best single peer's",
                  f"{value:.3f} {best}", value <= CPU_MEAN_LIMIT)


def _start(samples):
    for group, workload in samples.workloads(["start"], figures.CPU):
        found = figures.score(samples, group, workload)
        if found:
            yield Verdict(f"CPU time of process start <= {CELL_LIMIT} of the best preloaded peer's",
                          f"{found.ratio.value:.2f} {found.peer}", found.ratio.value <= CELL_LIMIT)


def _cells(samples):
    scores = {(group, workload): figures.score(samples, group, workload)
              for group, workload in samples.workloads(GROUPS, figures.CPU) if figures.peers_of(samples, group, workload)}
    short = {key: found for key, found in scores.items() if found.ratio.low > CELL_LIMIT}
    words = tuple(f"{group}/{workload} {found.ratio.value:.2f} [{found.ratio.low:.2f} {found.ratio.high:.2f}] {found.peer}"
                  for (group, workload), found in
                  sorted(short.items(), key=lambda item: -item[1].ratio.value))
    if scores:
        yield Verdict(f"CPU time of each workload <= {CELL_LIMIT} of its best peer's, with 95 % confidence",
                      f"{len(scores) - len(short)} of {len(scores)}", not short, words)


def _peaks(samples):
    for name in samples.allocators(GROUPS, figures.PEAK):
        mean = figures.mean_ratio(samples, figures.PEAK, name) if name != OURS else None
        if mean:
            limit = PEAK_GLIBC_LIMIT if name == GLIBC else PEAK_LIMIT
            yield Verdict(f"peak memory, geometric mean, <= {limit:.2f} of {name}'s", f"{mean.value:.3f}",
                          mean.value <= limit)


def _remote(samples):
    series = figures.ratio_series(samples, figures.CPU, REMOTE_PEER, ["threaded"])
    series = {workload: figures.stats.median(values).value for (_, workload), values in series.items()
              if workload.startswith(_REMOTE)}
    if series:
        short = tuple(f"{workload} {value:.2f}" for workload, value in series.items() if value > REMOTE_LIMIT)
        yield Verdict(f"CPU time where every free is remote <= {REMOTE_LIMIT:.2f} of {REMOTE_PEER}'s",
                      f"{len(series) - len(short)} of {len(series)}", not short, short)


def _counts(limits, aim):
    """limits: {workload: (value, the largest it may be)}"""
    if limits:
        short = tuple(f"{name} {value:g}, limit {largest:g}" for name, (value, largest) in limits.items()
                      if value > largest)
        yield Verdict(aim, f"{len(limits) - len(short)} of {len(limits)}", not short, short)


def verdicts(samples):
    """All that can be said of what was measured."""
    if samples.workloads(GROUPS, figures.CPU) and len(samples.allocators(GROUPS, figures.CPU)) > 1:
        yield from _cpu_mean(samples)
        yield from _cells(samples)
        yield from _start(samples)
        yield from _peaks(samples)
        yield from _remote(samples)
    yield from _counts(instructions.limits(samples), "instructions of a pair, net of the loop")
    yield from _counts(memory_calls.limits(samples), "memory calls of whole programs")


def print_verdicts(samples):
    found = list(verdicts(samples))
    if not found:
        return
    print("\nWhat is aimed for")
    print(table.text(["aim", "found", ""], [[v.aim, v.found, "PASS" if v.is_met else "short"] for v in found]))
    for verdict in found:
        if verdict.short:
            print(f"\nWhat falls short of: {verdict.aim}\n" + "\n".join(f"  {cell}" for cell in verdict.short))
