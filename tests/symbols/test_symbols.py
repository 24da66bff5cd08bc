#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A leak that was planted in a C++ program with threads is found with its call stack, function and line.
#
#   test_symbols.py LIBRARY FT_SYMBOLS PLANTED PLANTED_WITH_FRAMES

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

LIBRARY, SYMBOLS, PLANTED, WITH_FRAMES = (Path(argument).resolve() for argument in sys.argv[1:5])
del sys.argv[1:5]
SOURCE = Path(__file__).with_name("planted.cpp")
GROUP = re.compile(r"\[LEAK\] (\d+) blocks?, (\d+) bytes, (?:the first )?at 0x[0-9a-f]+")
COMPLETE = re.compile(r"call stacks complete: (\d+) % \(of (\d+) of (\d+) blocks\)")


def line_of(word):
    """The line of planted.cpp that has a word."""
    lines = SOURCE.read_text(encoding="ascii").splitlines()
    return next(number for number, line in enumerate(lines, 1) if f"// {word}" in line)


def report_of(program, stacks, **options):
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "report")
        environment.update(LD_PRELOAD=str(LIBRARY), FT_MALLOC_LEAKS="1", FT_MALLOC_STACKS=stacks,
                           FT_MALLOC_OUTPUT=str(path), **options)
        subprocess.run([program], env=environment, timeout=100, check=True)
        return path.read_text(encoding="utf-8", errors="replace")


def symbolized(report):
    done = subprocess.run([SYMBOLS], input=report, capture_output=True, text=True, timeout=200, check=True)
    assert not done.stderr, done.stderr
    return done.stdout


def groups_in(text):
    """(blocks, bytes, [frames without their numbers]) of each group."""
    groups = []
    for line in text.splitlines():
        if match := GROUP.match(line):
            groups.append((int(match[1]), int(match[2]), []))
        elif match := re.fullmatch(r"    #(\d+) (.*)", line):
            assert int(match[1]) == len(groups[-1][2]), line
            groups[-1][2].append(match[2])
    return groups


class Planted(unittest.TestCase):
    def found(self, groups, blocks, size):
        """The stack of the one group of that size."""
        fitting = [frames for count, total, frames in groups if (count, total) == (blocks, size)]
        self.assertEqual(len(fitting), 1, groups)
        return fitting[0]

    def at(self, word):
        return f"planted.cpp:{line_of(word)}"

    def expect_planted(self, text):
        groups = groups_in(text)
        deep = self.found(groups, 1, 1234)
        self.assertTrue(deep[0].startswith("planted::keep(unsigned int) at ") and deep[0].endswith(self.at("LEAK-DEEP")), deep)
        in_keep = [frame for frame in deep if frame.startswith("planted::keep(unsigned int)")]
        self.assertGreaterEqual(len(in_keep), 2)
        self.assertTrue(any(frame.startswith("main at ") for frame in deep), deep)
        kept = self.found(groups, 4, 4 * 100 * 8)
        where = [index for index, frame in enumerate(kept) if frame.endswith(self.at("LEAK-TEMPLATE"))]
        self.assertTrue(where, kept)
        self.assertIn("planted::holder<long>::fill(int)", kept[where[0]])
        self.assertIn("planted::body(unsigned int)", kept[where[0] + 1])
        self.assertTrue(kept[where[0] + 1].endswith(self.at("LEAK-CALLER")), kept)
        called = self.found(groups, 1, 4321)
        self.assertTrue(called[0].endswith(self.at("LEAK-CALLBACK")), called)
        sizes = [total for _, total, _ in groups]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        return called

    def test_with_frame_pointers_they_are_walked(self):
        text = symbolized(report_of(WITH_FRAMES, "all"))
        self.expect_planted(text)
        complete = COMPLETE.search(text)
        # To main() where no library stands between; the threads' end in the C++ library, which has no frame pointers.
        self.assertGreaterEqual(int(complete[2]), 1)
        self.assertLess(int(complete[2]), int(complete[3]))

    def test_without_frame_pointers_slices_are_unwound(self):
        for program in (PLANTED, WITH_FRAMES):
            text = symbolized(report_of(program, "copy"))
            called = self.expect_planted(text)
            self.assertTrue(any("qsort" in frame for frame in called), called)
            self.assertTrue(any(frame.startswith("main at ") for frame in called), called)
            complete = COMPLETE.search(text)
            self.assertEqual(complete[2], complete[3])
            self.assertNotIn("[MAP]", text)
            self.assertNotIn("registers", text)

    def test_a_sample_of_slices_is_unwound(self):
        report = report_of(PLANTED, "copy:1500")
        self.expect_sample(report)
        text = symbolized(report)
        self.assertIn("call stacks are of a sample: about one allocation in each 1500 bytes has one\n", text)
        # It is larger than two steps.
        called = self.found(groups_in(text), 1, 4321)
        self.assertTrue(called[0].endswith(self.at("LEAK-CALLBACK")), called)
        self.assertTrue(any(frame.startswith("main at ") for frame in called), called)

    def test_a_sample_is_told_by_stacks_and_the_rest_as_without(self):
        self.expect_sample(report_of(WITH_FRAMES, "1500"))

    def expect_sample(self, text):
        self.assertIn("\ncall stacks are of a sample: about one allocation in each 1500 bytes has one\n", text)
        rest = [int(size) for size in re.findall(r"\[LEAK\] 0x[0-9a-f]+ - 0x[0-9a-f]+ : (\d+) bytes", text)]
        groups = groups_in(text)
        count, total = (int(word) for word in re.search(r"(\d+) blocks not freed \(total: (\d+) bytes\)", text).groups())
        self.assertEqual(len(rest) + sum(group[0] for group in groups), count)
        self.assertEqual(sum(rest) + sum(group[1] for group in groups), total)
        self.assertNotIn(4321, rest)  # larger than two steps

    def test_of_many_stacks_each_is_told_once(self):
        # So many that to compare each with each would take longer than a test may.
        count, lines = 60000, []
        for number in [*range(count), *range(count)]:
            lines += [f"[LEAK] 1 block, 5 bytes, at {0x1000 + number:#x}"]
            lines += [f"    #{depth} /nowhere/at/all+{0x5000 + (number >> depth):#x}" for depth in range(17)]
        text = symbolized("\n".join(["========== MEMORY LEAK REPORT ==========", *lines,
                                     "========================================", ""]))
        groups = groups_in(text)
        self.assertEqual(len({tuple(frames) for _, _, frames in groups}), count)
        self.assertEqual([group[:2] for group in groups], [(2, 10)] * count)

    def test_other_text_is_passed_on(self):
        text = "something\nelse\n========================================\n    #0 /bin/true+0x10\n"
        self.assertEqual(symbolized(text), text)
        cut = report_of(WITH_FRAMES, "all").splitlines(keepends=True)[:-6]
        self.assertIn("call stacks complete", symbolized("before\n" + "".join(cut)))

    def test_what_is_told_of_a_misuse_is_told_with_functions(self):
        report = report_of(WITH_FRAMES, "all")
        frames = re.search(r"\[LEAK\] 1 block, 1234 bytes, .*\n((?:    #.*\n)+)", report)[1]
        functions = re.search(r"\[LEAK\] 1 block, 1234 bytes, .*\n((?:    #.*\n)+)", symbolized(report))[1]
        self.assertIn("planted::keep", functions)
        line, first, second = "ft_malloc: double free of 0x10\n", "[1] 0x10 -> 0x11 : 1 bytes, malloc by thread 1\n", "[2]\n"
        self.assertEqual(symbolized(line + first + frames + second + frames),
                         line + first + functions + second + functions)

    def test_what_cannot_be_found_stays_as_it_is(self):
        text = ("========== MEMORY LEAK REPORT ==========\n1 block not freed (total: 5 bytes)\n"
                "[LEAK] 1 block, 5 bytes, at 0x10\n    #0 /nowhere/at all+0x1234\n    #1 0x7f0000001234\n"
                "========================================\n")
        told = symbolized(text)
        self.assertIn("    #0 /nowhere/at all+0x1234\n    #1 0x7f0000001234\n", told)
        self.assertIn("call stacks complete: 0 % (of 0 of 1 blocks)\n", told)


if __name__ == "__main__":
    unittest.main()
