# SPDX-License-Identifier: MIT
"""Prints what gcovr has counted.  report.py COVERAGE.JSON TOP LINES_LEAST BRANCHES_LEAST [--all]"""
import json
import sys
from pathlib import Path


class File:
    """What was counted in one file, from every object that it went into."""

    def __init__(self, name, text):
        self.name, self.text = name, text.splitlines()
        self.lines = {}  # number: how often it was run
        self.branches = {}  # (number, which): how often it was taken

    def add(self, lines):
        for line in lines:
            number = line["line_number"]
            if line.get("gcovr/noncode"):
                continue
            self.lines[number] = self.lines.get(number, 0) + line["count"]
            for which, branch in enumerate(line["branches"]):
                self.branches[number, which] = self.branches.get((number, which), 0) + branch["count"]

    @property
    def not_run(self):
        return [number for number, count in self.lines.items() if count == 0]

    @property
    def not_taken(self):
        return [number for (number, _), count in self.branches.items() if count == 0]


def read(found, top):
    files = {}
    for each in json.loads(Path(found).read_text())["files"]:
        # Objects of the core see it through a directory of their own in the build tree.
        path = (top / each["file"]).resolve()
        if path not in files:
            files[path] = File(str(path.relative_to(top)), path.read_text())
        files[path].add(each["lines"])
    return sorted((file for file in files.values() if file.lines), key=lambda file: file.name)


def percent(missing, count):
    return 100.0 if count == 0 else 100 * (count - missing) / count


def row(name, lines, not_run, branches, not_taken):
    return (f"{name:<24} {lines - not_run:>6} of {lines:<6} {percent(not_run, lines):6.1f} %"
            f" {branches - not_taken:>8} of {branches:<6} {percent(not_taken, branches):6.1f} %")


def tell(file, numbers, what):
    for number in sorted(set(numbers)):
        times = numbers.count(number)
        several = f" ({times})" if what == "branch" and times > 1 else ""
        print(f"{file.name}:{number}: {what}{several}: {file.text[number - 1].strip()}")


def main():
    found, top, lines_least, branches_least = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    files = read(found, top.resolve())
    if not files:
        sys.exit("coverage: nothing was counted")
    total = [sum(map(count, files)) for count in (lambda f: len(f.lines), lambda f: len(f.not_run),
                                                  lambda f: len(f.branches), lambda f: len(f.not_taken))]
    print(f"{'file':<24} {'lines run':>16} {'':>8} {'branches taken':>19}")
    for file in files:
        print(row(file.name, len(file.lines), len(file.not_run), len(file.branches), len(file.not_taken)))
    print(row("all", *total))
    for file in files:
        tell(file, file.not_run, "not run")
    for file in files:
        if "--all" in sys.argv or percent(total[3], total[2]) < branches_least or file.not_run:
            tell(file, [number for number in file.not_taken if number not in file.not_run], "branch")
    lines, branches = percent(total[1], total[0]), percent(total[3], total[2])
    good = lines >= lines_least and branches >= branches_least
    print(f"coverage of core: {lines:.2f} % of lines (at least {lines_least:g}), "
          f"{branches:.2f} % of branches (at least {branches_least:g}): {'good' if good else 'too little'}")
    sys.exit(0 if good else 1)


main()
