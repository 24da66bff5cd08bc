#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What ft_replay says of traces: of real programs, of misuses, of files that are cut, damaged, or none.
#
#   test_replay.py FT_REPLAY LIBFT_MALLOC STRINGS MISUSE

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

REPLAY, LIBRARY, STRINGS, MISUSE = (Path(word).resolve() for word in sys.argv[1:5])
del sys.argv[1:5]
BLOCK = 1 << 16
SQL = """CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO t SELECT i, hex(zeroblob(i % 90)) FROM n;
CREATE INDEX s ON t(b); SELECT count(*) FROM t AS x JOIN t AS y USING (b); DELETE FROM t WHERE a % 3 = 0; VACUUM;"""
PYTHON = "import json, re, threading; d = {str(i): [i] * 9 for i in range(3000)}; assert json.loads(json.dumps(d)) == d"


def replay(*arguments, expected=0):
    """What ft_replay says, on standard output and on standard error; expected is its exit status, None any."""
    done = subprocess.run([REPLAY, *arguments], capture_output=True, text=True, timeout=100, check=False)
    assert expected in (None, done.returncode), (arguments, done.returncode, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout, done.stderr


class Replay(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = Path(self.directory.name, "trace")

    def record(self, *command, text="", **options):
        """Traces a program; what it says of its memory at its end, in bytes."""
        table = Path(self.directory.name, "table")
        environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
        environment.update({"LD_PRELOAD": str(LIBRARY), "FT_MALLOC_TRACE": str(self.path), "FT_MALLOC_STATS": "exit",
                            "FT_MALLOC_OUTPUT": str(table), **options})
        done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = re.search(r"requested by the program +([\d,]+)", table.read_text(encoding="ascii"))
        return int(said[1].replace(",", ""))

    def figure(self, said, what):
        return int(re.search(rf"^ *{what} +([\d,]+)$", said, re.M)[1].replace(",", ""))

    def agrees(self, *command, **options):
        live_bytes = self.record(*command, **options)
        said, errors = replay(self.path)
        self.assertEqual(errors, "")
        self.assertEqual(self.figure(said, "live bytes"), live_bytes)
        self.assertRegex(said, r"the program had [\d,]+ chunks, [\d,]+ bytes at its end, call \d+: the same\n")
        self.assertEqual(replay(self.path), (said, errors))
        return said

    def test_python3(self):
        said = self.agrees(shutil.which("python3"), "-c", PYTHON, PYTHONMALLOC="malloc")
        rows = re.findall(r"^ +[\d,]+ +\d+\.\d{3} +[\d,]+ +[\d,]+ +[\d,]+ +\d+\.\d % +[\d,]+ +[\d,]+$", said, re.M)
        self.assertEqual(len(rows), 20)
        self.assertGreater(self.figure(said, "malloc"), 30000)
        self.assertGreaterEqual(self.figure(said, "peak of memory in use"), self.figure(said, "peak of live bytes"))

    @unittest.skipIf(not shutil.which("sqlite3"), "sqlite3 is missing")
    def test_sqlite3(self):
        self.agrees(shutil.which("sqlite3"), ":memory:", text=SQL)

    def test_threads_in_cxx(self):
        said = self.agrees(STRINGS)
        self.assertRegex(said, r"process \d+, 5 threads\n")

    def test_the_heap_at_any_call(self):
        self.record(STRINGS)
        for until in (1, 2, 100, 5000):
            said, _ = replay("--until", str(until), self.path)
            lines = re.findall(r"^0x[0-9A-F]+ - 0x[0-9A-F]+ : (\d+) bytes$", said, re.M)
            total = re.search(r"^Total : (\d+) bytes$", said, re.M)
            self.assertEqual(sum(map(int, lines)), int(total[1]))
            self.assertEqual(len(lines), self.figure(said, "live chunks"))
            self.assertEqual(self.figure(said, "live bytes"), int(total[1]))
            self.assertEqual(replay("--until", str(until), self.path)[0], said)

    def test_every_misuse_is_told(self):
        self.record(MISUSE, FT_MALLOC_MISUSE="ignore")
        said, _ = replay(self.path)
        told = re.findall(r"MISUSE: call \d+, (\w+) of 0x[0-9a-f]+ by thread 1: (.*)", said)
        self.assertEqual(told, [("free", "a double free"), ("free", "a pointer inside a chunk"),
                                ("free", "a foreign pointer"), ("realloc", "a double free")])

    def test_a_misuse_is_reduced_to_the_calls_that_matter(self):
        self.record(MISUSE, FT_MALLOC_MISUSE="ignore")
        small = Path(self.directory.name, "small")
        said, errors = replay("--reduce", small, self.path)
        self.assertEqual(errors, "")
        lines = said.splitlines()
        self.assertRegex(lines[0], rf"^3 of 4\d\d\d calls are left, after \d+ tries; {small}:$")
        [address] = set(re.findall(r"0x[0-9a-f]+", said))
        self.assertEqual(lines[1:], ["thread 1", f"[1] malloc 101 bytes -> {address} by thread 1",
                                     f"[2] free {address} (101 bytes) by thread 1", f"[3] misused free {address} by thread 1"])
        self.assertIn(f"free of {address} by thread 1: a double free", replay(small)[0])
        self.assertEqual(replay("--print", small)[0].splitlines(), lines[1:])

    def test_a_command_says_what_matters(self):
        self.record(STRINGS)
        small, command = Path(self.directory.name, "small"), Path(self.directory.name, "command")
        # Three chunks of a map's kind are live at once.
        command.write_text(f"#!/bin/sh\n'{REPLAY}' \"$1\" | grep -q '^ *live chunks *3$'\n", encoding="ascii")
        command.chmod(0o755)
        _, errors = replay("--reduce", small, "--while", command, self.path, expected=1)
        self.assertEqual(errors, "ft_replay: the command does not end with 0 on the whole trace\n")
        command.write_text(f"#!/bin/sh\n'{REPLAY}' --print \"$1\" | grep -q '\\[.*calloc'\n", encoding="ascii")
        said, _ = replay("--reduce", small, "--while", command, self.path)
        self.assertRegex(said, r"^1 of \d+ calls are left")
        self.assertRegex(said.splitlines()[2], r"^\[1\] calloc \d+ bytes -> 0x[0-9a-f]+ by thread 1$")
        self.assertEqual(sorted(path.name for path in small.parent.iterdir()), ["command", "small", "table", "trace"])

    def test_a_trace_without_misuse_is_not_reduced(self):
        self.record(STRINGS)
        _, errors = replay("--reduce", Path(self.directory.name, "small"), self.path, expected=1)
        self.assertEqual(errors, "ft_replay: the core finds no misuse in the trace\n")

    def test_a_trace_is_played_through_other_libraries(self):
        self.record(STRINGS)
        said, errors = replay("--lib", f"ours={LIBRARY}", "--lib", "libc=", self.path)
        self.assertEqual(errors, "")
        self.assertRegex(said, r"^\d+ calls, \d+\.\d MiB live at the peak; played \d+ times, by one thread\n")
        rows = re.findall(r"^  (\w+) +\d+\.\d{3} +\d+\.\d +(\d+\.\d) +(\d+\.\d\d)$", said, re.M)
        self.assertEqual([name for name, _, _ in rows], ["ours", "libc"])
        self.assertTrue(all(0 < float(peak) < 100 for _, peak, _ in rows))
        self.assertIn("No such file", replay("--lib", "none=/nowhere", self.path, expected=1)[1])
        self.assertIn("could not be preloaded", replay("--lib", f"none={self.path}", self.path, expected=1)[1])
        self.assertIn("NAME=PATH", replay("--lib", "none", self.path, expected=1)[1])

    def test_moves_are_played_through_the_process_own_malloc(self):
        self.record(STRINGS)
        moves = Path(self.directory.name, "moves")
        self.assertEqual(replay("--moves", moves, self.path), ("", ""))
        said, errors = replay("--play", moves)
        self.assertEqual(errors, "")
        self.assertRegex(said, r"^cpu \d+\.\d{6} wall \d+\.\d{6} peak \d+\.\d{3} failed 0 /\S+\n$")
        thrice, _ = replay("--play", moves, "3")
        self.assertIn(" failed 0 ", thrice)
        whole = moves.read_bytes()
        kinds = [int.from_bytes(whole[at:at + 1], "little") for at in range(32 + 12, len(whole), 16)]
        played = replay(self.path)[0]
        self.assertEqual(sum(kind in (1, 2, 4) for kind in kinds) - sum(kind == 5 for kind in kinds),
                         self.figure(played, "live chunks"))
        self.assertEqual(len(kinds), int.from_bytes(whole[8:16], "little"))

    def test_what_holds_no_moves_is_not_played(self):
        self.record(STRINGS)
        moves = Path(self.directory.name, "moves")
        replay("--moves", moves, self.path)
        whole = moves.read_bytes()
        slot, kind, power = (whole[:32 + at] + b"\xff\xff\xff\x7f"[:count] + whole[32 + at + count:]
                             for at, count in ((8, 4), (12, 1), (13, 1)))
        for content in (b"", whole[:20], whole[:-1], whole[:-16], b"X" + whole[1:], slot, kind, power, bytes(4096)):
            moves.write_bytes(content)
            self.assertEqual(replay("--play", moves, expected=1),
                             ("", f"ft_replay: {moves} holds no moves, as --moves writes them\n"))
        self.assertIn("holds no moves", replay("--play", "/nowhere", expected=1)[1])
        for words in (("--play",), ("--play", moves, "0"), ("--play", moves, "x"), ("--play", moves, "1", "1")):
            self.assertIn("ft_replay FILE", replay(*words, expected=2)[1])

    @unittest.skipIf(not shutil.which("valgrind") or "FT_NO_VALGRIND" in os.environ, "no valgrind for this")
    def test_instructions_are_counted_by_kind(self):
        self.record(STRINGS)
        said, errors = replay("--callgrind", self.path)
        self.assertEqual(errors, "")
        played, _ = replay(self.path)
        for name, calls, each in re.findall(r"^  (\w+) +(\d+) +\d+ +(\d+\.\d)$", said, re.M):
            # And one for each chunk that was there before.
            self.assertTrue(0 <= int(calls) - self.figure(played, name) <= 20, (name, calls))
            self.assertTrue(10 < float(each) < 10000)
        self.assertIn("malloc", said)
        self.assertIn("free", said)

    @unittest.skipIf(not shutil.which("valgrind") or "FT_NO_VALGRIND" in os.environ, "no valgrind for this")
    def test_the_player_is_light(self):
        self.record(STRINGS)
        moves, profile = (Path(self.directory.name, name) for name in ("moves", "profile"))
        replay("--moves", moves, self.path)
        subprocess.run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={profile}", REPLAY, "--play", moves],
                       stdout=subprocess.DEVNULL, timeout=100, check=True)
        told = subprocess.run(["callgrind_annotate", profile], stdout=subprocess.PIPE, text=True, check=True).stdout
        own = re.findall(r"^ *([\d,]+) \([^)]*\)  \S*play\.c:play_(?:window|realloc)\b", told, re.M)
        count = int.from_bytes(moves.read_bytes()[8:16], "little")
        each = sum(int(number.replace(",", "")) for number in own) / count
        self.assertTrue(10 < each <= 40, each)

    def test_records_are_lines(self):
        self.record(MISUSE, FT_MALLOC_MISUSE="ignore")
        lines = replay("--print", self.path)[0].splitlines()
        self.assertEqual(sum(" misused free 0x" in line for line in lines), 3)
        self.assertEqual(sum(re.fullmatch(r"\[\d+\] malloc \d+ bytes -> 0x[0-9a-f]+ by thread 1", line) is not None
                             for line in lines), 2000)

    def test_call_stacks_are_places_in_files(self):
        self.record(STRINGS, FT_MALLOC_STACKS="all")
        lines = replay("--print", self.path)[0].splitlines()
        frames = [line for line in lines if re.match("    #[0-9]+ ", line)]
        self.assertTrue(any(line.split()[1].startswith(f"{STRINGS}+0x") for line in frames), frames[:9])
        numbers = {line.split()[1] for line in lines if line.startswith("stack ")}
        self.assertEqual(numbers, set(re.findall(r" from stack (\d+) by thread", "\n".join(lines))))

    def test_a_file_that_is_cut_is_read_up_to_there(self):
        self.record(STRINGS)
        whole = self.path.read_bytes()
        calls = []
        for length in (len(whole) - BLOCK // 2, BLOCK + 5000, BLOCK + 70, BLOCK, 3000):
            self.path.write_bytes(whole[:length])
            said, errors = replay(self.path, expected=None)
            self.assertEqual("ends inside a block" in errors, length % BLOCK != 0)
            calls.append(self.figure(said, "malloc"))
        self.assertEqual(calls, sorted(calls, reverse=True))
        self.assertGreater(calls[-1], 1)

    def test_a_block_that_is_damaged_is_left_out(self):
        self.record(STRINGS)
        whole = bytearray(self.path.read_bytes())
        # A block that is full: of one that is still being written no sum is known.
        full = [at for at in range(0, len(whole), BLOCK) if any(whole[at + 52:at + 56])]
        whole[full[0] + 1000] ^= 4
        self.path.write_bytes(whole)
        # Its chunks may all have been freed again: then the end is the same.
        said, errors = replay(self.path, expected=None)
        self.assertIn("1 blocks are damaged, and left out", errors)
        self.assertRegex(errors, r"\d+ calls are missing")
        for at in full[1:]:
            whole[at + 1000] ^= 4
        self.path.write_bytes(whole)
        said, errors = replay(self.path, expected=1)
        self.assertIn(f"{len(full)} blocks are damaged, and left out", errors)
        self.assertIn("NOT the same", said)

    def test_a_stripped_trace_is_played_as_the_whole_one(self):
        for command, options in (((STRINGS,), {"FT_MALLOC_STACKS": "all"}), ((MISUSE,), {"FT_MALLOC_MISUSE": "ignore"})):
            self.record(*command, **options)
            stripped = Path(self.directory.name, "stripped")
            self.assertEqual(replay("--strip", stripped, self.path), ("", ""))
            said, again = (re.sub(r"^process \d+|0x[0-9a-f]+|call \d+", "", replay(path)[0], flags=re.M)
                           for path in (self.path, stripped))
            self.assertEqual(re.sub(r" +[\d,]+ +\d+\.\d{3} ", " ", said), re.sub(r" +[\d,]+ +\d+\.\d{3} ", " ", again))
            self.assertIn("digest", said)
            self.assertIn("process 1, ", replay(stripped)[0])
            printed = replay("--print", stripped)[0]
            self.assertNotIn("/", printed)  # of no file the name
            self.assertNotIn("stack", printed)
            addresses = {int(address, 16) for address in re.findall(r"0x([0-9a-f]+)", printed)}
            self.assertLess(max(addresses), 1 << 40)
            self.assertLess(stripped.stat().st_size, self.path.stat().st_size + BLOCK)
            self.path.unlink()

    def test_a_stripped_trace_says_what_was_misused(self):
        self.record(MISUSE, FT_MALLOC_MISUSE="ignore")
        stripped, again = Path(self.directory.name, "stripped"), Path(self.directory.name, "again")
        replay("--strip", stripped, self.path)
        replay("--strip", again, stripped)
        self.assertEqual(stripped.read_bytes(), again.read_bytes())
        told = [re.findall(r"MISUSE: .*: (.*)", replay(path)[0]) for path in (self.path, stripped)]
        self.assertEqual(told[0], told[1])
        self.assertEqual(len(told[0]), 4)

    @unittest.skipIf(not shutil.which("zstd"), "zstd is missing")
    def test_a_compressed_trace_is_read_as_the_trace(self):
        self.record(STRINGS)
        packed = Path(self.directory.name, "packed")  # not its name says what it is
        subprocess.run(["zstd", "-q", "-o", packed, self.path], check=True)
        self.assertEqual(replay(packed), replay(self.path))
        self.assertEqual(replay("--print", packed), replay("--print", self.path))
        said, errors = replay("--lib", "libc=", packed)
        self.assertEqual((errors, said.count("libc")), ("", 1))
        whole = packed.read_bytes()
        words = "is compressed, and cut or damaged: zstd cannot unpack it"
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 0xFF
        for content in (whole[:-1], whole[:len(whole) // 2], whole[:4], whole + b"more", bytes(flipped)):
            packed.write_bytes(content)
            for option in ((), ("--print",)):
                self.assertEqual(replay(*option, packed, expected=1), ("", f"ft_replay: {packed} {words}\n"))
        for content, words in ((b"", "is empty: nothing of a trace is in it"), (b"no trace" * 9999, "is no trace of ft_malloc"),
                               (b"FTTRACE2" + bytes(70000), "is a trace of a version that this program does not know")):
            packed.write_bytes(subprocess.run(["zstd", "-q", "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout)
            self.assertEqual(replay(packed, expected=1), ("", f"ft_replay: {packed} {words}\n"))

    @unittest.skipIf(not shutil.which("zstd"), "zstd is missing")
    def test_a_compressed_trace_is_not_unpacked_without_bounds(self):
        packed = Path(self.directory.name, "packed")
        packed.write_bytes(subprocess.run(["zstd", "-q", "-c"], input=bytes(1 << 24), stdout=subprocess.PIPE, check=True).stdout)
        self.assertIn("is empty", replay(packed, expected=1)[1])
        done = subprocess.run([REPLAY, packed], capture_output=True, text=True, check=False, timeout=100,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (1, "", f"ft_replay: {packed} is compressed, and unpacked larger than may be\n"))
        done = subprocess.run([REPLAY, packed], capture_output=True, text=True, check=False, env={"PATH": "/nowhere"})
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (1, "", f"ft_replay: {packed} is compressed, and there is no zstd here to unpack it\n"))

    def test_a_trace_of_no_calls_and_calls_beyond_the_end(self):
        self.record(STRINGS)
        lines = replay("--print", self.path)[0].splitlines()
        calls = sum(line.startswith("[") for line in lines)
        beyond, errors = replay("--until", str(10 * calls), self.path)
        self.assertEqual(errors, "")
        self.assertEqual(self.figure(beyond, "live bytes"), self.figure(replay(self.path)[0], "live bytes"))
        self.assertIn("ft_replay FILE", replay("--until", "99999999999999999999999", self.path, expected=2)[1])
        # The first block's head alone: a trace that has only begun.
        none = Path(self.directory.name, "none")
        none.write_bytes(self.path.read_bytes()[:64] + bytes(BLOCK - 64))
        said, errors = replay(none)
        self.assertEqual(errors, "")
        self.assertEqual(self.figure(said, "live chunks"), 0)
        for words in (("--strip", self.path.with_name("out")), ("--moves", self.path.with_name("out")), ("--print",),
                      ("--until", "7"), ("--lib", "libc=")):
            replay(*words, none)
        said, _ = replay("--play", self.path.with_name("out"), expected=None)

    def test_what_cannot_be_written_is_told(self):
        self.record(MISUSE, FT_MALLOC_MISUSE="ignore")
        for option in ("--strip", "--moves", "--reduce"):
            for path, why in (("/nowhere/out", "No such file or directory"), (self.directory.name, "Is a directory"),
                              ("/dev/full", "No space left on device")):
                _, errors = replay(option, path, self.path, expected=1)
                self.assertEqual(errors, f"ft_replay: {path} cannot be written: {why}\n")

    def test_what_is_no_trace_is_told_so(self):
        for content, words in ((b"#!/bin/sh\n" * 9999, "is no trace of ft_malloc"), (b"F", "is empty: nothing of a trace is in it"),
                               (b"", "is empty: nothing of a trace is in it"), (bytes(200000), "is empty: nothing of a trace is in it"),
                               (b"FTTRACE2" + bytes(70000), "is a trace of a version that this program does not know"),
                               (b"FTTRACE1" + bytes(70000), "is damaged: no block of it is what was written")):
            self.path.write_bytes(content)
            for option in ((), ("--print",)):
                said, errors = replay(*option, self.path, expected=1)
                self.assertEqual((said, errors), ("", f"ft_replay: {self.path} {words}\n"))
        self.path.unlink()
        self.assertIn("cannot be read: No such file", replay(self.path, expected=1)[1])
        self.assertIn("cannot be read: Is a directory", replay(self.directory.name, expected=1)[1])

    def test_other_words_are_answered_with_the_usage(self):
        for words in ((), ("--until", "x", "f"), ("--until", "0", "f"), ("--until",), ("--what", "f"), ("f", "g"),
                      ("--while", "true", "f"), ("--reduce",), ("--lib",), ("--strip", "f"), ("--strip", "a", "--moves", "b", "f"),
                      ("--print", "--callgrind", "f"), ("--print", "--until", "3", "f")):
            self.assertIn("ft_replay FILE", replay(*words, expected=2)[1])
        self.assertIn("ft_replay FILE", replay("--help")[0])


unittest.main()
