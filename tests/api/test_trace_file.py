#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Traces of programs: every call is in the file, in an order in which they could have been made, whatever ends the program.
#
#   test_trace_file.py WATCH_PROBE [EVERY_PLUGIN]    the plugin: if it allocates by the same library

import os
import resource
import signal
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import trace_reader  # noqa: E402

PROBE = Path(sys.argv.pop(1)).resolve()
PLUGIN = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None
NO_FORK = "FT_NO_FORK" in os.environ


class Traced(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = Path(self.directory.name, "trace")

    def run_probe(self, program, expected=0, preexec=None, **options):
        """Runs a program of the probe; what it says on standard error."""
        environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
        if program == "fork":
            # A sanitizer's own look for leaks as a child ends waits for ever for a lock that a thread of the parent had.
            environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        environment.update({"FT_MALLOC_TRACE": str(self.path), **options})
        done = subprocess.run([PROBE, program], env=environment, capture_output=True, text=True, timeout=100,
                              check=False, preexec_fn=preexec)
        self.assertEqual(done.returncode, expected, done.stderr[-2000:])
        return done.stderr

    def calls(self, path=None):
        return [record for record in trace_reader.read(path or self.path) if record["kind"] in trace_reader.CALLS]


class Calls(Traced):
    def test_each_call_is_a_record(self):
        self.assertEqual(self.run_probe("each"), "")
        records = trace_reader.read(self.path)
        trace_reader.live_after(records)
        self.assertEqual([(record["kind"], record.get("bytes"), record.get("held")) for record in self.calls()], [
            ("malloc", 112, None), ("realloc", 100, 112), ("realloc", 5000, 100), ("free", None, 5000),
            ("calloc", 21, None), ("free", None, 21), ("aligned", 1000, None), ("free", None, 1000),
            ("malloc", 40000, None), ("realloc", 0, 40000), ("malloc", 2**64 - 1, None),
            ("malloc", 10, None), ("free", None, 10)])
        self.assertEqual([record["align"] for record in records if record["kind"] == "aligned"], [256])
        self.assertEqual({record["thread"] for record in self.calls()}, {1})
        self.assertEqual(records[-1]["kind"], "end")

    def test_times_do_not_go_back(self):
        self.run_probe("each")
        times = [record["time"] for record in self.calls()]
        self.assertEqual(times, sorted(times))

    def test_a_misuse_is_a_record_and_changes_nothing(self):
        self.run_probe("double", FT_MALLOC_MISUSE="warn")
        trace_reader.live_after(trace_reader.read(self.path))
        kinds = [(record["kind"], record["thread"]) for record in self.calls()]
        self.assertEqual(kinds, [("malloc", 1), ("free", 1), ("misused free", 1), ("misused realloc", 1)])
        self.assertEqual(len({record.get("ptr", record.get("result")) for record in self.calls()}), 1)

    def test_the_calls_of_threads_are_one_order(self):
        for count in range(3):
            self.path = Path(self.directory.name, str(count))
            self.run_probe("threads")
            records = trace_reader.read(self.path)
            # What libc keeps of threads' stacks is all that is left.
            before = [record for record in records if record["kind"] == "before"]
            self.assertLessEqual(len(trace_reader.live_after(records)) - len(before), 8)
            self.assertGreater(len(self.calls()), 4 * 3000 / 2)
            self.assertGreaterEqual({record["thread"] for record in self.calls()}, {1, 2, 3, 4})

    def test_more_threads_than_lanes(self):
        self.run_probe("many")
        records = trace_reader.read(self.path)
        trace_reader.live_after(records)
        counts = Counter(record["thread"] for record in self.calls() if record.get("bytes") == 777)
        self.assertEqual(list(counts.values()), [100] * 40)

    def test_signals_do_no_harm(self):
        self.run_probe("signals")
        trace_reader.live_after(trace_reader.read(self.path))

    def test_call_stacks_are_told_once_with_what_they_lead_to(self):
        for program in ("each", "threads"):
            self.path = Path(self.directory.name, program)
            self.run_probe(program, FT_MALLOC_STACKS="all")
            records = trace_reader.read(self.path)
            told = [record["stack"] for record in records if record["kind"] == "stack"]
            self.assertEqual(len(told), len(set(told)))
            used = {record["stack"] for record in self.calls() if "stack" in record}
            self.assertEqual(set(told), used)
            self.assertGreater(len(used), 3)
            modules = {record["data"]: range(record["ptr"], record["ptr"] + record["bytes"])
                       for record in records if record["kind"] == "module"}
            own = modules[os.fsencode(PROBE)]
            led = sum(any(frame in own for frame in trace_reader.frames_of(record["data"]))
                      for record in records if record["kind"] == "stack")
            self.assertGreater(led, len(told) / 2)

    def test_however_many_call_stacks_there_are_they_are_told(self):
        self.run_probe("ways", FT_MALLOC_STACKS="all")
        records = trace_reader.read(self.path)
        told = {record["stack"]: trace_reader.frames_of(record["data"]) for record in records
                if record["kind"] == "stack"}
        used = [record["stack"] for record in self.calls() if record["kind"] == "malloc"]
        self.assertEqual(len({tuple(told[stack]) for stack in used}), 2**16)
        self.assertGreater(max(told), 10 << 20 >> 4)  # far beyond what is committed at first

    @unittest.skipIf(NO_FORK, "no forks here")
    def test_a_child_tells_its_call_stacks_itself(self):
        self.path = Path(self.directory.name, "%p")
        self.run_probe("fork", FT_MALLOC_STACKS="all")
        for path in self.path.parent.iterdir():
            records = trace_reader.read(path)
            told = {record["stack"] for record in records if record["kind"] == "stack"}
            self.assertEqual(told, {record["stack"] for record in self.calls(path) if "stack" in record})

    def test_without_call_stacks_there_are_no_modules(self):
        self.run_probe("each")
        self.assertFalse({"stack", "module"} & {record["kind"] for record in trace_reader.read(self.path)})

    def test_the_log_says_the_same(self):
        errors = self.run_probe("each", FT_MALLOC_DEBUG="1")
        self.assertEqual(len(errors.splitlines()), len(self.calls()))


class Ends(Traced):
    def test_a_process_that_is_killed_loses_no_call(self):
        self.run_probe("kill", expected=-signal.SIGKILL)
        records = trace_reader.read(self.path)
        trace_reader.live_after(records)
        self.assertEqual([record["bytes"] for record in self.calls()], list(range(1, 30001)))

    @unittest.skipUnless(PLUGIN, "no plugin for this library")
    def test_a_library_that_came_later_is_told_of_by_a_process_that_is_killed(self):
        self.run_probe("load", expected=-signal.SIGKILL, PROBE_PLUGIN=str(PLUGIN), FT_MALLOC_STACKS="all")
        records = trace_reader.read(self.path)
        modules = {record["data"]: range(record["ptr"], record["ptr"] + record["bytes"])
                   for record in records if record["kind"] == "module"}
        frames = {record["stack"]: trace_reader.frames_of(record["data"]) for record in records
                  if record["kind"] == "stack"}
        [left] = [frames[record["stack"]] for record in self.calls()
                  if record.get("bytes") == 611 and record["order"] > 30000]
        self.assertTrue(any(frame in modules[os.fsencode(PLUGIN)] for frame in left))

    def test_a_process_that_crashes_loses_no_call(self):
        self.run_probe("double", expected=-signal.SIGABRT)
        self.assertEqual([record["kind"] for record in self.calls()][:3], ["malloc", "free", "misused free"])

    def test_a_program_that_closes_everything_has_its_trace(self):
        self.run_probe("close")
        self.assertEqual([record["bytes"] for record in self.calls()], [*range(1, 30001), 208])

    @unittest.skipIf("FT_NO_FILE_LIMIT" in os.environ, "no limit to files here")
    def test_a_file_that_can_be_no_longer_ends_the_trace_and_not_the_program(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

        for program, least in (("thousands", 1000), ("threads", 1)):
            self.path = Path(self.directory.name, program)
            errors = self.run_probe(program, preexec=limit)
            self.assertEqual(errors, "ft_malloc: no more calls are traced: there is no room for more of "
                                     f"'{self.path}'\n")
            self.assertEqual(self.path.stat().st_size, 65536)
            with self.path.open("rb") as file:
                self.assertGreater(len(list(trace_reader.Block(file.read()).records())), least)

    def test_a_file_that_cannot_be_made_is_told_of(self):
        for path in (Path(self.directory.name, "missing", "trace"), Path(self.directory.name, "x" * 300)):
            self.path = path
            errors = self.run_probe("each")
            self.assertEqual(errors, f"ft_malloc: no trace can be written to '{path}'\n")


class Files(Traced):
    def test_what_is_no_file_gets_none_beside_it(self):
        pipe = Path(self.directory.name, "pipe")
        os.mkfifo(pipe)
        for path in (pipe, Path("/dev/null"), Path(self.directory.name)):
            beside = set(path.parent.glob(f"{path.name}.*"))
            self.path = path
            self.assertEqual(self.run_probe("each"), f"ft_malloc: no trace can be written to '{path}'\n")
            self.assertEqual(set(path.parent.glob(f"{path.name}.*")), beside)

    def test_nothing_is_written_over(self):
        self.path.write_text("as it was", encoding="ascii")
        self.run_probe("each")
        self.assertEqual(self.path.read_text(encoding="ascii"), "as it was")
        [other] = [path for path in self.path.parent.iterdir() if path != self.path]
        self.assertRegex(other.name, r"^trace\.\d+$")
        self.assertEqual(len(self.calls(other)), 13)
        self.assertEqual(trace_reader.head_of(other.read_bytes()).process, int(other.suffix[1:]))
        self.assertEqual(other.stat().st_mode & 0o777, 0o600)

    def test_a_link_is_not_followed(self):
        self.path.symlink_to(Path(self.directory.name, "nowhere"))
        self.run_probe("each")
        self.assertFalse(Path(self.directory.name, "nowhere").exists())

    @unittest.skipIf(NO_FORK, "no forks here")
    def test_each_process_has_a_file_of_its_own(self):
        for pattern in ("%p.trace", "trace"):
            with tempfile.TemporaryDirectory() as directory:
                self.path = Path(directory, pattern)
                self.run_probe("fork")
                traces = [trace_reader.read(path) for path in Path(directory).iterdir()]
                self.assertEqual(len(traces), 21)
                children = [records for records in traces if any(record.get("bytes") == 333 for record in records)]
                self.assertEqual(len(children), 20)
                for records in traces:
                    trace_reader.live_after(records)
                for records in children:
                    # It has what its parent had, and its calls are counted on from there.
                    self.assertIn(999, [record["held"] for record in records if record["kind"] == "before"])
                    self.assertEqual([record["kind"] for record in records if record["kind"] != "before"
                                      and record["kind"] != "thread"][:3], ["malloc", "malloc", "free"])


unittest.main()
