#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether tools/mutate says no: a mutant that nobody can notice, a line that is gone, a list that is none."""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE = "core/text.c"
OLD = "text_number(text, number, 10, upper_digits, 1);"

# (what is tried, the list, the exit status, a part of what is said)
CASES = [
    ("a mutant that a test notices", f"a.b.1  {FILE}\n- {OLD}\n+ return;\n", 0, "1 caught"),
    ("one that none can notice", f"a.b.1  {FILE}\n- {OLD}\n+ {OLD} // the same\n", 1, "survived: a.b.1"),
    ("one that does not compile", f"a.b.1  {FILE}\n- {OLD}\n+ return;}}\n", 2, "a.b.1 does not compile"),
    ("a line that is gone", f"a.b.1  {FILE}\n- {OLD} // once\n+ return;\n", 2, "0 lines like this, not 1"),
    ("a line that is there once more", f"a.b.1  {FILE}\n- }}\n+\n", 2, "lines like this, not 1"),
    ("a name that is there twice", f"a.b.1  {FILE}\n- {OLD}\n+\n\n" * 2, 2, "named twice: a.b.1"),
    ("a block without its second line", f"a.b.1  {FILE}\n+ {OLD}\n", 2, "no mutant"),
    ("an empty list", "# nothing\n", 2, "no mutant is chosen"),
]


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "one.list"
        for name, text, status, said in CASES:
            path.write_text(text)
            done = subprocess.run([ROOT / "tools" / "mutate", "--list", path], capture_output=True, text=True,
                                  check=False, stdin=subprocess.DEVNULL)
            output = done.stdout + done.stderr
            good = done.returncode == status and said in output
            failed += not good
            print(f"{'good' if good else 'WRONG'}: {name}")
            if not good:
                print(f"exit status {done.returncode}, not {status}, or not said: {said}\n{output}")
    sys.exit(1 if failed else 0)


main()
