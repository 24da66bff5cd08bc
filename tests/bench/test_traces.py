#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether `tools/traces` records, tells and renews what it says, and `tools/bench` plays what is stored.

  test_traces.py LIBRARY   the library that records, with ft_replay beside it
"""
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools" / "bench.d"))

import build  # noqa: E402
import measure  # noqa: E402
import packages  # noqa: E402
import traced  # noqa: E402
import workloads  # noqa: E402
from allocators import Allocator  # noqa: E402

LIBRARY = sys.argv.pop()
DIRECTORY = build.build(ROOT / "build" / "bench")
GLIBC, OURS = Allocator("glibc", None, ""), Allocator("ours", LIBRARY, "")
packages.may_install = False


def run(*arguments):
    return subprocess.run([ROOT / "tools" / "traces", "--no-install", "--ours", LIBRARY, *arguments],
                          capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@unittest.skipIf(not shutil.which("zstd"), "zstd is missing")
class Traces(unittest.TestCase):
    def test_a_program_is_recorded_and_told(self):
        with tempfile.TemporaryDirectory() as place:
            into = Path(place, "new")
            for name, live in (("python3", r"\d+ chunks, [\d,]+ bytes"), ("cxx", r"[\d,]+ chunks, [\d,]+ bytes")):
                done = run("--make", name, "--into", into)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertRegex(done.stdout.splitlines()[-1] if name == "cxx" else done.stdout,
                                 rf"\| {name} \| [\d,]+ \| [\d,]+ \| [\d,]+ \| \d\.\d \| {live} \| ")
            told = (into / "README.md").read_text(encoding="utf-8")
            # The others' rows are as they were, and the rows of both tables in their order.
            self.assertEqual(re.findall(r"^\| (\w+) \|", told, re.M), ["trace", *traced.NAMES] * 2)
            done = run("--into", into)
            rows = done.stdout.splitlines()[2:]
            self.assertEqual([row.split()[1] for row in rows], ["python3", "cxx"])
            for row in rows:
                self.assertIn(row, told)
            # The same program does the same, but for a call for each variable of its environment.
            stored = (traced.STORED / "README.md").read_text(encoding="utf-8")
            if f"python3 {packages.version('python3')} |" in stored:
                calls, again = (int(re.search(r"^\| python3 \| ([\d,]+) \|", text, re.M)[1].replace(",", ""))
                                for text in (stored, told))
                self.assertAlmostEqual(again / calls, 1, delta=0.01)

    def test_the_table_is_written_anew(self):
        with tempfile.TemporaryDirectory() as place:
            for path in traced.STORED.iterdir():
                shutil.copy(path, place)
            path = Path(place, "README.md")
            told = path.read_text(encoding="utf-8")
            path.write_text(re.sub(r"(\| sqlite3 \|) [\d,]+ \|", r"\1 7 |", told), encoding="utf-8")
            self.assertNotEqual(path.read_text(encoding="utf-8"), told)
            self.assertEqual(run("--renew", "--into", place).returncode, 0)
            renewed = path.read_text(encoding="utf-8")
            self.assertIn("| sqlite3 | 162,358 |", renewed)
            self.assertEqual(len(renewed.splitlines()), len(told.splitlines()))

    def test_a_trace_that_does_not_end_as_its_program_is_no_row(self):
        with tempfile.TemporaryDirectory() as place:
            shutil.copy(traced.STORED / "README.md", place)
            packed = Path(place, "git.trace.zst")
            packed.write_bytes((traced.STORED / "git.trace.zst").read_bytes()[:5000])
            done = run("--into", place)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("is compressed, and cut or damaged", done.stderr)

    def test_names_that_there_are_not(self):
        for arguments, words in ((["--make", "pyhton"], "there is no trace 'pyhton'"), (["git"], "names are for --make")):
            done = run(*arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)

    def test_what_tracing_costs(self):
        def bench(*arguments):
            return subprocess.run([ROOT / "tools" / "bench", "tracing", "--no-install", "--ours", LIBRARY, "--rounds", "1", *arguments],
                                  capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        done = bench("--only", "loop", "--scale", "0.05")
        self.assertEqual(done.returncode, 0, done.stderr)
        ratio = r"\d+\.\d\d \[\d+\.\d\d \d+\.\d\d\] +\d+\.\d"
        self.assertRegex(done.stdout, rf"\n  loop +\d\.\d+ s +{ratio} +{ratio}\n")
        self.assertRegex(done.stdout, r"\n  a pair of malloc and free in the loop: \d+ ns untraced, \d+ ns traced, \d+ ns with stacks\n")
        self.assertEqual(list(DIRECTORY.glob("tracing.trace*")), [])
        done = bench("--only", "lisp")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no program 'lisp' of tracing; there are python3, sqlite3, gcc, loop", done.stderr)

    def test_every_stored_trace_is_played_under_both(self):
        subject = measure.Bench(DIRECTORY)
        found = list(workloads.every(DIRECTORY, ("traces",), 0.01, traced.player(LIBRARY)))
        self.assertEqual([workload.name for workload in found], traced.NAMES)
        for workload in found:
            for allocator in (GLIBC, OURS):
                self.assertGreater(subject.run(workload, allocator)["peak KiB"], 1000)


unittest.main()
