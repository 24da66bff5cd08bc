#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Code that lies behind the rest (tools/build/layout.cmake) is what a plain program never runs.

  test_order.py --program PATHS --library LIBRARY

The program of the golden counts allocates, resizes and frees chunks of all kinds. No function that it runs from start to
end may be of a source that layout.cmake names: each would bring sixteen pages more into every process's memory. And all of
them lie before what such sources export.
"""
import argparse
import re
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools" / "bench.d"))

import process  # noqa: E402
from golden import PATHS  # noqa: E402

LAYOUT = ROOT / "tools" / "build" / "layout.cmake"
# Of seldom sources: functions that the library exports.
BEHIND = ["show_alloc_mem", "show_alloc_mem_ex", "mallinfo2", "mallopt", "malloc_trim", "ft_heap_create",
          "ft_malloc_stats_print", "reallocarr"]


def seldom_sources():
    """The names in layout.cmake, such as core/walk.c."""
    names = re.search(r"set\(FT_SELDOM([^)]*)\)", LAYOUT.read_text(encoding="utf-8")).group(1)
    return {f"{name}.c" for name in names.split()}


def functions_run(program, path, library):
    """{(function, its source)} of the library that the program runs. The source may be a header, of what is inlined."""
    with tempfile.NamedTemporaryFile(mode="r") as told:
        process.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={told.name}", "--compress-strings=no",
                     program, "rounds", "1", path], library)
        found, here, source = set(), False, ""
        for line in told.read().splitlines():
            key, _, value = line.partition("=")
            if key == "ob":
                here = Path(value).resolve() == Path(library).resolve()
            elif key == "fl":
                source = "/".join(value.split("/")[-2:])
            elif key == "fn" and here:
                found.add((value.partition("'")[0], source))
    return found


def addresses(library):
    """{function: its addresses}"""
    symbols, _ = process.run(["readelf", "-sW", library])
    found = {}
    for words in map(str.split, symbols.splitlines()):
        if len(words) == 8 and words[3] == "FUNC" and words[6] != "UND":
            found.setdefault(words[7].partition("@")[0], set()).add(int(words[1], 16))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--library", required=True)
    options = parser.parse_args()
    run = set().union(*(functions_run(options.program, path, options.library) for path in PATHS))
    seldom = seldom_sources()
    astray = [f"{function} of {source}" for function, source in sorted(run) if source in seldom]
    if astray:
        sys.exit("FAILED: run by a plain program, although layout.cmake says otherwise: " + ", ".join(astray))
    ours = {function for function, source in run if (ROOT / source).exists()}
    if not {"malloc", "free", "large_take", "run_take", "end"} <= ours:
        sys.exit(f"FAILED: the program did not run what it should: {sorted(run)}")
    print(f"ok: none of {len(ours)} functions that a plain program runs is of {len(seldom)} sources that lie behind")
    where = addresses(options.library)
    behind = min(min(where[function]) for function in BEHIND)
    late = [function for function in sorted(ours) if function in where and min(where[function]) > behind]
    if late:
        sys.exit("FAILED: behind what is asked for, although a plain program runs it: " + ", ".join(late))
    print("ok: all of them lie before what those sources export")


if __name__ == "__main__":
    main()
