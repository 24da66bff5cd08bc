#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Every option at each of its values that are of interest, every preset, and some of them together: a program that does all at
# once (every_probe.c) ends as it should, with what the options promise, and with nothing else.
#
#   test_every_option.py OPTIONS_LIST EVERY_PROBE EVERY_PLUGIN [--pairs]    --pairs: also each two values together
#
# The options are those that the library itself lists: one that nobody has told here what it promises fails.

import concurrent.futures
import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import log_reader  # noqa: E402
import trace_reader  # noqa: E402

LIST, PROBE, PLUGIN = (Path(argument).resolve() for argument in sys.argv[1:4])
WITH_PAIRS = "--pairs" in sys.argv
del sys.argv[1:]

FORKS = "FT_NO_FORK" not in os.environ
# A sanitizer has gigabytes of its own, in which a scan looks for pointers: then it is tried once.
SCAN = "1" if "FT_SLOW_SCAN" in os.environ else "scan"
LARGEST = str(2**63 - 1)
SECONDS_MAX = 100
LOADS, CHILDREN, LEFT_BY_PLUGIN = 5, 3, 611
KEPT = (208, 1000, 1 << 20)
MISUSE = re.compile(r"ft_malloc: (double free|free of a foreign pointer) ")
TABLE_HEAD = "ft_malloc: where the memory is"

# What a value of text is tried with, in a directory of its own; and numbers of bytes beside the least and the largest.
TEXTS = {
    "output": ("{directory}/%p", "{directory}/missing/file", "1", "99"),
    "trace": ("{directory}/trace-%p", "{directory}/missing/trace"),
}
BYTES = {"limit": ("1", "2M"), "stacks": ("1", "512", "64K", "copy:64K")}


def read_list():
    """The options, name -> (values to try, default), and the presets, name -> {option: value}."""
    options, presets = {}, {}
    lines = subprocess.run([LIST], capture_output=True, text=True, check=True).stdout.splitlines()
    for what, name, kind, *words in (line.split("\t") for line in lines):
        if what == "preset":
            presets[name] = dict(pair.split("=") for pair in kind.split(",") if pair)
            continue
        default = words[words.index("default") - 1]
        words.remove("default")
        if kind == "bytes":
            words += ["0", LARGEST, *BYTES.get(name, ())]
        elif kind == "text":
            words += TEXTS[name]
        elif kind != "words":
            words += kind.split("-")
        options[name] = (list(dict.fromkeys(words)), default)
    return options, presets


OPTIONS, PRESETS = read_list()


class Run:
    """One run of the probe with some options, and what it has left."""

    def __init__(self, settings, bad_end=""):
        self.settings, self.bad_end = settings, bad_end
        self.on = {name: default for name, (_, default) in OPTIONS.items()}
        self.on.update(PRESETS[settings.get("preset", "balanced")])
        self.on.update(settings)
        self.command = [PROBE, PLUGIN, *(["fork"] if FORKS else []), *([bad_end] if bad_end else [])]
        with tempfile.TemporaryDirectory() as directory:
            self.directory = directory
            # Where each process's output can be told from the others', unless that is what is tried.
            self.on = {name: value.format(directory=directory) for name, value in self.on.items()}
            if "output" not in settings:
                self.on["output"] = f"{directory}/%p"
            self.start()

    def start(self):
        environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
        # A sanitizer's own look for leaks as a child ends waits for ever for a lock that a thread of the parent had.
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        environment.update({f"FT_MALLOC_{name.upper()}": self.on[name] for name in [*self.settings, "output"]})
        with subprocess.Popen(self.command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.process = process.pid
            try:
                out, errors = process.communicate(timeout=SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        self.status = process.returncode
        self.out, self.errors = out.decode(errors="replace").splitlines(), errors.decode(errors="replace").splitlines()
        pairs = [re.fullmatch(r"(\w+) (-?\d+)", line) for line in self.out]
        self.told = {match[1]: int(match[2]) for match in pairs if match}
        self.children = [int(match[2]) for match in pairs if match and match[1] == "child"]
        files = {path.name: path for path in Path(self.directory).iterdir()}
        self.written = {int(name): path.read_text(encoding="utf-8", errors="replace").splitlines()
                        for name, path in files.items() if name.isdigit()}
        self.traces = {int(name[6:]): trace_reader.read(path) for name, path in files.items()
                       if name.startswith("trace-")}

    def __str__(self):
        settings = " ".join(f"FT_MALLOC_{name.upper()}={value}" for name, value in self.settings.items())
        return f"{settings} {shlex.join(map(str, self.command))}"

    # ---- what the options come to ---------------------------------------------------------------------------

    @property
    def is_cut_short(self):
        """Whether the process ends by a misuse."""
        return bool(self.bad_end) and self.answer == "abort"

    @property
    def answer(self):
        """What is said of the misuse at its end."""
        foreign = self.on["foreign"]
        return foreign if self.bad_end == "foreign" and foreign != "misuse" else self.on["misuse"]

    @property
    def is_limited(self):
        return self.on["limit"] in ("0", "1", "2M")

    @property
    def wants_leaks(self):
        return self.on["leaks"] != "0" or self.on["bonus"] == "1"

    @property
    def stacks(self):
        """How many of the three chunks that are kept have a stack, at least and at most."""
        value = self.on["stacks"]
        if value in ("all", "1", "copy"):
            return 3, 3
        return (0, 0) if value in ("0", LARGEST) else (1, 3)

    @property
    def goes_to_files(self):
        return self.on["output"].endswith("%p")

    @property
    def is_written_to(self):
        return "1" in (self.on["debug"], self.on["bonus"]) or self.wants_leaks or self.on["stats"] == "exit"

    def own(self):
        """What the process itself has written to its output, by the lines; of others where that is one place."""
        if self.goes_to_files:
            return self.written.get(self.process, [])
        return self.out if self.on["output"] == "1" else self.errors


# ---- what each option promises --------------------------------------------------------------------------------


def demand(holds, what):
    if not holds:
        raise AssertionError(what)


def log_of(lines):
    return [line for line in lines if line.startswith("[DEBUG]")]


def check_debug(run):
    for process, lines in run.written.items():
        log = log_of(lines)
        demand((run.on["debug"] == "1") == bool(log) or process != run.process, "there is a log, or none")
        log_reader.live_after(log)
    if run.on["debug"] == "1" and not run.goes_to_files:
        demand(log_of(run.own()), "there is no log")


def check_bonus(run):
    has_bonus = run.on["bonus"] == "1"
    dumped = any(log_reader.DUMP.fullmatch(line) for line in run.own())
    demand(dumped == has_bonus or (has_bonus and run.is_limited), "chunks are dumped, or are not")
    demand((log_reader.HISTORY_HEAD in run.own()) == (has_bonus and not run.is_cut_short), "a history is told, or is not")


def check_leaks(run):
    reports = {process: lines for process, lines in run.written.items() if log_reader.LEAKS_HEAD in lines}
    if run.goes_to_files and not run.is_limited:
        wanted = (0 if run.is_cut_short else 1) + len(run.children) if run.wants_leaks else 0
        demand(len(reports) == wanted, f"{len(reports)} reports instead of {wanted}")
    elif not run.is_cut_short and not run.is_limited:
        demand((log_reader.LEAKS_HEAD in run.own()) == run.wants_leaks, "leaks are told, or are not")
    for process, lines in reports.items():
        count, total = log_reader.leaks_sum(lines)
        if process != run.process:
            demand((count, total) == (1, 333) or run.is_limited, f"a child has left {count} blocks, {total} bytes")
            continue
        sizes = KEPT + (LEFT_BY_PLUGIN,) * run.told["loads"]
        # And what libc keeps of threads and libraries.
        demand(run.is_limited or (len(sizes) <= count <= len(sizes) + 20 and total >= sum(sizes)),
               f"{count} blocks, {total} bytes are left")
        marked = any(line.startswith(("unreachable: ", "(what can be reached")) for line in lines)
        demand(marked == (run.on["leaks"] == "scan"), "what cannot be reached is told, or is not")


def is_of_the_past(line):
    return log_reader.CALL.fullmatch(line) or log_reader.FRAME.fullmatch(line)


def room_of_history(run):
    value = run.on["history"]
    return 1000 if value == "0" and run.on["bonus"] == "1" else int(value)


def check_history(run):
    room = room_of_history(run)
    demand(run.told["history"] <= room and (room == 0 or run.told["history"] > 0), "the history has too few calls, or too many")


def check_stacks(run):
    least, most = run.stacks
    demand(run.is_limited or least <= run.told["stacks"] <= most, f"{run.told['stacks']} of three chunks have a stack")
    if run.wants_leaks and not run.is_cut_short and not run.is_limited:
        grouped = any(log_reader.GROUP.match(line) for line in run.own())
        demand(grouped == (most > 0), "leaks are told by stacks, or are not")


def check_perturb(run):
    wanted = 255 - int(run.on["perturb"])
    demand(wanted == 255 or run.is_limited or run.told["fill"] == wanted, "a new chunk is not filled")


def check_stats(run):
    tables = sum(line.startswith(TABLE_HEAD) for line in run.own())
    wanted = 1 if run.on["stats"] == "exit" and not run.is_cut_short else 0
    others = 0 if run.goes_to_files else len(run.children)
    demand(tables in (wanted, wanted + others), f"{tables} tables")
    if wanted and run.goes_to_files:
        demand(len(run.written) >= 1 + len(run.children), "a child has written no table")


def check_limit(run):
    demand((run.told["refused"] > 0) == run.is_limited, f"{run.told['refused']} calls were refused")


def check_mapping(run):
    is_low = run.on["mapping"] == "0"
    demand(run.is_limited or (run.told["mapped"] > 0) == is_low, "a chunk has a mapping of its own, or has none")


def check_exhausted(run):
    told = sum(line.startswith("ft_malloc: out of memory: ") for line in run.errors)
    if run.on["exhausted"] == "silent":
        demand(told == 0, "an exhaustion is told")
    else:
        demand(told == 1 or (run.is_limited and told > 1), f"{told} exhaustions are told")


def check_misuse(run):
    told = sum(bool(MISUSE.match(line)) for line in run.errors)
    demand(told == (1 if run.bad_end and run.answer != "ignore" else 0), f"{told} misuses are told")
    if told:
        at = next(index for index, line in enumerate(run.errors) if MISUSE.match(line))
        behind = run.errors[at + 1:at + 2]
        has_past = bool(behind) and bool(log_reader.CALL.fullmatch(behind[0]))
        demand(has_past == (room_of_history(run) > 0), "the calls that had the pointer are told, or are not")


def check_output(run):
    value = run.on["output"]
    if value == "errors" or not run.is_written_to:
        return
    refused = sum(line.startswith(f"ft_malloc: output cannot go to '{value}'") for line in run.errors)
    is_bad = "missing" in value or value == "99"
    demand((refused > 0) == is_bad, "where the output goes is refused, or is not")


def check_trace(run):
    value = run.on["trace"]
    refused = sum(line.startswith("ft_malloc: no trace can be written") for line in run.errors)
    demand((refused > 0) == ("missing" in value), "a trace is refused, or is not")
    demand(len(run.traces) == (1 + len(run.children) if "trace-" in value else 0), f"there are {len(run.traces)} traces")
    for process, records in run.traces.items():
        trace_reader.live_after(records)
        demand(records[-1]["kind"] == "end" or (process == run.process and run.is_cut_short), "a trace has no end")


def nothing_to_see(_):
    """What it changes is not seen from outside: that the program does as without it is all."""


PROMISES = {
    "preset": nothing_to_see, "misuse": check_misuse, "foreign": check_misuse, "audit": nothing_to_see,
    "stats": check_stats, "limit": check_limit, "reserve": nothing_to_see, "exhausted": check_exhausted,
    "mapping": check_mapping, "cache": nothing_to_see, "huge": nothing_to_see, "debug": check_debug,
    "bonus": check_bonus, "leaks": check_leaks, "history": check_history, "stacks": check_stacks,
    "perturb": check_perturb, "output": check_output, "trace": check_trace,
}


def check_end(run):
    """What holds whatever is said."""
    fails = run.on["leaks"] == "fail"
    wanted = -signal.SIGABRT if run.is_cut_short else 23 if fails else 0
    demand(run.status == wanted or (fails and run.is_limited and run.status == 0), f"the status is {run.status}")
    demand(run.told["damaged"] == 0, f"{run.told['damaged']} chunks are damaged")
    demand(run.told["signalled"] == 1, "there was no signal")
    demand(run.told["loads"] == LOADS or run.is_limited, f"the library was loaded {run.told['loads']} times")
    if FORKS and not run.is_limited:
        demand(run.children == [23 if fails else 0] * CHILDREN, f"children ended with {run.children}")
    if run.goes_to_files or run.on["output"] == "1":
        strange = [line for line in run.errors if not line.startswith("ft_malloc: ") and not is_of_the_past(line)]
        demand(not strange, f"on standard error stands {strange[:3]}")


def judge(settings, bad_end=""):
    """What is wrong with the program under these options, or None."""
    try:
        run = Run(settings, bad_end)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        return f"{settings} {bad_end}: {error}"
    try:
        check_end(run)
        for check in dict.fromkeys(PROMISES.values()):
            check(run)
    except (AssertionError, ValueError, KeyError) as error:
        tail = "\n    ".join(run.errors[-5:])
        return f"{run}\n  ended with {run.status}: {error!r}\n    {tail}"
    return None


def bad_ends_of(settings):
    # Who has nothing frees nothing twice.
    double = () if settings.get("limit") in ("0", "1") else ("double",)
    ends = {"misuse": ("", *double, "foreign"), "foreign": ("", "foreign"), "preset": ("", *double)}
    return dict.fromkeys(end for name in settings for end in ends.get(name, ("",)))


SINGLE = [(name, value) for name, (values, _) in OPTIONS.items() for value in values]
TOGETHER = (
    {"leaks": "fail", "stacks": "all", "history": "1000", "debug": "1"},
    {"leaks": SCAN, "stacks": "copy", "history": "10", "trace": "{directory}/trace-%p"},
    {"leaks": "1", "stacks": "512", "debug": "1", "bonus": "1", "trace": "{directory}/trace-%p", "stats": "exit"},
    {"leaks": SCAN, "stacks": "all", "perturb": "90", "output": "errors", "audit": "fork"},
    {"preset": "debug", "trace": "{directory}/trace-%p", "limit": "2M", "stats": "exit"},
    {"preset": "hardened", "stacks": "all", "leaks": SCAN, "mapping": "0", "cache": "4096"},
    {"preset": "speed", "bonus": "1", "stacks": "copy", "exhausted": "explain", "trace": "{directory}/trace-%p"},
    {"preset": "memory", "stats": "exit", "debug": "1", "leaks": "1", "reserve": "0"},
)


class EveryOption(unittest.TestCase):
    def judge_all(self, cases):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            wrong = [text for text in pool.map(lambda case: judge(*case), cases) if text]
        if wrong:
            self.fail(f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong[:20]))

    def test_each_option_has_its_promise(self):
        self.assertEqual(set(PROMISES), set(OPTIONS))

    def test_each_value_alone(self):
        # What writes to where another option says is asked to.
        beside = {"output": {"stats": "exit", "debug": "1"}}
        self.judge_all([({name: value, **beside.get(name, {})}, end)
                        for name, value in SINGLE for end in bad_ends_of({name: value})])

    def test_some_together(self):
        self.judge_all([(settings, end) for settings in TOGETHER for end in bad_ends_of(settings)])

    @unittest.skipUnless(WITH_PAIRS, "only by --pairs")
    def test_each_two_values(self):
        self.judge_all([(dict(pair), end) for pair in itertools.combinations(SINGLE, 2)
                        if pair[0][0] != pair[1][0] for end in bad_ends_of(dict(pair))])


unittest.main()
