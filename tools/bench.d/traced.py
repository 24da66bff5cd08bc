# SPDX-License-Identifier: MIT
"""The programs whose traces are stored (tests/replay/traces), and the traces as workloads.

They are programs of the group of that name, with less to do, and one of ours in C++ with threads.
"""
import sys
from pathlib import Path

import build
import inputs
import packages
import process
import real

ROOT = build.HERE.parent.parent
STORED = ROOT / "tests" / "replay" / "traces"
SUFFIX = ".trace.zst"
CALLS = 5_000_000  # that a sample plays, in as many processes as that takes

_MOVE_COUNT = slice(8, 16)  # of a file of moves
_CXX = ROOT / "tests" / "replay" / "strings.cpp"


def _gcc(made):
    return {"command": (inputs.compiler("cc1"), "-quiet", "-w", "-fpreprocessed", "-O2", "-o", "-", inputs.c_source(made))}


def _cxx(made):
    program = made / "strings"
    process.run(["g++", "-O2", "-std=c++17", "-pthread", "-o", program, _CXX])
    return {"command": (program, 6000)}


# name -> (the fields of a workload, the package whose version is told, the commands that it needs, how it is told).
_PROGRAMS = {
    "python3": (lambda made: real.python3(made, 0.4), "python3", ["python3"],
                "`PYTHONMALLOC=malloc python3 -S churn.py 0.4`"),
    "gcc": (_gcc, "gcc-12", ["gcc", "g++"], "`cc1 -O2` of `single/json.c`, preprocessed"),
    "sqlite3": (lambda made: real.sqlite3(made, 20000), "sqlite3", ["sqlite3"],
                "`sqlite3 :memory:` of `churn.sql` with 20000 items"),
    "redis": (lambda made: real.redis(made, 12000), "redis-server", ["redis-server"],
              "`redis-server` with 12000 commands of `redis_client.py`"),
    "git": (lambda made: real.git_repack(made, 150), "git", ["git"],
            "`git pack-objects --all --window=20` of a repository of 150 commits"),
    "cxx": (_cxx, "g++-12", ["g++"], "`tests/replay/strings.cpp` with 6000 steps in each of 4 threads"),
}
NAMES = list(_PROGRAMS)
_QUICK = {"redis"}


def program(name, directory):
    """(the fields of a workload, what it is in words, its version). Raises process.Failed if it is not there."""
    fields_of, package, commands, words = _PROGRAMS[name]
    if not packages.need_commands(*commands):
        raise process.Failed(f"{name}: " + " ".join(commands) + " is wanted, and not installed")
    made = directory / "inputs"
    made.mkdir(parents=True, exist_ok=True)
    return fields_of(made), words, f"{package} {packages.version(package) or 'not from a package'}"


def player(library):
    """ft_replay: beside the library, or in the release tree; None if there is none."""
    places = (Path(library).parent / "ft_replay", ROOT / "build" / "release" / "ft_replay")
    return next((str(place) for place in places if place.exists()), None)


def workloads(directory, ft_replay, scale=1.0):
    """The fields of a workload for each stored trace, played by one thread, again and again, each time by a new process."""
    if ft_replay is None or not packages.need_commands("zstd"):
        print("traces are left out: they want ft_replay, beside the library or in build/release, and zstd", file=sys.stderr)
        return
    made = directory / "inputs"
    made.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        moves = made / f"{name}.moves"
        process.run([ft_replay, "--moves", moves, STORED / (name + SUFFIX)])
        count = int.from_bytes(moves.read_bytes()[_MOVE_COUNT], "little")
        yield {"name": name, "command": (ft_replay, "--play", moves, max(1, round(scale * CALLS / count))),
               "tells_time": True, "is_quick": name in _QUICK}


def remove(path):
    """A trace, and those beside it that forked children or earlier runs have left."""
    for found in path.parent.glob(path.name + "*"):
        found.unlink()
