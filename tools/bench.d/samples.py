# SPDX-License-Identifier: MIT
"""Every sample of a run, as CSV with the machine's facts as comments above."""
import csv

_COLUMNS = ["group", "workload", "allocator", "measure", "round", "value"]
_LEFT_OUT = "left out"


class Samples:
    def __init__(self):
        self.series = {}  # (group, workload, allocator, measure): values, in the order of the rounds
        self.facts = []   # (what, value) of each run that was added
        self.left_out = {}  # "allocator of group/workload": why it has no result there

    def add(self, group, workload, allocator, measure, values):
        """Values of the rounds that follow those that are there already."""
        self.series.setdefault((group, workload, allocator, measure), []).extend(values)

    def leave_out(self, group, workload, allocator, why):
        """What an allocator has measured of a workload is no result, because it failed there."""
        self.left_out[f"{allocator} of {group}/{workload}"] = why
        for key in [key for key in self.series if key[:3] == (group, workload, allocator)]:
            del self.series[key]

    def is_left_out(self, group, workload, allocator):
        return f"{allocator} of {group}/{workload}" in self.left_out

    def of(self, group, workload, allocator, measure):
        """The values, or an empty list."""
        return self.series.get((group, workload, allocator, measure), [])

    def workloads(self, groups, measure):
        """(group, workload) pairs that have samples of the measure, by group and else as they came."""
        found = dict.fromkeys((key[0], key[1]) for key in self.series if key[3] == measure)
        return [pair for group in groups for pair in found if pair[0] == group]

    def allocators(self, groups, measure):
        """The names, as they came."""
        return list(dict.fromkeys(key[2] for key in self.series if key[0] in groups and key[3] == measure))

    def write(self, path):
        with open(path, "w", newline="", encoding="utf-8") as file:
            file.writelines(f"# {key}: {value}\n" for key, value in self.facts)
            file.writelines(f"# {_LEFT_OUT}: {cell}: {why}\n" for cell, why in self.left_out.items())
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for key, values in self.series.items():
                for number, value in enumerate(values):
                    writer.writerow([*key, number + 1, f"{value:.6g}" if isinstance(value, float) else value])

    def read(self, path):
        """Adds what a file has: rounds of a series that is there already follow the others."""
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
        comments = [line[2:].rstrip("\n") for line in lines if line.startswith("# ")]
        for what, value in (comment.split(": ", 1) for comment in comments if ": " in comment):
            if what == _LEFT_OUT:
                cell, _, why = value.partition(": ")
                self.left_out[cell] = why
            else:
                self.facts.append((what, value))
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            value = float(row["value"]) if row["value"] else None
            self.add(row["group"], row["workload"], row["allocator"], row["measure"], [value])
