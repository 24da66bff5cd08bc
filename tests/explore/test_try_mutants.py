#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether try_mutants.py says no: a mutant that no scenario can notice, a line that is gone, one that does not compile.

  test_try_mutants.py BUILD DIRECTORY
"""
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEAD = "a  core/zone_home.c\n"
SCENARIO = "retire_last"  # which notices the first, and takes no time
LINE = "return atomic_exchange_explicit(at, 0, memory_order_seq_cst);"

# (what is tried, the list, the exit status, a part of what is said)
CASES = [
    ("a mutant that a scenario notices", f"{HEAD}- {LINE}\n+ return 0;\n", 0, "good: a: caught by"),
    ("one that none can notice", f"{HEAD}- {LINE}\n+ {LINE} // the same\n", 1, "WRONG: a: not caught"),
    ("one that does not compile", f"{HEAD}- {LINE}\n+ return;}}\n", 2, "error"),
    ("a line that is gone", f"{HEAD}- {LINE} // once\n+ return 0;\n", 2, "0 lines like this, not 1"),
    ("an empty list", "# nothing\n", 2, "no mutants"),
]


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "one.list"
        for name, text, status, said in CASES:
            path.write_text(text)
            done = subprocess.run([HERE / "try_mutants.py", *sys.argv[1:3], "--list", path, "--in", SCENARIO],
                                  capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            output = done.stdout + done.stderr
            good = done.returncode == status and said in output
            failed += not good
            print(f"{'good' if good else 'WRONG'}: {name}")
            if not good:
                print(f"exit status {done.returncode}, not {status}, or not said: {said}\n{output}")
    sys.exit(1 if failed else 0)


main()
