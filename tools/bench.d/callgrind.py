# SPDX-License-Identifier: MIT
"""Exact instruction counts of a workload program (see workload.h) under valgrind's callgrind.

A round costs the difference of a run of 2N rounds and one of N, divided by N: start-up, set-up, warm-up and
exit are the same in both and cancel. Net of a baseline: the same for the library none.c, which does nothing.

The numbers are exact for one compiler and one libc. They are not the same on every CPU where a path goes
through a function that libc chooses by CPU (memcpy, memset); valgrind hides the newest extensions, which
makes that rarer, not impossible. Measure paths that copy and clear little.
"""
import re
from fractions import Fraction

import process

_VALGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
_interpreters = {}


def _interpreter(program):
    """The program's dynamic loader."""
    if program not in _interpreters:
        headers, _ = process.run(["readelf", "-l", program])
        _interpreters[program] = re.search(r"program interpreter: ([^]]+)]", headers).group(1)
    return _interpreters[program]


def collected(program, arguments, preload=None):
    """The instructions of one run.

    The library is preloaded by the loader's own option: LD_PRELOAD would reach valgrind's launcher too, which
    is a shell script and does not survive an allocator that does nothing.
    """
    loader = [_interpreter(program)] + (["--preload", preload] if preload else [])
    _, errors = process.run(_VALGRIND + loader + [program] + list(arguments))
    return int(re.search(r"Collected : (\d+)", errors).group(1))


def per_round(program, rounds, preload=None, part=()):
    """Instructions of one round, as an exact fraction."""
    once = collected(program, ["rounds", rounds, *part], preload)
    twice = collected(program, ["rounds", 2 * rounds, *part], preload)
    return Fraction(twice - once, rounds)
