#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Forks beside threads whose calls are traced, with handlers of others that allocate in the middle: no child waits for what a
# thread of its parent had, and none writes into its parent's file.
#
#   test_fork_trace.py TEST_FORK_HANDLERS

import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import trace_reader

PROGRAM = Path(sys.argv.pop(1)).resolve()
SECONDS = 50


class Forks(unittest.TestCase):
    def expect_whole_traces(self, **options):
        environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
        with tempfile.TemporaryDirectory() as directory:
            environment.update(FT_MALLOC_TRACE=str(Path(directory, "trace")), **options)
            with subprocess.Popen([PROGRAM], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, start_new_session=True) as program:
                try:
                    said, _ = program.communicate(timeout=SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(program.pid, signal.SIGKILL)
                    self.fail("a fork does not come to its end")
            self.assertEqual(program.returncode, 0, said)
            paths = list(Path(directory).iterdir())
            self.assertEqual(len(paths), 1 + 80)
            for path in paths:
                records = trace_reader.read(path)
                trace_reader.live_after(records)
                numbers = [record["order"] for record in records if record["kind"] in trace_reader.CALLS]
                self.assertEqual(len(numbers), len(set(numbers)))

    def test_calls_alone(self):
        self.expect_whole_traces()

    def test_with_call_stacks(self):
        self.expect_whole_traces(FT_MALLOC_STACKS="all")


unittest.main()
