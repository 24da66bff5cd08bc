#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_layout.py COMMON: that the check of the library's layout (tools/build/common) notices what it is there for, on small
libraries that each break one rule."""
import pathlib
import subprocess
import sys
import tempfile

# A function of the list, alone; far up in its file; beside a word to be written; beside pointers to be relocated.
FUNCTION = "void acquire(void); void acquire(void) {}\n"
WELL = FUNCTION
FAR = '__asm__(".text\\n.skip 0x20000\\n");\n' + FUNCTION
WRITTEN = FUNCTION + "int written = 1;\n"
RELOCATED = FUNCTION + "int there; int *const relocated[600] = {[0 ... 599] = &there};\n"
# Their startup files have words of their own.
LINK = ("-shared", "-fPIC", "-O0", "-fno-toplevel-reorder", "-nostartfiles", "-Wl,-z,now")


def told(common, source):
    with tempfile.TemporaryDirectory() as directory:
        library = pathlib.Path(directory, "library.so")
        subprocess.run(["cc", *LINK, "-x", "c", "-", "-o", library], input=source, text=True, check=True)
        done = subprocess.run([common, "--check", library], capture_output=True, text=True, check=False)
    if done.returncode != 1 or done.stderr:
        sys.exit(f"it ended with {done.returncode}: {done.stderr}")
    # Most of what the list names is in none of them.
    return [line for line in done.stdout.splitlines() if not line.endswith("is no function of the library")]


def expect(common, source, *sentences):
    lines = told(common, source)
    if len(lines) != len(sentences) or not all(sentence in line for sentence, line in zip(sentences, lines)):
        sys.exit(f"told: {lines}, expected: {sentences}\n{source}")


expect(sys.argv[1], WELL)
expect(sys.argv[1], FAR, "acquire ends at")
expect(sys.argv[1], WRITTEN, "4 bytes that may be written begin as something else than zero")
expect(sys.argv[1], RELOCATED, "are relocated, which are more than a page")
