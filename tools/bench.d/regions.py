# SPDX-License-Identifier: MIT
"""The report `regions`: ft_core on small regions beside the yardstick, a two-level segregated fit (tests/regions)."""
import statistics
import subprocess
import sys
from pathlib import Path

import callgrind
import packages
import process
import table

ROOT = Path(__file__).resolve().parent.parent.parent
TESTS = ROOT / "tests" / "regions"
_FLAGS = ["-O2", "-g", "-std=c11", "-D_POSIX_C_SOURCE=200809L", f"-I{ROOT}", "-Wall", "-Wextra", "-Werror"]
OURS, TLSF = "ours", "tlsf"
RUNS = "runs"  # ours without zones, for the shortest worst call

# KiB: seeds of the filling traces, seconds of one timing for each second asked for, rounds under callgrind.
SIZES = {64: (8, 0.2, 1), 1024: (4, 0.4, 1), 65536: (1, 1.0, 0)}
TIME_LIMIT = 1.0   # our time as a ratio to the yardstick's: the geometric mean of each size
SHARE_LIMIT = 1.0  # what we have in use at the first refusal, the same way: the mean of each size

WORST_CALLS = 1000000
WORST_GUESSES = 200       # candidates of each kind that the first pass names, the costliest first;
WORST_BLOCKS = 40000      # counted are as many as pass so many basic blocks together, and three at least
KINDS = ["alloc", "alloc-refused", "aligned", "aligned-refused", "free", "resize", "resize-refused"]


def title(kib):
    return f"{kib // 1024} MiB" if kib >= 1024 else f"{kib} KiB"


# ---- Building -------------------------------------------------------------------------------

def _sources():
    core = sorted((ROOT / "core").glob("*.c"))
    return core + [TESTS / "tlsf.c"], [TESTS / name for name in ("maker.c", "traces.c", "subject.c", "adversary.c")]


def _is_old(target, sources):
    headers = [*(ROOT / "core").glob("*.h"), *TESTS.glob("*.h"), Path(__file__)]
    return not target.exists() or target.stat().st_mtime < max(p.stat().st_mtime for p in [*sources, *headers])


def build(directory):
    """The two programs, one of them a second time with the hook that counts basic blocks."""
    measured, around = _sources()
    bench = ROOT / "tools" / "bench.d" / "regions"
    for name in ("regions", "regions_worst"):
        sources = [*measured, *around, bench / f"{name}.c"]
        if _is_old(directory / name, sources):
            process.run(["gcc", *_FLAGS, "-o", directory / name, *sources])
    hooked = directory / "regions_hooked"
    hooked.mkdir(exist_ok=True)
    if _is_old(directory / "regions_guess", [*measured, *around, bench / "regions_worst.c"]):
        objects = [hooked / f"{source.stem}.o" for source in measured]
        for source, target in zip(measured, objects):
            process.run(["gcc", *_FLAGS, "-fsanitize-coverage=trace-pc", "-c", "-o", target, source])
        process.run(["gcc", *_FLAGS, "-o", directory / "regions_guess", *objects, *around,
                     bench / "regions_worst.c"])


def _rows(directory, *words):
    output, _ = process.run([directory / "regions", *words])
    return [line.split() for line in output.splitlines()]


def _chosen(directory, names):
    traces = [row[0] for row in _rows(directory, "traces")]
    unknown = [name for name in names or [] if name not in traces]
    if unknown:
        sys.exit(f"bench: no trace {unknown[0]!r}; there are " + ", ".join(traces))
    return names or traces


# ---- Fragmentation --------------------------------------------------------------------------

def report_fill(options, directory, traces, sink):
    print("\nRequested bytes in use when the first call is refused, as a share of the region (mean of the seeds)")
    for kib, (seeds, _, _) in SIZES.items():
        rows, shares = [], {OURS: [], TLSF: []}
        for trace in traces:
            found = _rows(directory, "fill", kib, trace, 1 if options.quick else seeds)
            for column, who in enumerate((OURS, TLSF)):
                values = [int(row[column]) / 10000 for row in found]
                sink.add("regions", f"{trace}:{title(kib)}", who, "live share", values)
                shares[who].append(statistics.mean(values))
            rows.append([trace, *(f"{shares[who][-1]:.1%}" for who in (OURS, TLSF)),
                         f"{shares[OURS][-1] / shares[TLSF][-1]:.2f}", ""])
        ours, tlsf = (statistics.mean(shares[who]) for who in (OURS, TLSF))
        rows.append(["mean", f"{ours:.1%}", f"{tlsf:.1%}", f"{ours / tlsf:.2f}",
                     f">= {SHARE_LIMIT:g} " + ("ok" if ours / tlsf >= SHARE_LIMIT else "UNDER")])
        print(table.text([title(kib), OURS, TLSF, "ratio", "limit"], rows))
        print(f"fragmentation on {title(kib)}", file=sys.stderr)


# ---- Time -----------------------------------------------------------------------------------

def _instructions(directory, kib, trace, rounds):
    """{who: instructions of one call, less those of a subject that does nothing}."""
    calls = int(_rows(directory, "calls", kib, trace)[0][0])
    cost = {who: callgrind.per_round(directory / "regions", rounds, part=(kib, trace, who)) / calls
            for who in (OURS, TLSF, "none")}
    return {who: float(cost[who] - cost["none"]) for who in (OURS, TLSF)}


def report_time(options, directory, traces, sink):
    counts = not options.no_callgrind and not options.quick and packages.need_commands("valgrind", "readelf")
    print(f"\nCPU time of one call with two fifths of the region in use, {options.rounds} interleaved rounds; the slowest\n"
          "call (of each call the fastest of 7 times), and instructions less those of the loop")
    header = [OURS, TLSF, "ratio", "", "slowest", TLSF, "instructions", TLSF]
    for kib, (_, share, rounds) in SIZES.items():
        rows, ratios = [], []
        for trace in traces:
            found = _rows(directory, "time", kib, trace, options.rounds, options.seconds * share)
            *samples, slowest, refused = [[float(word) for word in row] for row in found]
            for column, who in enumerate((OURS, TLSF)):
                sink.add("regions", f"{trace}:{title(kib)}", who, "ns", [s[column] for s in samples])
            ours, tlsf = (statistics.median(s[column] for s in samples) for column in (0, 1))
            ratios.append(ours / tlsf)
            cost = _instructions(directory, kib, trace, rounds) if counts and rounds else {}
            note = "" if refused == [0, 0] else f"refused {refused[0]:.0f}, {refused[1]:.0f}"
            rows.append([trace, f"{ours:.1f} ns", f"{tlsf:.1f} ns", f"{ours / tlsf:.2f}", note,
                         *(table.duration(ns) for ns in slowest),
                         *(f"{cost[who]:.1f}" if cost else "" for who in (OURS, TLSF))])
            print(f"time of {trace} on {title(kib)}", file=sys.stderr)
        mean = statistics.geometric_mean(ratios)
        rows.append(["geometric mean", "", "", f"{mean:.2f}", table.limit(mean, TIME_LIMIT), "", "", "", ""])
        print(table.text([title(kib), *header], rows))


# ---- The worst call -------------------------------------------------------------------------

def _candidates(directory, kib, who):
    """The numbers of the calls worth counting: of each kind the costliest, as far as time allows."""
    output, _ = process.run([directory / "regions_guess", "guess", kib, who, WORST_CALLS, WORST_GUESSES])
    numbers, blocks, counts = [], dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    for line in output.splitlines():
        number, kind, cost = line.split()
        if counts[kind] < 3 or blocks[kind] + int(cost) <= WORST_BLOCKS:
            numbers.append(number)
            counts[kind] += 1
            blocks[kind] += int(cost)
    return numbers


def _count(directory, kib, who, numbers):
    command = [str(word) for word in (directory / "regions_worst", "count", kib, who, WORST_CALLS)]
    done = subprocess.run(command, input="\n".join(numbers), env=process.environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise process.Failed(f"{' '.join(command)}\nexit status {done.returncode}\n{done.stderr.strip()}")
    return [line.split() for line in done.stdout.splitlines()]


def report_worst(directory, sink):
    print(f"\nInstructions of the worst single call of {WORST_CALLS} that were made to be bad; refused: for want of memory")
    rows = []
    for kib in SIZES:
        for who in (OURS, RUNS, TLSF):
            worst = dict.fromkeys(KINDS, "")
            for kind, count in _count(directory, kib, who, _candidates(directory, kib, who)):
                worst[kind] = max(worst[kind] or 0, int(count))
            for kind, value in worst.items():
                sink.add("regions", f"worst {kind}:{title(kib)}", who, "instructions", [value])
            rows.append([f"{title(kib)} {who}", *worst.values()])
            print(f"worst calls of {who} on {title(kib)}", file=sys.stderr)
    print(table.text(["", *KINDS], rows))


# ---- The report -----------------------------------------------------------------------------

def report(options, directory, _allocators, sink):
    build(directory)
    if options.worst:
        report_worst(directory, sink)
        return
    traces = _chosen(directory, options.only)
    report_fill(options, directory, traces, sink)
    report_time(options, directory, traces, sink)
