#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves that golden.py notices: runs it on counts.txt with one figure made wrong, and looks at its exit status.

  test_golden.py golden.py ARGUMENTS…    the arguments golden.py gets from ctest
"""
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import golden  # noqa: E402

NAME = "tight-16"


def run(command, counts, *more):
    done = subprocess.run([*command, "--counts", counts, "--only", NAME, *more], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def expect(sentence, answer, status, text):
    if answer[0] != status or text not in answer[1]:
        sys.exit(f"FAILED: {sentence}: exit status {answer[0]}, wanted {status} and {text!r} in:\n{answer[1]}")
    print(f"ok: {sentence}")


def write_with(path, counts, key, change):
    golden.write_counts(path, {**counts, key: counts[key] + change})


def main():
    command = sys.argv[1:]
    key = NAME, command[command.index("--compiler") + 1]
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "counts.txt"
        copy.write_text((HERE / "counts.txt").read_text(encoding="utf-8"), encoding="utf-8")
        # Today's figure first, so that this test says nothing about whether the checked-in one still holds.
        status, output = run(command, copy, "--update")
        if status == golden.SKIPPED:
            sys.exit(golden.SKIPPED)
        if status != 0:
            sys.exit(output)
        counts = golden.read_counts(copy)

        expect("an unchanged count passes", run(command, copy), 0, NAME)
        write_with(copy, counts, key, -0.001)
        expect("a count that grew by a thousandth fails", run(command, copy), 1, "GREW")
        write_with(copy, counts, key, -1)
        expect("a count that grew by an instruction fails", run(command, copy), 1, "GREW")
        write_with(copy, counts, key, +1)
        expect("a count that shrank passes and names the update", run(command, copy), 0, golden.UPDATE)
        golden.write_counts(copy, {(NAME, "elsewhere-cc-1"): 1.0, ("batch-16", key[1]): 1.0})
        expect("a path that is not recorded fails", run(command, copy), 1, "not in")
        golden.write_counts(copy, {(NAME, "elsewhere-cc-1"): 1.0})
        expect("another compiler's counts skip", run(command, copy), golden.SKIPPED, "elsewhere-cc-1")


if __name__ == "__main__":
    main()
