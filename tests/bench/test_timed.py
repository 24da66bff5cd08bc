#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether `tools/bench` measures, counts and judges as it says, on the smallest of workloads and on made-up samples.

  test_timed.py LIBRARY   the library that is measured, beside glibc
"""
import contextlib
import csv
import io
import random
import statistics
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "tools" / "bench"
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools" / "bench.d"))

import allocators  # noqa: E402
import build  # noqa: E402
import figures  # noqa: E402
import judge  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import packages  # noqa: E402
import process  # noqa: E402
import rounds  # noqa: E402
import stats  # noqa: E402
import workloads  # noqa: E402
from allocators import Allocator  # noqa: E402
from samples import Samples  # noqa: E402

LIBRARY = sys.argv.pop()
DIRECTORY = build.build(ROOT / "build" / "bench")
GLIBC, OURS = Allocator("glibc", None, ""), Allocator("ours", LIBRARY, "")


def bench(*arguments):
    return subprocess.run([BENCH, "--no-install", "--no-callgrind", "--ours", LIBRARY, *arguments],
                          capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def made_up(times, peaks=None, group="single"):
    """Samples of {workload: {allocator: CPU times}}; the other measures are 1, or what peaks gives an allocator."""
    samples = Samples()
    for workload, by_name in times.items():
        for name, values in by_name.items():
            samples.add(group, workload, name, figures.CPU, values)
            samples.add(group, workload, name, figures.PEAK, [(peaks or {}).get(name, 1)] * len(values))
            for other in (figures.WALL, figures.FAULTS):
                samples.add(group, workload, name, other, [1] * len(values))
    return samples


def verdict(samples, words):
    found = [each for each in judge.verdicts(samples) if words in each.aim]
    assert len(found) == 1, found
    return found[0]


class Statistics(unittest.TestCase):
    def test_an_interval_covers_the_truth_about_as_often_as_it_says(self):
        numbers = random.Random(7)
        covered = 0
        for _ in range(100):
            found = stats.median([numbers.gauss(1.0, 0.1) for _ in range(25)])
            covered += found.low <= 1.0 <= found.high
            self.assertTrue(found.low <= found.value <= found.high)
        self.assertGreaterEqual(covered, 85)

    def test_an_interval_is_narrow_where_samples_agree_and_wide_where_they_do_not(self):
        self.assertEqual(stats.median([1.5] * 9), stats.Estimate(1.5, 1.5, 1.5))
        wide = stats.median([1.0, 2.0] * 5)
        self.assertEqual((wide.low, wide.high), (1.0, 2.0))

    def test_one_outlier_moves_no_median(self):
        found = stats.median([1.0] * 8 + [50.0])
        self.assertEqual((found.value, found.high), (1.0, 1.0))

    def test_the_same_samples_give_the_same_interval(self):
        values = [random.Random(3).random() for _ in range(9)]
        self.assertEqual(stats.median(values), stats.median(values))

    def test_a_geometric_mean_is_that_of_the_medians(self):
        found = stats.geometric_mean([[2.0, 2.0, 9.0], [8.0, 8.0, 8.0]])
        self.assertAlmostEqual(found.value, 4.0)
        self.assertLessEqual(found.low, found.value)
        self.assertGreater(found.high, 4.0)

    def test_ratios_are_within_a_round(self):
        self.assertEqual(stats.ratios([1, 20], [2, 10]), [0.5, 2.0])

    def test_the_best_peer_is_chosen_in_odd_rounds_and_scored_in_even_ones(self):
        # a is best in the rounds 1 and 3, b in 2 and 4: a is chosen, and its even rounds count.
        found = stats.score([4.0] * 4, {"a": [1.0, 8.0, 1.0, 8.0], "b": [2.0, 1.0, 2.0, 1.0]})
        self.assertEqual(found, stats.Score("a", stats.Estimate(0.5, 0.5, 0.5)))

    def test_a_single_round_is_chosen_and_scored_in(self):
        self.assertEqual(stats.score([3.0], {"a": [2.0], "b": [1.0]}).ratio.value, 3.0)


class Judgement(unittest.TestCase):
    def test_the_mean_is_beside_the_best_single_peer(self):
        times = {"x": {"ours": [1.0] * 4, "a": [1.0] * 4, "b": [4.0] * 4},
                 "y": {"ours": [1.0] * 4, "a": [4.0] * 4, "b": [1.1] * 4}}
        found = verdict(made_up(times), "geometric mean, <= 0.90 of the best single")
        # a: sqrt(1 / 4) is .5; b: sqrt(1 / 4.4) is less. So a is the better one.
        self.assertEqual((found.found, found.is_met), ("0.500 a", True))
        slower = {workload: {**by_name, "ours": [1.9] * 4} for workload, by_name in times.items()}
        self.assertFalse(verdict(made_up(slower), "geometric mean, <= 0.90").is_met)

    def test_a_cell_falls_short_only_with_confidence(self):
        sure = {"x": {"ours": [1.2] * 10, "a": [1.0] * 10}}
        unsure = {"x": {"ours": [0.9, 1.2] * 2 + [1.2, 0.9] * 3, "a": [1.0] * 10}}
        found = verdict(made_up(sure), "of each workload")
        self.assertFalse(found.is_met)
        self.assertEqual(found.short, ("single/x 1.20 [1.20 1.20] a",))
        self.assertTrue(verdict(made_up(unsure), "of each workload").is_met)

    def test_peaks_may_be_somewhat_above_glibc_and_not_above_others(self):
        times = {"x": {name: [1.0] * 3 for name in ("ours", "glibc", "a")}}
        samples = made_up(times, {"ours": 104, "glibc": 100, "a": 103})
        self.assertTrue(verdict(samples, "of glibc's").is_met)
        self.assertFalse(verdict(samples, "of a's").is_met)

    def test_process_start_is_not_compared_with_a_process_that_preloads_nothing(self):
        times = {"start": {"ours": [2.0] * 4, "glibc": [1.0] * 4, "a": [2.0] * 4}}
        self.assertTrue(verdict(made_up(times, group="start"), "process start").is_met)

    def test_remote_frees_have_a_limit_of_their_own(self):
        times = {"every-free-remote:2": {"ours": [0.8] * 4, "mimalloc": [1.0] * 4},
                 "server:2": {"ours": [0.8] * 4, "mimalloc": [1.0] * 4}}
        found = verdict(made_up(times, group="threaded"), "every free is remote")
        self.assertEqual(found.short, ("every-free-remote:2 0.80",))

    def test_calls_and_instructions_are_judged_by_their_limits(self):
        samples = Samples()
        for name, value in (("none", 10.0), ("ours", 61.0)):
            samples.add("micro", "tight", name, "instructions", [value])
        for program, calls in (("lua", 50), ("sqlite3", 61)):
            samples.add("memory", f"calls:{program}", "ours", "mmap calls", [calls])
        self.assertEqual(verdict(samples, "instructions").short, ("tight 51, limit 50",))
        self.assertEqual(verdict(samples, "memory calls").short, ("sqlite3 61, limit 60",))


class Runs(unittest.TestCase):
    def workload(self, *command, **fields):
        return workloads.Workload("single", "made-up", command, **fields)

    def test_what_a_run_took(self):
        script = "import time, sys; time.sleep(0.05); print(len(bytearray(b'x' * 50_000_000)))"
        took = measure.Bench(DIRECTORY).run(self.workload(build.python(), "-S", "-c", script), GLIBC)
        self.assertGreater(took["wall s"], 0.05)
        self.assertGreater(took["peak KiB"], 95000)
        self.assertGreater(took["faults"], 20000)

    def test_a_peak_is_the_programs_own_and_not_the_launchers(self):
        big = bytearray(b"x" * 100_000_000)
        took = measure.Bench(DIRECTORY).run(self.workload(DIRECTORY / "nothing"), GLIBC)
        self.assertLess(took["peak KiB"], 8000)
        self.assertEqual(len(big), 100_000_000)

    def test_another_result_under_another_allocator_is_a_failure(self):
        shell = self.workload("/bin/sh", "-c", 'echo "$LD_PRELOAD"')
        subject = measure.Bench(DIRECTORY)
        subject.run(shell, GLIBC)
        with self.assertRaisesRegex(process.Failed, "printed something else than with glibc"):
            subject.run(shell, OURS)

    def test_a_program_that_fails_is_a_failure(self):
        with self.assertRaisesRegex(process.Failed, "exit status 3"):
            measure.Bench(DIRECTORY).run(self.workload("/bin/sh", "-c", "exit 3"), OURS)

    def test_a_companion_says_what_came_out_and_does_not_outlive_a_failure(self):
        speaks = ("/bin/sh", "-c", "echo from beside")
        fine = self.workload("/bin/sh", "-c", 'echo "$LD_PRELOAD"', companion=speaks)
        subject = measure.Bench(DIRECTORY)
        for allocator in (GLIBC, OURS):
            subject.run(fine, allocator)
        began = time.monotonic()
        with self.assertRaisesRegex(process.Failed, "exit status 3"):
            subject.run(self.workload("/bin/sh", "-c", "exit 3", companion=("/bin/sleep", "100")), GLIBC)
        self.assertLess(time.monotonic() - began, 50)
        with self.assertRaisesRegex(process.Failed, "exit status 4"):
            subject.run(self.workload("/bin/true", companion=("/bin/sh", "-c", "exit 4")), GLIBC)

    def test_a_library_that_cannot_be_preloaded_is_a_failure(self):
        with self.assertRaisesRegex(process.Failed, "cannot be preloaded"):
            measure.Bench(DIRECTORY).run(self.workload(DIRECTORY / "nothing"), Allocator("x", "/nowhere.so", ""))

    def test_a_peer_that_fails_is_left_out_of_that_workload_alone(self):
        class Failing:
            runs = []

            def run(self, workload, allocator):
                self.runs.append((workload.name, allocator.name))
                if (workload.name, allocator.name) in fails and len(self.runs) > 4:
                    raise process.Failed("command\nended by signal 11")
                return {figures.CPU: 1.0, figures.WALL: 1.0, figures.PEAK: 1024, figures.FAULTS: 1}
        fails = [("b", "peer")]
        pair = [workloads.Workload("single", name, ()) for name in "ab"]
        everybody = [OURS, GLIBC, Allocator("peer", "peer.so", "")]
        samples, subject, told = Samples(), Failing(), io.StringIO()
        with contextlib.redirect_stderr(told):
            rounds.measure(subject, pair, everybody, 3, samples)
        self.assertIn("peer is left out of b:", told.getvalue())
        self.assertEqual(subject.runs.count(("b", "peer")), 1)
        self.assertEqual(samples.of("single", "b", "peer", figures.CPU), [])
        self.assertEqual(len(samples.of("single", "a", "peer", figures.CPU)), 3)
        self.assertEqual(len(samples.of("single", "b", "glibc", figures.CPU)), 3)
        self.assertEqual(figures.score(samples, "single", "b").peer, "glibc")
        self.assertEqual(list(figures.ratio_series(samples, figures.CPU, "peer")), [("single", "a")])
        with tempfile.TemporaryDirectory() as place:
            samples.write(f"{place}/samples.csv")
            again = Samples()
            again.read(f"{place}/samples.csv")
        self.assertEqual(again.left_out, {"peer of single/b": "ended by signal 11"})
        self.assertEqual(again.facts, [])
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            figures.print_groups(again)
            figures.print_left_out(again)
            figures.print_means(again)
            judge.print_verdicts(again)
        self.assertRegex(shown.getvalue(), r"(?m)^  b +1000 ms \(0%\) +1\.00 +- ")
        self.assertIn("  peer of single/b: ended by signal 11", shown.getvalue())
        everybody.append(Allocator("ours:hardened", LIBRARY, ""))
        for name in ("ours", "ours:hardened", "glibc"):  # without them there is nothing to say
            fails[:] = [("b", name)]
            with self.assertRaises(process.Failed):
                rounds.measure(Failing(), pair, everybody, 3, Samples())

    def test_a_workload_may_be_without_a_peer(self):
        samples = made_up({"start": {"ours": [1.0], "glibc": [1.0]}}, group="start")  # where glibc is none
        self.assertIsNone(figures.score(samples, "start", "start"))
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            figures.print_groups(samples)
            figures.print_means(samples)
            judge.print_verdicts(samples)
        self.assertRegex(shown.getvalue(), r"(?m)^  start +1000 ms \(0%\) +-$")
        self.assertNotIn("PASS", shown.getvalue())

    def test_rounds_are_interleaved_and_every_second_one_runs_backward(self):
        class Recorder:
            order = []

            def run(self, workload, allocator):
                self.order.append((workload, allocator.name))
                return {figures.CPU: 1.0}
        samples = Samples()
        chosen = [self.workload("a"), workloads.Workload("single", "other", ("b",))]
        with contextlib.redirect_stderr(io.StringIO()):
            rounds.measure(Recorder(), chosen, [GLIBC, OURS], 2, samples)
        names = [name for _, name in Recorder.order]
        self.assertEqual(names, ["glibc", "ours"] * 2 + ["ours", "glibc"] * 2)
        self.assertEqual(samples.of("single", "other", "ours", figures.CPU), [1.0, 1.0])

    def test_every_workload_of_ours_does_the_same_under_both(self):
        subject = measure.Bench(DIRECTORY)
        names = set()
        for workload in workloads.every(DIRECTORY, ("single", "threaded", "start"), 0.001):
            if not workload.name.endswith(":4"):
                for allocator in (GLIBC, OURS):
                    subject.run(workload, allocator)
                names.add(workload.name.partition(":")[0])
        self.assertEqual(len(names), len(workloads._SINGLE) + len(workloads._THREADED) + 1)


    def test_every_real_program_that_is_there_does_the_same_under_both(self):
        packages.may_install = False
        subject = measure.Bench(DIRECTORY)
        with contextlib.redirect_stderr(io.StringIO()):
            found = list(workloads.every(DIRECTORY, ("programs",)))
        self.assertIn("python3", [workload.name for workload in found])
        for workload in found:
            for allocator in (GLIBC, OURS):
                subject.run(workload, allocator)


class Asking(unittest.TestCase):
    """Ours with options, in place of others."""

    def test_what_is_asked_for_is_an_option(self):
        for kind in (allocators.presets, allocators.options):
            for allocator in kind(OURS, DIRECTORY):
                preload = allocator.path.replace(":", " ")
                done = subprocess.run([DIRECTORY / "nothing"], env={"LD_PRELOAD": preload}, capture_output=True,
                                      text=True, check=True)
                self.assertEqual(done.stderr, "", allocator.version)  # neither a complaint nor a report

    def test_each_is_beside_ours_as_it_is(self):
        for switch, names in (("--presets", allocators.PRESETS), ("--options", allocators.OPTIONS)):
            done = bench("micro", "--only", "tight", "--scale", "0.0005", "--rounds", "1", switch)
            self.assertEqual(done.returncode, 0, done.stderr)
            [head] = [line for line in done.stdout.splitlines() if line.startswith("  micro ") and "MiB" not in line]
            self.assertEqual(head.split()[1:1 + 1 + len(names)], ["ours", *(f"ours:{name}" for name in names)])
            self.assertNotIn("What is aimed for", done.stdout)


class Report(unittest.TestCase):
    def test_from_the_measurement_to_the_page(self):
        with tempfile.TemporaryDirectory() as directory:
            path, page = Path(directory) / "all.csv", Path(directory) / "page"
            done = bench("micro", "--only", "tight", "--allocators", "glibc", "--lib", f"mine={LIBRARY}", "--scale", "0.002", "--rounds", "3",
                         "--csv", path, "--report", page)
            self.assertEqual(done.returncode, 0, done.stderr)
            for words in ("huge pages", "compiler", "geometric mean", "What is aimed for"):
                self.assertIn(words, done.stdout)
            self.assertNotIn(directory, done.stdout)  # a page is for others, too
            with open(path, encoding="utf-8") as file:
                rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
            keys = {(row["allocator"], row["measure"], row["round"]) for row in rows}
            self.assertEqual(keys, {(name, measured, str(number)) for name in ("ours", "glibc", "mine")
                                    for measured in measure.MEASURES for number in (1, 2, 3)})
            self.assertEqual(len(rows), len(keys))
            self.assertEqual((page / "samples.csv").read_text(encoding="utf-8"), path.read_text(encoding="utf-8"))
            text = (page / "README.md").read_text(encoding="utf-8")
            self.assertIn("What is aimed for", text)
            for picture in ("overview.svg", "workloads.svg"):
                if (page / picture).exists():
                    self.assertIn("<svg", (page / picture).read_text(encoding="utf-8"))
                    self.assertIn(f"]({picture})", text)
                else:
                    self.assertIn("python3-matplotlib is wanted", done.stderr)

            again = bench("--from", path, "--from", path)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertIn("median of 6 rounds", again.stdout)

    def test_samples_are_read_as_they_were_written(self):
        first, second = made_up({"x": {"ours": [0.25, 0.5], "a": [1.5, 2.0]}}), Samples()
        first.facts = [("cpu", "one: fast")]
        with tempfile.TemporaryDirectory() as directory:
            first.write(Path(directory) / "samples.csv")
            second.read(Path(directory) / "samples.csv")
        self.assertEqual((second.series, second.facts), (first.series, first.facts))

    def test_facts_of_several_runs_are_told_once(self):
        facts = [("cpu", "fast"), ("date", "one"), ("cpu", "fast"), ("date", "two")]
        self.assertEqual([line.split() for line in machine.as_lines(facts)], [["cpu", "fast"], ["date", "one"], ["two"]])

    def test_names_that_there_are_not(self):
        for arguments, words in ((["fast"], "no group 'fast'"), (["micro", "--only", "tihgt"], "no workload 'tihgt'"),
                                 (["--allocators", "best"], "no allocator 'best'"),
                                 (["--lib", "x=/nowhere"], "--lib wants name=path")):
            done = bench(*arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)

    def test_every_median_of_the_table_is_the_samples(self):
        samples = made_up({"x": {"ours": [0.010, 0.030, 0.020], "a": [0.040] * 3}})
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            figures.print_groups(samples)
        self.assertIn("20.0 ms (50%)", told.getvalue())
        self.assertIn(f"{statistics.median([0.010, 0.030, 0.020]) / 0.040:.2f}", told.getvalue())


if __name__ == "__main__":
    unittest.main(verbosity=2)
