# SPDX-License-Identifier: MIT
"""The timed groups as tables: each workload ours beside the peers, and geometric means."""
import statistics

import stats
import table
from allocators import GLIBC, OURS
from measure import MEASURES
from workloads import GROUPS

CPU, WALL, PEAK, FAULTS = MEASURES
_WORDS = {CPU: "CPU time", WALL: "time on the wall", PEAK: "peak resident memory", FAULTS: "page faults"}
TRUSTED_ROUNDS = 9
_PRELOADED_ONLY = "start"  # a process without a preloaded library starts sooner: peers there are those that have one


def peers_of(samples, group, workload=None):
    """Whom ours is compared with in a group, or in a workload of it."""
    return [name for name in samples.allocators(GROUPS, CPU)
            if name != OURS and not (group == _PRELOADED_ONLY and name == GLIBC)
            and (workload is None or samples.of(group, workload, name, CPU))]


def ratio_series(samples, measure, peer, groups=GROUPS):
    """{(group, workload): ours over the peer's, round by round}, where the peer is compared."""
    return {(group, workload): stats.ratios(samples.of(group, workload, OURS, measure),
                                            samples.of(group, workload, peer, measure))
            for group, workload in samples.workloads(groups, measure) if peer in peers_of(samples, group, workload)}


def mean_ratio(samples, measure, peer, groups=GROUPS):
    """The geometric mean over the workloads, or None if there is none."""
    series = ratio_series(samples, measure, peer, groups)
    return stats.geometric_mean(list(series.values())) if series else None


def score(samples, group, workload):
    """Our CPU time beside that of the workload's best peer, or None if it has none."""
    peers = {peer: samples.of(group, workload, peer, CPU) for peer in peers_of(samples, group, workload)}
    return stats.score(samples.of(group, workload, OURS, CPU), peers) if peers else None


# ---- Cells ----------------------------------------------------------------------------------

def _seconds(values):
    milliseconds = statistics.median(values) * 1000
    return f"{milliseconds:.{0 if milliseconds >= 100 else 1}f} ms ({stats.spread(values):.0%})"


def _rounds(samples, group):
    return min(len(values) for key, values in samples.series.items() if key[0] == group and key[3] == CPU)


def _interval(estimate):
    return f"{estimate.value:.2f} [{estimate.low:.2f} {estimate.high:.2f}]"


def _mean_cell(estimate):
    return _interval(estimate) if estimate else ""


# ---- Tables ---------------------------------------------------------------------------------

def _time_table(samples, group, names):
    rows = []
    for _, workload in samples.workloads([group], CPU):
        ours = samples.of(group, workload, OURS, CPU)
        theirs = [samples.of(group, workload, peer, CPU) for peer in names]
        best = score(samples, group, workload)
        ratios = [f"{stats.median(stats.ratios(ours, values)).value:.2f}" if values else "-" for values in theirs]
        rows.append([workload, _seconds(ours), *ratios, f"{_interval(best.ratio)} {best.peer}" if best else "-"])
    means = [mean_ratio(samples, CPU, peer, [group]) for peer in names]
    rows.append(["geometric mean", "", *(f"{mean.value:.2f}" if mean else "" for mean in means), ""])
    return table.text([group, OURS, *names, "beside the best peer"], rows)


def _memory_table(samples, group, names):
    rows = []
    for _, workload in samples.workloads([group], PEAK):
        peaks = (samples.of(group, workload, name, PEAK) for name in [OURS, *names])
        rows.append([workload, *(f"{statistics.median(values) / 1024:.1f}" if values else "-" for values in peaks)])
    return table.text([f"{group}, MiB", OURS, *names], rows)


def print_groups(samples):
    """CPU time and peak memory of each workload, a table for each group."""
    everybody = [name for name in samples.allocators(GROUPS, CPU) if name != OURS]
    for group in dict.fromkeys(group for group, _ in samples.workloads(GROUPS, CPU)):
        names = peers_of(samples, group)
        print(f"\n{group}: CPU time, user and system, median of {_rounds(samples, group)} rounds (interquartile range); ours as a ratio to\n"
              "each peer's, below 1 ours is faster; and to the best one's, chosen in the odd rounds and scored in the\n"
              "even ones, with the interval that holds it in 95 of 100 cases")
        print(_time_table(samples, group, names))
        print(f"\n{group}: peak resident memory, medians")
        print(_memory_table(samples, group, everybody))


def print_left_out(samples):
    """Whom a workload failed under."""
    if samples.left_out:
        print("\nLeft out, because it failed\n" + "\n".join(f"  {cell}: {why}" for cell, why in samples.left_out.items()))


def print_means(samples):
    """The geometric means over all workloads, one row for each measure."""
    names = [name for name in samples.allocators(GROUPS, CPU) if name != OURS]
    if len(samples.workloads(GROUPS, CPU)) < 2:
        return
    real = [group for group in GROUPS if group != "micro"]
    kinds = [(_WORDS[CPU], CPU, GROUPS), (f"{_WORDS[CPU]} without micro", CPU, real),
             *((_WORDS[measure], measure, GROUPS) for measure in MEASURES[1:])]
    print("\nGeometric mean over all workloads, ours as a ratio to each peer's [95 % interval]; process start among\n"
          "preloaded libraries only")
    rows = [[words, *(_mean_cell(mean_ratio(samples, measure, name, groups)) for name in names)]
            for words, measure, groups in kinds]
    print(table.text(["measure", *names], rows))
    fewest = min(_rounds(samples, group) for group, _ in samples.workloads(GROUPS, CPU))
    if fewest < TRUSTED_ROUNDS:
        print(f"  With {fewest} rounds an interval is narrower than it should be; {TRUSTED_ROUNDS} are wanted.")
