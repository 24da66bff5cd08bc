# SPDX-License-Identifier: MIT
"""The pictures, as data for draw.py: time against memory, every workload, the days of a server."""
import json
import statistics
import subprocess
import sys

import build
import figures
import packages
import process
import stats
from allocators import OURS
from workloads import GROUPS

_MB = 1000000
_SAMPLE_HOURS = 1 / 6  # of server-day
_DRAW = build.HERE / "draw.py"


def _can_draw():
    """Debian's python3 with matplotlib, which is installed if that is allowed."""
    def answers():
        return subprocess.run([build.python(), "-c", "import matplotlib"], capture_output=True).returncode == 0
    if answers():
        return True
    packages.install(["python3-matplotlib"])
    return answers()


def _draw(path, kind, data):
    """Writes the picture, or says why there is none; whether there is one."""
    if not _can_draw():
        print(f"No picture in {path}: python3-matplotlib is wanted.", file=sys.stderr)
        return False
    done = subprocess.run([build.python(), _DRAW, kind, path], input=json.dumps(data), text=True,
                          capture_output=True, env=process.environment())
    if done.returncode != 0:
        raise process.Failed(f"{_DRAW.name} {kind}\n{done.stderr.strip()}")
    print(f"the picture is in {path}", file=sys.stderr)
    return True


def overview(samples, path):
    """Each allocator's CPU time against its peak memory, as multiples of ours: geometric means of all workloads."""
    points = {OURS: (1.0, 1.0)}
    for name in samples.allocators(GROUPS, figures.CPU):
        means = name != OURS and [figures.mean_ratio(samples, measure, name) for measure in (figures.CPU, figures.PEAK)]
        if means and all(means):
            points[name] = [1 / mean.value for mean in means]
    return _draw(path, "overview", points)


def by_workload(samples, path):
    """The CPU time of everybody in each workload, as a multiple of the best peer's there."""
    rows = []
    for group, workload in samples.workloads(GROUPS, figures.CPU):
        peers = figures.peers_of(samples, group, workload)
        if not peers:
            continue
        medians = {name: statistics.median(samples.of(group, workload, name, figures.CPU)) for name in [OURS, *peers]}
        best = min(peers, key=medians.get)
        ours = stats.median(stats.ratios(*(samples.of(group, workload, name, figures.CPU) for name in (OURS, best))))
        rows.append({"group": group, "workload": workload, "low": ours.low, "high": ours.high,
                     "times": {name: value / medians[best] for name, value in medians.items()}})
    return bool(rows) and _draw(path, "workloads", rows)


def server_days(samples, path):
    """What was resident over simulated time, a line for each allocator, above what the program had asked for."""
    runs = [workload for _, workload in samples.workloads(["memory"], "resident bytes")
            if workload.startswith("server-day:")]
    if not runs:
        return False

    def points(name, measure):
        values = samples.of("memory", runs[-1], name, f"{measure} bytes")
        return [((number + 1) * _SAMPLE_HOURS, value / _MB) for number, value in enumerate(values)]
    names = [key[2] for key in samples.series if key[1] == runs[-1] and key[3] == "resident bytes"]
    return _draw(path, "days", {"live": points(names[0], "live"),
                                "resident": {name: points(name, "resident") for name in names}})
