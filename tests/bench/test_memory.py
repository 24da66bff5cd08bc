#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether `tools/bench memory` measures what it says.

  test_memory.py LIBRARY   the library that is measured, beside glibc and whoever else is installed
"""
import csv
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "tools" / "bench"
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools" / "bench.d"))

import build  # noqa: E402
import memory  # noqa: E402
import memory_calls  # noqa: E402
import process  # noqa: E402
import table  # noqa: E402

MIB = 1 << 20
LIBRARY = sys.argv.pop()
DIRECTORY = build.build(ROOT / "build" / "bench")
LIBRARIES = (None, LIBRARY)  # glibc's malloc and ours

# An allocator that has nothing to give once the program has begun.
NOTHING_LEFT = """
#include <stddef.h>
static char first[1 << 20];
static size_t used;
void *malloc(size_t bytes)
{
    size_t at = used;
    used += (bytes + 15) & ~(size_t)15;
    return used <= sizeof first ? first + at : NULL;
}
void *calloc(size_t count, size_t bytes) { return malloc(count * bytes); }
void *realloc(void *old, size_t bytes) { (void)old; return malloc(bytes); }
void free(void *old) { (void)old; }
"""


def numbers(program, *arguments, preload=None):
    output, _ = process.run([DIRECTORY / program, *arguments], preload)
    return {name: int(number) for name, number in (line.split() for line in output.splitlines())}


def days(preload, count, load):
    output, _ = process.run([DIRECTORY / "memory-server-day", count, load], preload)
    return [memory.Sample(*map(int, line.split())) for line in output.splitlines()]


def bench(*arguments):
    return subprocess.run([BENCH, "memory", "--quick", "--no-install", "--ours", LIBRARY, *arguments],
                          capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


class Programs(unittest.TestCase):
    def test_kept_blocks_are_resident_until_they_are_freed(self):
        for preload in LIBRARIES:
            none = numbers("memory-kept-blocks", 0, "random", preload=preload)
            some = numbers("memory-kept-blocks", 2, "in-order", preload=preload)
            self.assertGreater(none["full"], 195 * MIB * 0.95)
            self.assertLess(none["full"], 230 * MIB)
            self.assertLessEqual(none["trimmed"], none["at-once"] + MIB)
            # Every other block stays, and no allocator can give back what holds it.
            self.assertGreater(some["trimmed"], 95 * MIB)

    def test_glibc_gives_back_when_it_is_told_to(self):
        none = numbers("memory-kept-blocks", 0, "in-order")
        self.assertGreater(none["at-once"], 10 * none["trimmed"])

    def test_the_days_are_the_same_for_everybody_and_each_time(self):
        series = [days(preload, 1, 4) for preload in (None, None, LIBRARY)]
        self.assertEqual(len(series[0]), 24 * 6)
        self.assertEqual([s.minute for s in series[0]], list(range(10, 24 * 60 + 1, 10)))
        for other in series[1:]:
            self.assertEqual([s.live for s in series[0]], [s.live for s in other])
        for sample in series[0] + series[2]:
            self.assertGreaterEqual(sample.mapped, sample.live)

    def test_the_days_have_a_wave_and_a_nightly_index(self):
        live = {s.minute: s.live for s in days(None, 2, 4)}
        self.assertGreater(live[18 * 60], 3 * live[2 * 60])
        # The old index and the new one are both there at the second rebuilding's end.
        night = 24 * 60
        self.assertGreater(live[night + 210], live[night + 150] + MIB)
        self.assertLess(live[night + 220], live[night + 210] - MIB)

    def test_a_limit_is_a_limit(self):
        for preload in LIBRARIES:
            for size in (1024, 1 << 20, 0):
                shell = ["sh", "-c", 'ulimit -v 65536 && exec "$@"', "sh", DIRECTORY / "memory-limit", "fill", size]
                output, _ = process.run(shell, preload)
                usable = [int(line.split()[1]) for line in output.splitlines()]
                self.assertEqual(len(usable), 2)
                self.assertGreater(min(usable), 24 * MIB)
                self.assertLess(max(usable), 64 * MIB)

    def test_a_limit_that_comes_later_is_counted_by_operations(self):
        self.assertEqual(numbers("memory-limit", "lower", 64)["succeeded"], 200)
        # More than one MiB is in use already: only frees succeed, and what memory at hand allows.
        self.assertLess(numbers("memory-limit", "lower", 1)["succeeded"], 200)

    def test_calls_are_counted(self):
        if shutil.which("strace") is None:
            self.skipTest("strace is missing")
        script = "import mmap; [mmap.mmap(-1, 4096).close() for _ in range(100)]"
        program = memory_calls.Program("made-up", (build.python(), "-S", "-c", script), None)
        for preload in LIBRARIES:
            calls = memory_calls.count(program, preload)
            self.assertGreaterEqual(min(calls["mmap"], calls["munmap"]), 100)
            self.assertLess(calls["mmap"], 200)

    def test_where_threads_decide_the_usual_run_counts(self):
        runs = iter([{"mmap": 90, "futex": 3}, {"mmap": 10, "futex": 70}, {"mmap": 50, "futex": 1}])
        program = memory_calls.Program("made-up", (), None, runs=3)
        with mock.patch.object(memory_calls, "count", lambda *_: next(runs)):
            self.assertEqual(memory_calls.usual(program, None), {"mmap": 10, "futex": 70})


class Arithmetic(unittest.TestCase):
    def test_the_measures_of_a_series(self):
        mb = memory.MB
        first = memory.WARM_UP_MINUTES + 10
        night = memory.NIGHT_FIRST_MINUTE + 10
        samples = [
            memory.Sample(10, 1 * mb, 900 * mb, 900 * mb),  # while it begins: not counted
            memory.Sample(first, 100 * mb, 150 * mb, 400 * mb),
            memory.Sample(night, 50 * mb, 250 * mb, 400 * mb),
            memory.Sample(night + 10, 60 * mb, 60 * mb, 400 * mb),
        ]
        self.assertEqual(list(memory._server_measures(samples, 2.5).values()),
                         [(1.5 + 5 + 1) / 3, 5.0, 250.0, 250 - memory.BOUND_SHARE * 50 - memory.BOUND_MB, 4.0, 2.5])

    def test_limits_of_both_kinds(self):
        self.assertEqual(table.at_least(56, 56), ">= 56 ok")
        self.assertEqual(table.at_least(55.9, 56), ">= 56 UNDER")
        self.assertEqual(table.at_least(None, 56), ">= 56 UNDER")
        self.assertEqual(table.limit(57, 56), "<= 56 OVER")


class Report(unittest.TestCase):
    def test_the_tables_and_the_samples_of_all_parts(self):
        with tempfile.TemporaryDirectory() as directory:
            path, picture = Path(directory) / "all.csv", Path(directory) / "days.svg"
            # Counting calls takes a minute, and has a test of its own.
            parts = set(memory.PARTS) - {"calls"}
            done = bench("--csv", path, "--plot", picture, *(f"--only={part}" for part in parts))
            self.assertEqual(done.returncode, 0, done.stderr)
            for words in ("none kept: after malloc_trim", "one in 100 kept: at once", "true, resident",
                          "python3 -c pass, anonymous", "true, charged",
                          "resident / live, mean", "mixed", "operations that succeed"):
                self.assertIn(words, done.stdout)
            with open(path, encoding="utf-8") as file:
                rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
            for allocator in ("ours", "glibc"):
                found = {row["workload"].partition(":")[0] for row in rows if row["allocator"] == allocator}
                self.assertEqual(found, parts)
            if picture.exists():
                self.assertIn("<svg", picture.read_text(encoding="utf-8"))
            else:
                self.assertIn("python3-matplotlib is wanted", done.stderr)

    def test_a_part_that_there_is_not(self):
        done = bench("--only", "kept-bloks")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no part 'kept-bloks'", done.stderr)

    def test_an_allocator_that_fails_is_no_measurement(self):
        with tempfile.TemporaryDirectory() as directory:
            source, library = Path(directory) / "left.c", Path(directory) / "left.so"
            source.write_text(NOTHING_LEFT)
            subprocess.run(["gcc", "-O1", "-fno-builtin", "-shared", "-fPIC", "-o", library, source], check=True)
            done = bench("--only", "kept-blocks", "--lib", f"nothing-left={library}")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("malloc returned NULL", done.stderr)
        self.assertNotIn("none kept", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
