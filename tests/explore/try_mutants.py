#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the core's protocol on purpose, and wants the scenarios to notice each time.

  try_mutants.py BUILD DIRECTORY [--list PATH] [--in SCENARIO] [NAME ...]
      all mutants of mutants.list or another list, or those, in all scenarios or in one

BUILD, which CMake writes, tells how the program was compiled and of what it was linked. A mutant is compiled and
linked in DIRECTORY. The form of the list is that of tools/mutate (tools/mutate.d/entries.py), but blocks of one name
are one mutant, all of which is applied. It is caught if the program says so with a schedule; a mutant that crashes the
program in another way is not.

Exit status: 0 if each is caught; 1 if not; 2 if a line is gone, or something does not build.
"""
import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools" / "mutate.d"))

import entries  # noqa: E402

SECONDS = 300
JOBS = min(2, len(os.sched_getaffinity(0)))
CONTROL = "control"  # the source as it is, made the same way


class Build:
    """What CMake wrote."""

    def __init__(self, path):
        self.compile, self.link, self.core, self.other = [], [], [], []
        for line in path.read_text().splitlines():
            kind, _, rest = line.partition(" ")
            if kind in ("compile", "link"):
                setattr(self, kind, rest.split())
            elif kind in ("core", "other"):
                getattr(self, kind).append(rest)

    def source_of(self, object_file):
        """core/heap.c, of the object that was made of it."""
        name = Path(object_file).name.removesuffix(".o")
        core = ROOT / "core" / name
        return core if core.exists() else HERE / name


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise entries.Wrong(f"{' '.join(map(str, command))}\n{done.stderr}")


def make(build, directory, edits):
    """The program, of a core to which the edits were made."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(ROOT / "core", directory / "core")
    changed = set()
    for edit in edits:
        path = directory / edit.file
        path.write_text(edit.apply(path.read_text()))
        changed.add(Path(edit.file).name)
    everything = any(name.endswith(".h") for name in changed)
    objects = []
    for object_file in build.core:
        source = build.source_of(object_file)
        if not everything and source.name not in changed:
            objects.append(object_file)
            continue
        own = directory / "core" / source.name
        target = directory / (source.name + ".o")
        run([*build.compile, "-I", directory, "-I", ROOT, "-c", own if own.exists() else source, "-o", target])
        objects.append(target)
    program = directory / "program"
    run([*build.link, *objects, *build.other, "-o", program])
    return program


def attempt(build, directory, edits, scenario):
    """What the program says of a mutant: the name of the scenario that caught it, or None."""
    program = make(build, directory, edits)
    try:
        done = subprocess.run([program, *scenario], capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 1 or "the schedule: --replay" not in done.stdout:
        return None
    return done.stdout.split("the schedule: --replay ")[1].split()[0]


def parse_arguments():
    parser = argparse.ArgumentParser(prog="try_mutants.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", type=Path, default=HERE / "mutants.list", metavar="PATH")
    parser.add_argument("--in", action="append", default=[], metavar="SCENARIO", dest="scenario")
    return parser.parse_args()


def choose(options):
    """{name: edits} of the mutants to be tried."""
    mutants = {}
    for edit in entries.read(options.list):
        mutants.setdefault(edit.name, []).append(edit)
    unknown = [name for name in options.names if name not in mutants]
    if unknown or not mutants:
        raise entries.Wrong(f"no mutants: {' '.join(unknown)}")
    return {name: edits for name, edits in mutants.items() if not options.names or name in options.names}


def main():
    options = parse_arguments()
    build, directory = Build(options.build), options.directory
    chosen = choose(options)
    first = next(iter(chosen.values()))[0]
    same = entries.Mutant(CONTROL, first.file, first.old, first.old, first.which, first.count)
    trials = {CONTROL: [same], **chosen}
    survivors = 0
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        results = pool.map(lambda name: attempt(build, directory / name, trials[name], options.scenario), trials)
        for name, catcher in zip(trials, results):
            good = (catcher is None) == (name == CONTROL)
            survivors += not good
            print(f"{'good' if good else 'WRONG'}: {name}: {'caught by ' + catcher if catcher else 'not caught'}",
                  flush=True)
    print(f"{len(chosen)} mutants, {survivors} wrong")
    return 1 if survivors else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except entries.Wrong as trouble:
        print(f"explore_mutants: {trouble}", file=sys.stderr)
        sys.exit(2)
