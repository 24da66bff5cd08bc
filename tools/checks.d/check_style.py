# SPDX-License-Identifier: MIT
"""The form of the sources: licence line, macros, left-overs, contracts, clang-format."""

import re
import shutil
import subprocess
import sys

from common import LAYERS, ROOT, Check, blank_comments, files, lines_of, text_of

C_SUFFIXES = {".c", ".h", ".cc", ".cpp"}
LICENSE_LINE = "SPDX-License-Identifier: MIT"
# Written apart, so that this file is not a finding of its own.
LEFT_OVERS = re.compile(r"\b(" + "|".join(("TO" "DO", "FIX" "ME", "X" "XX")) + r")\b")
LONG_FILE = 400

check = Check("style")


def is_source(path):
    return (
        path.suffix in C_SUFFIXES | {".py", ".sh", ".cmake"}
        or path.name == "CMakeLists.txt"
        or text_of(path).startswith("#!")
    )


def check_text(path):
    text = text_of(path)
    if is_source(path):
        head = text.splitlines()[:2]
        first = head[1:] if text.startswith("#!") else head[:1]
        if not first or not first[0].endswith(LICENSE_LINE):
            check.fail(path, 1, f"the file does not begin with {LICENSE_LINE}")
    for number, line in lines_of(path):
        if LEFT_OVERS.search(line):
            check.fail(path, number, f"a left-over: {LEFT_OVERS.search(line).group(1)}")
        if "\t" in line:
            check.fail(path, number, "a tab")
        if line != line.rstrip():
            check.fail(path, number, "a blank at the end of the line")


def check_macros(path):
    """A function-like macro hides from debugger and types: static inline, enum, if (constant)."""
    if path == ROOT / "core" / "check.h":
        return
    for number, line in enumerate(blank_comments(text_of(path)).splitlines(), 1):
        match = re.match(r"\s*#\s*define\s+(\w+)\(", line)
        if match:
            check.fail(path, number, f"{match.group(1)} is a function-like macro outside core/check.h")


# A statement at file level that declares a function: a type, a name, parameters, attributes, ';'.
DECLARATION = re.compile(
    r"^(?!static\b|typedef\b|return\b|#)[A-Za-z_][\w\s*]*?[\s*](\w+)\([^;{}]*\)[^;{}()]*(\([^;{}]*\))*\s*;",
    re.M,
)


# What a layer's directory holds; an editor's or a patch's leavings are none of it.
LAYER_SUFFIXES = {".c", ".h", ".list", ".md"}


def check_contracts(path):
    """Who may call a function is said above it, or above the declarations it stands among."""
    lines = text_of(path).splitlines()
    blanked = blank_comments(text_of(path))
    contracted_until = -1  # the last line of the declaration before, if that had a contract
    for match in DECLARATION.finditer(blanked):
        first = blanked[: match.start()].count("\n")
        last = blanked[: match.end()].count("\n")
        comment = []
        above = first - 1
        while above >= 0 and lines[above].lstrip().startswith("//"):
            comment.append(lines[above])
            above -= 1
        told = re.search(r"\b(OWNER|LOCKED|ANY)\b", " ".join(comment))
        if told or (not comment and contracted_until == first - 1):
            contracted_until = last
        else:
            check.fail(path, first + 1, f"{match.group(1)} does not say who may call it: OWNER, LOCKED or ANY")


def check_format(paths):
    formatter = shutil.which("clang-format")
    if not formatter:
        sys.exit("check style: clang-format is missing")
    done = subprocess.run(
        [formatter, "--style=file", "--dry-run", "-Werror", *map(str, paths)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )
    found = re.findall(r"^(\S+?):(\d+):\d+: error: (.*)$", done.stderr, re.M)
    for path, line, cause in dict.fromkeys(found):  # several on one line are one finding
        check.fail(path, line, cause)
    if done.returncode != 0 and not found:
        sys.exit(f"check style: clang-format failed: {done.stderr}")


def main():
    sources = files(suffixes=C_SUFFIXES)
    for path in files():
        if is_source(path) or path.suffix in {".md", ".list", ".json", ".txt"} or "." not in path.name:
            check_text(path)
    for path in sources:
        check_macros(path)
    for path in files(LAYERS):
        if path.suffix not in LAYER_SUFFIXES:
            check.fail(path, 1, "is no file of a layer: they hold " + " ".join(sorted(LAYER_SUFFIXES)))
    for path in files(("core",), {".h"}):
        if path.name != "ft_core.h":  # the public one, with terms of its own
            check_contracts(path)
    check_format(sources)
    for path in files(LAYERS, C_SUFFIXES):
        count = len(text_of(path).splitlines())
        if count > LONG_FILE:
            print(f"note: {path.relative_to(ROOT)} has {count} lines: one topic?")
    check.finish(f"{len(sources)} C files")


main()
