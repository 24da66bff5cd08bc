# SPDX-License-Identifier: MIT
"""Running programs with a library preloaded, and never taking a failure for a measurement."""
import os
import shlex
import subprocess


class Failed(Exception):
    """A program that should have been measured did not run, or not as asked."""


def environment(preload=None, extra=None):
    """This process's environment without an LD_PRELOAD of its own."""
    result = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    result["LC_ALL"] = "C"
    if preload:
        result["LD_PRELOAD"] = str(preload)
    result.update(extra or {})
    return result


def run(command, preload=None, extra=None, stdin=None):
    """Runs a command to its end; (standard output, standard error). Raises Failed."""
    command = [str(word) for word in command]
    done = subprocess.run(command, env=environment(preload, extra), capture_output=True, text=True,
                          stdin=stdin or subprocess.DEVNULL)
    # The loader only warns when it cannot preload, and the program runs on glibc's malloc.
    if done.returncode != 0 or "cannot be preloaded" in done.stderr:
        with_library = f"LD_PRELOAD={preload} " if preload else ""
        raise Failed(f"{with_library}{shlex.join(command)}\nexit status {done.returncode}\n{done.stderr.strip()}")
    return done.stdout, done.stderr
