#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What options show of a program's calls: the log, the history, the leak report, where they go, and what is filled.
#
#   test_watch.py WATCH_PROBE
#
# A log is read as a model does: whatever threads do, each chunk is handed out while it is free, and freed with the size
# that it had, in the order of the lines.

import os
import pty
import re
import resource
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from log_reader import (DUMP, FRAME, GROUP, HISTORY_HEAD, HISTORY_TAIL, LEAK, LEAKS_HEAD, LEAKS_TAIL,  # noqa: E402
                        leaks_in, live_after)

PROBE = Path(sys.argv.pop(1)).resolve()


def run(program, expected=0, preexec=None, pass_fds=(), **options):
    """Runs a program of the probe with options by their names; its standard output and error."""
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    if program == "fork":
        # A sanitizer's own look for leaks as a child ends waits for ever for a lock that a thread of the parent had.
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    environment.update(options)
    done = subprocess.run([PROBE, program], env=environment, capture_output=True, text=True, timeout=100,
                          check=False, preexec_fn=preexec, pass_fds=pass_fds)
    if expected is not None and done.returncode != expected:
        raise AssertionError(f"{program} with {options} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout, done.stderr


class Log(unittest.TestCase):
    def test_each_call_is_a_line(self):
        for name in ("FT_MALLOC_DEBUG", "MALLOC_DEBUG"):
            _, errors = run("each", **{name: "1"})
            lines = errors.splitlines()
            self.assertEqual(live_after(lines), {})
            shape = [re.sub("0x[0-9a-f]+", "P", line.removeprefix("[DEBUG] ")) for line in lines]
            self.assertEqual(shape, [
                "Allocated 112 bytes at P", "Reallocated 100 bytes at P (was 112 bytes at P)",
                "Reallocated 5000 bytes at P (was 100 bytes at P)", "Freed 5000 bytes at P",
                "Allocated 21 bytes at P", "Freed 21 bytes at P",
                "Allocated 1000 bytes at P", "Freed 1000 bytes at P",
                "Allocated 40000 bytes at P", "Freed 40000 bytes at P",
                "Refused 18446744073709551615 bytes",
                "Allocated 10 bytes at P", "Freed 10 bytes at P"])

    def test_without_the_option_nothing_is_said(self):
        for options in ({}, {"MALLOC_DEBUG": "0"}, {"FT_MALLOC_HISTORY": "10"}, {"FT_MALLOC_PERTURB": "1"}):
            self.assertEqual(run("each", **options), ("", ""))

    def test_the_log_of_threads_is_one_order_of_their_calls(self):
        with tempfile.TemporaryDirectory() as directory:
            for _ in range(3):
                path = Path(directory, "log")
                path.unlink(missing_ok=True)
                run("threads", FT_MALLOC_DEBUG="1", FT_MALLOC_OUTPUT=str(path), FT_MALLOC_HISTORY="100")
                lines = path.read_text(encoding="ascii").splitlines()
                self.assertGreater(len(lines), 4 * 3000 / 2)
                # What libc keeps of threads' stacks is all that is left.
                self.assertLessEqual(len(live_after(lines)), 8)

    def test_signals_do_not_cut_lines(self):
        _, errors = run("signals", FT_MALLOC_DEBUG="1")
        self.assertEqual(live_after(errors.splitlines()), {})

    def test_a_misuse_is_told_by_its_own_line_alone(self):
        _, errors = run("double", FT_MALLOC_DEBUG="1", FT_MALLOC_MISUSE="warn")
        lines = errors.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["[DEBUG]", "[DEBUG]", "ft_malloc:", "ft_malloc:"])

    def test_the_environment_may_name_it_in_a_list(self):
        _, errors = run("each", FT_MALLOC_OPTIONS="history=5,debug=1")
        self.assertEqual(len(errors.splitlines()), 13)


class Leaks(unittest.TestCase):
    def test_the_report_is_what_was_kept(self):
        output, errors = run("three", FT_MALLOC_LEAKS="1")
        kept = [int(word, 16) for word in output.split()]
        self.assertEqual(leaks_in(errors.splitlines()), sorted(zip(kept, (208, 1000, 1 << 20))))

    def test_one_block_is_told_in_the_singular(self):
        _, errors = run("one", FT_MALLOC_LEAKS="1")
        shape = re.sub("0x[0-9a-f]+", "P", errors).splitlines()
        self.assertEqual(shape, [LEAKS_HEAD, "1 block not freed (total: 208 bytes)",
                                 "[LEAK] P - P : 208 bytes", LEAKS_TAIL])

    def test_fail_ends_the_process_if_there_are_any(self):
        output, errors = run("three", expected=23, FT_MALLOC_LEAKS="fail")
        self.assertEqual(len(output.split()), 3)  # what streams hold is not lost
        self.assertEqual(len(leaks_in(errors.splitlines())), 3)
        output, errors = run("nothing", FT_MALLOC_LEAKS="fail")
        self.assertEqual(output, "through a buffer of standard output\n")
        self.assertEqual(leaks_in(errors.splitlines()), [])

    def test_the_log_and_the_report_agree(self):
        _, errors = run("three", FT_MALLOC_LEAKS="1", FT_MALLOC_DEBUG="1")
        lines = errors.splitlines()
        live = live_after(lines[:lines.index(LEAKS_HEAD)])
        leaks = leaks_in(lines)
        self.assertLessEqual({(hex(at), size) for at, size in leaks}, set(live.items()))
        self.assertLessEqual(len(live) - len(leaks), 1)  # a stream's buffer

    def test_where_stacks_are_kept_leaks_are_told_by_them(self):
        for program, stacks in (("three", "all"), ("threads", "1"), ("three", "1000"), ("three", "copy"),
                                ("three", "copy:200")):
            _, errors = run(program, FT_MALLOC_LEAKS="1", FT_MALLOC_STACKS=stacks)
            lines = [line for line in errors.splitlines()
                     if not re.match(r"\[MAP\]|    (registers|stack|[0-9a-f ]+$)", line)]
            self.assertEqual((lines[0], lines[-1]), (LEAKS_HEAD, LEAKS_TAIL))
            each = stacks.rpartition(":")[2]
            if each.isdigit() and int(each) > 1:
                self.assertEqual(lines.pop(2), "call stacks are of a sample: about one allocation in each "
                                               f"{each} bytes has one")
            told, frames = [], 0
            for line in lines[2:-1]:
                if match := GROUP.fullmatch(line):
                    told.append((int(match[1]), int(match[2])))
                    frames = 0
                elif match := LEAK.fullmatch(line):
                    told.append((1, int(match[3])))
                else:
                    self.assertEqual(int(FRAME.fullmatch(line)[1]), frames, line)
                    frames += 1
            count, total = (sum(column) for column in zip(*told)) if told else (0, 0)
            word = "block" if count == 1 else "blocks"
            self.assertEqual(lines[1], f"{count} {word} not freed (total: {total} bytes)")
            if program == "three":
                self.assertEqual(sorted(told), [(1, 208), (1, 1000), (1, 1 << 20)])
                self.assertEqual(GROUP.fullmatch(lines[2])[2], str(1 << 20))  # the largest first
                self.assertTrue(FRAME.fullmatch(lines[3]))

    def test_what_cannot_be_reached_any_more_is_marked(self):
        leak = re.compile(r"\[LEAK\] 0x[0-9a-f]+ - 0x[0-9a-f]+ : (\d+) bytes(, unreachable)?")
        for stacks, trace in (("0", ""), ("all", ""), ("0", "trace"), ("all", "trace")):
            with tempfile.TemporaryDirectory() as directory:
                path = os.path.join(directory, trace) if trace else ""
                _, errors = run("reach", FT_MALLOC_LEAKS="scan", FT_MALLOC_HISTORY="1000", FT_MALLOC_STACKS=stacks,
                                FT_MALLOC_TRACE=path)
            lines = errors.splitlines()
            match = re.fullmatch(r"unreachable: (\d+) \(total: (\d+) bytes\)", lines[2])
            count, total = int(match[1]), int(match[2])
            # Words that somebody left on a stack may lead to a pair of them.
            self.assertIn(count, range(90, 101))
            self.assertEqual(total, 300 * count)
            if stacks == "0":
                told = [leak.fullmatch(line) for line in lines[3:-1]]
                lost = [int(match[1]) for match in told if match[2]]
                kept = [int(match[1]) for match in told if not match[2]]
                self.assertEqual(lost, [300] * count)
                self.assertEqual(kept.count(500), 100)
                for size in (300 << 20, 6666, 7777, 8888, 9999):
                    self.assertEqual(kept.count(size), 1)
            else:
                marked = [int(line.rsplit(" ", 1)[1]) for line in lines if ", unreachable: " in line]
                self.assertEqual(sum(marked), count)

    @unittest.skipIf("FT_NO_FORK" in os.environ, "no forks here")
    def test_children_tell_their_stacks(self):
        with tempfile.TemporaryDirectory() as directory:
            run("fork", FT_MALLOC_LEAKS="1", FT_MALLOC_STACKS="all", FT_MALLOC_OUTPUT=f"{directory}/%p")
            reports = [path.read_text(encoding="utf-8") for path in Path(directory).iterdir()]
            self.assertEqual(len(reports), 21)
            self.assertEqual(sum("\n[LEAK] 1 block, 333 bytes, at 0x" in report for report in reports), 20)

    @unittest.skipIf("FT_NO_FORK" in os.environ, "no forks here")
    def test_a_child_answers_for_itself(self):
        with tempfile.TemporaryDirectory() as directory:
            run("fork", FT_MALLOC_LEAKS="1", FT_MALLOC_OUTPUT=f"{directory}/%p.%p")
            reports = [path.read_text(encoding="ascii").splitlines() for path in Path(directory).iterdir()]
            self.assertEqual(len(reports), 21)
            sizes = sorted(tuple(size for _, size in leaks_in(lines)) for lines in reports)
            # The parent leaves nothing but what libc keeps of its thread.
            self.assertEqual(sum(leaks == (333,) for leaks in sizes), 20)
            for path in Path(directory).iterdir():
                self.assertEqual(*path.name.split("."))

    @unittest.skipIf("FT_NO_FORK" in os.environ, "no forks here")
    def test_children_of_a_threaded_process_log_into_files_of_their_own(self):
        with tempfile.TemporaryDirectory() as directory:
            run("fork", FT_MALLOC_DEBUG="1", FT_MALLOC_HISTORY="50", FT_MALLOC_OUTPUT=f"{directory}/%p")
            files = sorted(Path(directory).iterdir(), key=lambda path: path.stat().st_size)
            for path in files[:-1]:
                lines = path.read_text(encoding="ascii").splitlines()
                self.assertEqual(list(live_after(lines).values()), [333])
            self.assertEqual(len(files), 21)

    def test_a_program_that_closes_everything_has_no_report_and_no_trouble(self):
        run("close", FT_MALLOC_LEAKS="1", FT_MALLOC_DEBUG="1")
        run("close", expected=23, FT_MALLOC_LEAKS="fail")


class Bonus(unittest.TestCase):
    def test_chunks_are_dumped_and_the_reports_follow(self):
        _, errors = run("three", MALLOC_BONUS="1")
        lines = errors.splitlines()
        history = lines.index(HISTORY_HEAD)
        leaks = lines.index(LEAKS_HEAD)
        for line in lines[:history]:
            self.assertTrue(DUMP.fullmatch(line), line)
        self.assertIn("and 1048064 bytes more", lines[:history])
        self.assertEqual(lines[leaks - 1], HISTORY_TAIL)
        told = [re.fullmatch(r"\[(\d+)\] (0x[0-9a-f]+) -> (0x[0-9a-f]+) : (\d+) bytes", line)
                for line in lines[history + 1:leaks - 1]]
        self.assertTrue(all(told))
        self.assertEqual([(int(match[1]), int(match[4])) for match in told][:4],
                         [(1, 208), (2, 1000), (3, 1 << 20), (4, 16)])
        for match in told:
            self.assertEqual(int(match[3], 16) - int(match[2], 16), int(match[4]))
        self.assertEqual(len(leaks_in(lines)), 3)

    def test_the_history_has_as_many_calls_as_the_option_says(self):
        for program in ("threads", "signals"):
            _, errors = run(program, MALLOC_BONUS="1", FT_MALLOC_HISTORY="20")
            lines = errors.splitlines()
            told = lines[lines.index(HISTORY_HEAD) + 1:lines.index(HISTORY_TAIL)]
            orders = [int(line[1:line.index("]")]) for line in told]
            self.assertEqual(orders, sorted(set(orders)))
            self.assertLess(len(told), 20)
            self.assertTrue(not orders or orders[-1] - orders[0] < 20)


class Show(unittest.TestCase):
    def shown(self, **options):
        output, errors = run("show", **options)
        lines = output.splitlines()
        if HISTORY_HEAD not in lines:
            return [], errors
        self.assertEqual(lines[-1], HISTORY_TAIL)
        return lines[lines.index(HISTORY_HEAD) + 1:-1], errors

    def test_the_last_calls_follow_if_they_are_remembered(self):
        told, errors = self.shown(FT_MALLOC_HISTORY="100")
        shape = [re.sub("0x[0-9a-f]+", "P", line) for line in told]
        self.assertEqual(shape, [
            "[1] P -> P : 208 bytes, malloc by thread 1", "[2] P -> P : 25 bytes, calloc by thread 1",
            "[3] P -> P : 600 bytes, realloc of P by thread 1", "[4] P -> P : 208 bytes, free by thread 1"])
        # standard error has no buffer: nothing was allocated on the way
        self.assertEqual(errors.splitlines(), ["1 1 0 0 208 0", "2 1 1 0 25 0", "3 1 2 25 600 0", "4 1 4 208 0 0"])
        self.assertEqual(self.shown(), ([], ""))

    def test_only_so_many_are_remembered(self):
        told, errors = self.shown(FT_MALLOC_HISTORY="2")
        self.assertEqual([line.split()[0] for line in told], ["[3]", "[4]"])
        self.assertEqual([line.split()[0] for line in errors.splitlines()], ["3", "4"])

    def on_terminal(self, **options):
        master, slave = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name and name != "NO_COLOR"}
        with subprocess.Popen([PROBE, "show"], stdout=slave, env=dict(environment, **options)) as process:
            os.close(slave)
            text = b""
            try:
                while piece := os.read(master, 4096):
                    text += piece
            except OSError:  # the end of a terminal
                pass
        os.close(master)
        self.assertEqual(process.returncode, 0)
        return text

    def test_a_terminal_has_colours_unless_no_color_is_set(self):
        plain = self.on_terminal(NO_COLOR="1")
        self.assertNotIn(b"\033", plain)
        coloured = self.on_terminal(NO_COLOR="")
        self.assertIn(b"\033[1mTINY : 0x", coloured)
        shape = re.sub(rb"0x[0-9A-Fa-f]+", b"P", re.sub(rb"\033\[\d+m", b"", coloured))
        self.assertEqual(shape, re.sub(rb"0x[0-9A-Fa-f]+", b"P", plain))


class Output(unittest.TestCase):
    def test_a_descriptor(self):
        with tempfile.TemporaryFile("w+") as file:
            _, errors = run("each", pass_fds=(file.fileno(),), FT_MALLOC_DEBUG="1", FT_MALLOC_OUTPUT=str(file.fileno()))
            file.seek(0)
            self.assertEqual(len(file.read().splitlines()), 13)
            self.assertEqual(errors, "")

    def test_a_file_is_appended_to_and_is_the_users_own(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "log")
            for count in (1, 2):
                run("each", FT_MALLOC_DEBUG="1", FT_MALLOC_OUTPUT=str(path))
                self.assertEqual(len(path.read_text(encoding="ascii").splitlines()), 13 * count)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def refused(self, path):
        _, errors = run("each", FT_MALLOC_DEBUG="1", FT_MALLOC_OUTPUT=str(path))
        lines = errors.splitlines()
        self.assertEqual(lines[0], f"ft_malloc: output cannot go to '{path}'; it goes to standard error")
        self.assertEqual(len(lines), 14)

    def test_what_somebody_else_may_have_put_there_is_refused(self):
        with tempfile.TemporaryDirectory() as directory:
            target = Path(directory, "target")
            target.write_text("as it was", encoding="ascii")
            link, twin, pipe = (Path(directory, name) for name in ("link", "twin", "pipe"))
            link.symlink_to(target)
            os.link(target, twin)
            os.mkfifo(pipe)
            dangling = Path(directory, "dangling")
            dangling.symlink_to(Path(directory, "nowhere"))
            for path in (link, twin, pipe, dangling, Path(directory), Path(directory, "missing", "log")):
                self.refused(path)
            self.assertEqual(target.read_text(encoding="ascii"), "as it was")
            self.assertFalse(Path(directory, "nowhere").exists())
            if os.geteuid() == 0:
                other = Path(directory, "other")
                other.touch()
                os.chown(other, 12345, 12345)
                self.refused(other)

    def test_a_path_that_is_told_of_is_a_part_of_its_line(self):
        for option, line in (("OUTPUT", "output cannot go to '/no?where?/file'; it goes to standard error"),
                             ("TRACE", "no trace can be written to '/no?where?/file'")):
            _, errors = run("nothing", FT_MALLOC_STATS="exit", **{f"FT_MALLOC_{option}": "/no\nwhere\x1b/file"})
            self.assertIn(f"ft_malloc: {line}", errors.splitlines())

    def test_a_descriptor_that_is_none_is_refused(self):
        self.refused("177")
        self.refused("99999999999")

    def test_a_program_that_closes_all_but_the_first_three_is_told_of_on_standard_error(self):
        _, errors = run("rest", FT_MALLOC_LEAKS="1", FT_MALLOC_STATS="exit")
        lines = errors.splitlines()
        self.assertIn("where the memory is", errors)
        self.assertEqual([size for _, size in leaks_in(lines[lines.index(LEAKS_HEAD):lines.index(LEAKS_TAIL) + 1])], [208])
        with tempfile.TemporaryDirectory() as directory:
            _, errors = run("rest", FT_MALLOC_LEAKS="1", FT_MALLOC_OUTPUT=f"{directory}/report")
            self.assertEqual(errors, "")

    def test_what_is_told_of_errors_goes_to_no_file_of_the_programs(self):
        with tempfile.TemporaryDirectory() as directory:
            def move():
                os.chdir(directory)

            data = Path(directory, "data")
            for options in ({"FT_MALLOC_STATS": "exit"}, {"FT_MALLOC_LEAKS": "1", "FT_MALLOC_OUTPUT": f"{directory}/%p"}):
                _, errors = run("data", preexec=move, FT_MALLOC_MISUSE="warn", FT_MALLOC_EXHAUSTED="explain", **options)
                self.assertEqual(data.read_text(encoding="ascii"), "data")
                self.assertRegex(errors, "(?m)^ft_malloc: double free of 0x")
                self.assertRegex(errors, "(?m)^ft_malloc: out of memory: ")
                data.unlink()
            # Who keeps nothing writes where it can.
            _, errors = run("data", preexec=move, FT_MALLOC_MISUSE="warn")
            self.assertRegex(data.read_text(encoding="ascii"), "^dataft_malloc: double free of 0x")
            self.assertEqual(errors, "")

    def test_a_program_has_the_descriptors_to_itself_that_scripts_name(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

        plain, _ = run("descriptors", preexec=limit)
        with tempfile.TemporaryDirectory() as directory:
            for options in ({"FT_MALLOC_LEAKS": "1"}, {"FT_MALLOC_STATS": "exit", "FT_MALLOC_OUTPUT": f"{directory}/table"},
                            {"FT_MALLOC_DEBUG": "1", "FT_MALLOC_TRACE": f"{directory}/trace"}):
                self.assertEqual(run("descriptors", preexec=limit, **options)[0], plain)
            self.assertEqual(len(list(Path(directory).iterdir())), 2)

    def test_few_descriptors_are_enough(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        for count in (200, 128, 16):
            def limit(count=count):
                resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))

            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory, "report")
                _, errors = run("nothing", preexec=limit, FT_MALLOC_LEAKS="1")
                self.assertEqual(errors.splitlines()[0], LEAKS_HEAD)
                _, errors = run("nothing", preexec=limit, FT_MALLOC_LEAKS="1", FT_MALLOC_OUTPUT=str(path))
                self.assertEqual(errors, "")
                self.assertIn(LEAKS_HEAD, path.read_text(encoding="ascii"))

    @unittest.skipIf("FT_NO_FILE_LIMIT" in os.environ, "no limit to files here")
    def test_a_file_that_can_be_no_longer_ends_no_program(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))

        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "log")
            _, errors = run("thousands", preexec=limit, FT_MALLOC_DEBUG="1", FT_MALLOC_LEAKS="1",
                            FT_MALLOC_OUTPUT=str(path))
            self.assertEqual(errors, "")
            text = path.read_text(encoding="ascii")
            self.assertIn(len(text), range(8900, 9001))
            self.assertTrue(text.endswith("\n"))

    def test_a_number_with_a_unit_is_a_file_where_the_process_is(self):
        with tempfile.TemporaryDirectory() as directory:
            _, errors = run("one", preexec=lambda: os.chdir(directory), FT_MALLOC_LEAKS="1", FT_MALLOC_OUTPUT="2K")
            self.assertEqual(errors, "")
            self.assertIn(LEAKS_HEAD, Path(directory, "2K").read_text(encoding="ascii"))

    def test_statistics_go_there_too(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "table")
            _, errors = run("one", FT_MALLOC_STATS="exit", FT_MALLOC_OUTPUT=str(path))
            self.assertEqual(errors, "")
            self.assertIn("where the memory is", path.read_text(encoding="ascii"))


class Fill(unittest.TestCase):
    def test_new_chunks_have_the_complement_and_freed_ones_the_byte(self):
        for name in ("FT_MALLOC_PERTURB", "MALLOC_PERTURB_"):
            output, errors = run("fill", **{name: "165"})
            self.assertEqual((output, errors), ("90 90 5 90 0 165\n", ""))


class Past(unittest.TestCase):
    """What is told of a pointer that was misused, behind the line that says so."""

    def told(self, program, expected=0, **options):
        """By misuse: its line, and after it the calls as (order, address, bytes, what, stack)."""
        _, errors = run(program, expected, **{"FT_MALLOC_MISUSE": "warn", **options})
        misuses = []
        for line in errors.splitlines():
            if line.startswith("ft_malloc: "):
                misuses.append((line, []))
            elif match := FRAME.fullmatch(line):
                frames = misuses[-1][1][-1][-1]
                self.assertEqual(int(match[1]), len(frames))
                frames.append(match[2])
            else:
                match = re.fullmatch(r"\[(\d+)\] (0x[0-9a-f]+) -> (0x[0-9a-f]+) : (\d+) bytes, (.*) by thread 1", line)
                self.assertTrue(match, line)
                self.assertEqual(int(match[3], 16) - int(match[2], 16), int(match[4]))
                misuses[-1][1].append((int(match[1]), int(match[2], 16), int(match[4]), match[5], []))
        return misuses

    def test_the_calls_that_had_a_pointer_are_told_if_they_are_remembered(self):
        for stacks in ("0", "all", "copy"):
            (line, calls), (second, _) = self.told("double", FT_MALLOC_HISTORY="100", FT_MALLOC_STACKS=stacks)
            address = int(re.match("ft_malloc: double free of (0x[0-9A-F]+): ", line)[1], 16)
            self.assertEqual([call[:4] for call in calls], [
                (1, address, 30, "malloc"), (2, address, 30, "free"), (3, address, 0, "free (misuse)")])
            self.assertTrue(second.startswith("ft_malloc: realloc of a freed pointer "))
            if stacks == "all":
                self.assertEqual(len({tuple(frames) for *_, frames in calls}), 3)  # three places
                for *_, frames in calls:
                    self.assertTrue(any(frame.startswith(f"{PROBE}+0x") for frame in frames), frames)
            else:
                self.assertEqual([call[4] for call in calls], [[]] * 3)

    def test_nothing_is_told_of_what_is_not_remembered(self):
        for options in ({}, {"FT_MALLOC_STACKS": "all"}, {"FT_MALLOC_DEBUG": "0"}):
            self.assertEqual([calls for _, calls in self.told("double", **options)], [[], []])
        # The last two calls alone: of the others nothing is known any more.
        (_, calls), _ = self.told("double", FT_MALLOC_HISTORY="2")
        self.assertEqual([call[3] for call in calls], ["free", "free (misuse)"])

    def test_the_last_calls_alone_are_told_and_of_no_other_pointer(self):
        interior, double = self.told("busy", FT_MALLOC_HISTORY="1000")
        self.assertIn(" of an interior pointer ", interior[0])
        self.assertEqual([call[2:4] for call in interior[1]],
                         [(40, "malloc"), (40, "free"), (39, "malloc"), (0, "free (misuse)")])
        self.assertIn(" double free of ", double[0])
        self.assertEqual([call[2:4] for call in double[1]], [(40, "free"), (39, "malloc"), (39, "free"), (0, "free (misuse)")])
        self.assertEqual(len({call[1] for call in double[1]}), 1)

    def test_a_process_that_ends_by_it_tells_it_before(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "log")
            (line, calls), = self.told("double", expected=-6, FT_MALLOC_PRESET="debug", FT_MALLOC_MISUSE="abort",
                                       FT_MALLOC_OUTPUT=str(path))
            self.assertIn(" double free of ", line)
            self.assertEqual(len(calls), 3)


class Answers(unittest.TestCase):
    def test_a_value_out_of_range_is_answered_with_the_range(self):
        for setting, answer in (
                ("history=1000001", "it is a number from 1 to 1000000, or 0"),
                ("history=many", "it is a number from 1 to 1000000, or 0"),
                ("perturb=256", "it is a number from 1 to 255, or 0"),
                ("mapping=257M", "it is a number from 0 to 268435456, or usual"),
                ("debug=2", "it is one of 0, 1"),
                ("leaks=2", "it is one of 0, 1, fail, scan"),
                ("output=", "it is a text of up to 1023 bytes, or errors")):
            key, value = setting.split("=")
            _, errors = run("nothing", FT_MALLOC_OPTIONS=setting)
            self.assertEqual(errors, f"ft_malloc: option '{key}' cannot be '{value}'; {answer}\n")

    def test_what_glibc_has_names_for_is_heeded_or_means_nothing(self):
        for setting in ({"MALLOC_CHECK_": "3"}, {"MALLOC_ARENA_MAX": "1"}, {"MALLOC_TOP_PAD_": "1"},
                        {"MALLOC_TRIM_THRESHOLD_": "100000"}, {"MALLOC_MMAP_THRESHOLD_": "65536"},
                        {"MALLOC_TRIM_THRESHOLD_": "-1"}, {"MALLOC_MMAP_THRESHOLD_": "4294967296"},
                        {"MALLOC_PERTURB_": "0"}, {"MALLOC_PERTURB_": "300"}):
            self.assertEqual(run("each", **setting), ("", ""))


unittest.main()
