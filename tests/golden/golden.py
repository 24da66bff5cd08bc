#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the instructions of the fast paths with the figures in counts.txt; fails when one grows.

An operation's count is net of the same loop over an allocator that does nothing (tools/bench.d/micro/none.c). It is
exact, so there is no tolerance: one instruction more is a failure. A path that became cheaper passes, and the
command that writes the new figure is named. Counts belong to one target and compiler: without figures for this
one the test is skipped (exit status 77), as it is without valgrind.
"""
import argparse
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent.parent / "tools" / "bench.d"))

import callgrind  # noqa: E402
import process  # noqa: E402

SKIPPED = 77
ROUNDS = 20
ROUND_OPERATIONS = 1000  # as in paths.c
UPDATE = "tests/golden/update"
PATHS = ["tight-16", "tight-1024", "batch-16", "batch-mixed", "calloc-64", "realloc-in-place",
         "small-2048", "large-100KiB", "realloc-moves", "realloc-run", "aligned-64", "aligned-small", "large-batch"]
HEADER = """\
# SPDX-License-Identifier: MIT
# Instructions of one operation of the fast paths (paths.c), net of the same loop over an allocator that does
# nothing. Written by tests/golden/update, compared by golden.py: a figure that grows fails the test.
#
# path              compiler           instructions
"""


# ---- The file -------------------------------------------------------------------------------

def read_counts(path):
    """{(path, compiler): count} of a counts file."""
    counts = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if words:
            name, compiler, count = words
            counts[name, compiler] = float(count)
    return counts


def write_counts(path, counts):
    """By compiler, and in the order of PATHS."""
    known = sorted((compiler, PATHS.index(name), name) for name, compiler in counts if name in PATHS)
    lines = [f"{name:<18}  {compiler:<17}  {counts[name, compiler]:12.3f}\n" for compiler, _, name in known]
    path.write_text(HEADER + "".join(lines), encoding="utf-8")


# ---- The measurement ------------------------------------------------------------------------

def measure(options, name):
    """Net instructions of one operation, to the third digit: a round's rare slow step is a thousandth."""
    def gross(library):
        return callgrind.per_round(options.program, ROUNDS, library, [name])
    net = gross(options.library) - gross(options.none)
    return round(float(net / ROUND_OPERATIONS), 3)


# ---- The two commands -----------------------------------------------------------------------

def update(options):
    counts = read_counts(options.counts) if options.counts.exists() else {}
    for name in options.only or PATHS:
        counts[name, options.compiler] = measure(options, name)
        print(f"{name}: {counts[name, options.compiler]:.3f}")
    write_counts(options.counts, counts)
    return 0


def judge(name, stored, measured):
    """(whether it passes, the line to print)."""
    numbers = f"{name}: {measured:.3f} instructions, stored {stored:.3f}"
    if measured > stored:
        return False, f"{numbers}: GREW by {measured - stored:.3f}"
    if measured < stored:
        return True, f"{numbers}: shrank by {stored - measured:.3f}; run {UPDATE}"
    return True, numbers


def compare(options):
    stored = read_counts(options.counts)
    names = options.only or PATHS
    recorded = sorted({compiler for _, compiler in stored})
    if options.compiler not in recorded:
        print(f"skipped: no counts for {options.compiler}; recorded are: {', '.join(recorded) or 'none'}.\n"
              f"{UPDATE} adds this compiler's.")
        return SKIPPED
    passed = True
    for name in names:
        if (name, options.compiler) not in stored:
            print(f"{name}: not in {options.counts.name}; run {UPDATE}")
            passed = False
            continue
        good, line = judge(name, stored[name, options.compiler], measure(options, name))
        passed = passed and good
        print(line, flush=True)
    if not passed:
        print(f"A fast path costs more than it did. If that is meant, say why in the commit and run {UPDATE}.")
    return 0 if passed else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the built paths.c")
    parser.add_argument("--library", required=True, help="the library that is measured")
    parser.add_argument("--none", required=True, help="the built none.c")
    parser.add_argument("--compiler", required=True, help="what the library was compiled for and with: x86_64-gcc-12")
    parser.add_argument("--counts", type=Path, default=HERE / "counts.txt")
    parser.add_argument("--only", action="append", choices=PATHS)
    parser.add_argument("--update", action="store_true", help="write the figures instead of comparing them")
    options = parser.parse_args()
    missing = [tool for tool in ("valgrind", "readelf") if shutil.which(tool) is None]
    if missing:
        print("skipped: not installed: " + ", ".join(missing))
        return SKIPPED
    return update(options) if options.update else compare(options)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except process.Failed as failure:
        sys.exit(f"golden: a program under callgrind failed:\n{failure}")
