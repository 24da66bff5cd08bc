#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The stored traces: each replays to what its program had and to what is written of it, the same each time.
#
#   test_stored.py FT_REPLAY TRACES

import re
import subprocess
import sys
import unittest
from pathlib import Path

REPLAY, TRACES = (Path(word).resolve() for word in sys.argv[1:3])
del sys.argv[1:3]
TOLD = (TRACES / "README.md").read_text(encoding="utf-8")
# Of the table of what replays say: name, calls, chunks, bytes at the end, live bytes at the peak, bytes in use at the peak.
ROW = (r"^\| (\w+) \| ([\d,]+) \| [\d,]+ \| [\d,]+ \| [\d.]+ \| ([\d,]+) chunks, ([\d,]+) bytes \| ([\d,]+) \| ([\d,]+) \| "
       r"\d+% \| [\d.]+ % \|$")
SLACK = 1.05  # of the peak in use: the core may change a little before the table is written anew
STORED_MAX = 1_500_000  # bytes, of all together


def number(text):
    return int(text.replace(",", ""))


def figure(said, what):
    return number(re.search(rf"^ *{what} +([\d,]+)$", said, re.M)[1])


def replay(path):
    done = subprocess.run([REPLAY, path], capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, ""), (path, done.stdout[-1000:], done.stderr[-3000:])
    return done.stdout


class Stored(unittest.TestCase):
    def test_what_is_stored_is_what_is_told(self):
        made = set(re.findall(r"^\| (\w+) \| .*`.* \| [\w+-]+ \d\S* \|$", TOLD, re.M))
        said = {row[0] for row in re.findall(ROW, TOLD, re.M)}
        paths = sorted(TRACES.glob("*.trace.zst"))
        self.assertEqual({path.name.removesuffix(".trace.zst") for path in paths}, made)
        self.assertEqual(made, said)
        self.assertEqual(len(made), 6)
        self.assertLess(sum(path.stat().st_size for path in paths), STORED_MAX)

    def test_nothing_of_a_machine_is_in_them(self):
        for path in TRACES.glob("*.trace.zst"):
            packed = path.read_bytes()
            # A frame's first four bytes are zstd's, and of a file's name there is no room in its head.
            self.assertEqual(packed[:4], b"\x28\xb5\x2f\xfd")
            raw = subprocess.run(["zstd", "-q", "-d", "-c", path], capture_output=True, check=True).stdout
            head = raw[:64]
            self.assertEqual(head[8:12], (1).to_bytes(4, "little"))  # process
            self.assertEqual(head[32:48], bytes(16))  # times
            self.assertIsNone(re.search(rb"/(usr|home|root|tmp|lib|bin)\b", raw))

    def check_trace(self, row):
        name, *figures = row
        calls, chunks, live, peak, used = map(number, figures)
        said = replay(TRACES / f"{name}.trace.zst")
        self.assertEqual((figure(said, "live chunks"), figure(said, "live bytes")), (chunks, live))
        self.assertIn(f"the program had {figures[1]} chunks, {figures[2]} bytes at its end, call {calls + 1}: the same", said)
        self.assertNotIn("MISUSE", said)
        self.assertNotIn("missing", said)
        self.assertNotIn("could not be had", said)
        self.assertEqual(figure(said, "peak of live bytes"), peak)
        self.assertLessEqual(peak, figure(said, "peak of memory in use"))
        self.assertLessEqual(figure(said, "peak of memory in use"), used * SLACK)
        self.assertRegex(said, r"\n  digest [0-9a-f]{16}\n$")
        self.assertEqual(replay(TRACES / f"{name}.trace.zst"), said)


for stored in re.findall(ROW, TOLD, re.M):
    setattr(Stored, f"test_{stored[0]}", lambda self, row=stored: self.check_trace(row))

unittest.main()
