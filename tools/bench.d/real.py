# SPDX-License-Identifier: MIT
"""Real programs, each with an input that is made once, and run so that its memory is malloc's."""
import shutil
import sys

import build
import inputs
import packages

_HERE = build.HERE / "programs"
_COMMANDS = {"sqlite3": ["sqlite3"], "lua": ["lua5.4"], "perl": ["perl"], "php": ["php"], "node": ["node"],
             "gcc": ["g++"], "git-repack": ["git"], "redis": ["redis-server"], "z3": ["z3"]}


def _which(name):
    return shutil.which(name, path="/usr/bin:/bin:/usr/local/bin")


def python3(_, percent=40):
    # Python's own arenas are mmap'ed by Python: with malloc for everything its memory is the allocator's.
    return {"command": (build.python(), "-S", _HERE / "churn.py", percent), "is_quick": True,
            "environment": {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}}


def sqlite3(_, items=100000):
    return {"command": (_which("sqlite3"), "-batch", "-cmd", ".parameter init", "-cmd", f".parameter set :items {items}",
                        ":memory:"),
            "stdin": _HERE / "churn.sql", "is_quick": True}


def _lua(_):
    return {"command": (_which("lua5.4"), _HERE / "churn.lua", 25)}


def _perl(_):
    return {"command": (_which("perl"), _HERE / "churn.pl"), "environment": {"PERL_HASH_SEED": "0"}}


def _php(_):
    return {"command": (_which("php"), "-n", _HERE / "churn.php"), "environment": {"USE_ZEND_ALLOC": "0"}}


def _node(_):
    return {"command": (_which("node"), _HERE / "churn.js")}


def gcc(directory):
    return {"command": (inputs.compiler(), "-quiet", "-w", "-fpreprocessed", "-O0", "-o", "-",
                        inputs.translation_unit(directory)), "is_quick": True}


def git_repack(directory, commits=400):
    # What `git repack -f` runs, in one thread, so that the pack is the same each time.
    return {"command": (_which("git"), f"--git-dir={inputs.repository(directory, commits)}", "pack-objects", "--all", "-q",
                        "--stdout", "--no-reuse-delta", "--no-reuse-object", "--threads=1", "--window=20")}


def redis(directory, count=160000):
    socket = directory / "redis.socket"
    return {"command": (_which("redis-server"), "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly",
                        "no", "--logfile", "/dev/null"),
            "companion": (build.python(), _HERE / "redis_client.py", socket, inputs.commands(directory, count)),
            "is_quick": True}


def _z3(directory):
    return {"command": (_which("z3"), inputs.equations(directory))}


_PROGRAMS = {"python3": python3, "sqlite3": sqlite3, "lua": _lua, "perl": _perl, "php": _php, "node": _node,
             "gcc": gcc, "git-repack": git_repack, "redis": redis, "z3": _z3}


def commands_of(name):
    """The commands that a program needs."""
    return _COMMANDS.get(name, [])


def programs(directory):
    """The fields of a workload for each program that is there, or could be installed."""
    packages.install([packages.PACKAGE_OF[command] for commands in _COMMANDS.values() for command in commands
                      if _which(command) is None])
    made = directory / "inputs"
    made.mkdir(exist_ok=True)
    for name, fields in _PROGRAMS.items():
        missing = [command for command in commands_of(name) if _which(command) is None]
        if missing:
            print(f"{name} is left out: {' '.join(missing)} is not installed", file=sys.stderr)
        else:
            yield {"name": name, **fields(made)}
