# SPDX-License-Identifier: MIT
"""The lists in tests/mutants: one small block for each mutant.

    run.bin_of.1  core/run.c  2 of 3
    - return length;
    + return length + 1;

The first line names the mutant and its file, and which of several equal lines is meant; without that the line
is the only one. The second is the line as the source has it, but for the blanks around it, the third what it
becomes: nothing, if the line is dropped. Lines that begin with # are for the reader.
"""
import re
from pathlib import Path


class Wrong(Exception):
    """The list and the source do not agree, or the list is none."""


HEAD = re.compile(r"(?P<id>\S+)  (?P<file>\S+)(?:  (?P<which>\d+) of (?P<count>\d+))?")


class Mutant:
    def __init__(self, name, file, old, new, which=1, count=1):
        self.name, self.file, self.old, self.new = name, file, old, new
        self.which, self.count = which, count

    @property
    def change(self):
        """What makes two mutants the same."""
        return self.file, self.old, self.which, self.new

    def text(self):
        several = f"  {self.which} of {self.count}" if self.count > 1 else ""
        return f"{self.name}  {self.file}{several}\n- {self.old}\n{('+ ' + self.new).rstrip()}\n"

    def line_index(self, lines):
        """The index of the line that is meant; Wrong if the source has changed."""
        found = [index for index, line in enumerate(lines) if line.strip() == self.old]
        if len(found) != self.count:
            raise Wrong(f"{self.name}: {self.file} has {len(found)} lines like this, not {self.count}: {self.old}")
        return found[self.which - 1]

    def apply(self, text):
        lines = text.split("\n")
        index = self.line_index(lines)
        indent = lines[index][: len(lines[index]) - len(lines[index].lstrip())]
        lines[index] = indent + self.new
        return "\n".join(lines)


def read(path):
    """The mutants of one list."""
    mutants, block = [], []
    for number, line in enumerate([*path.read_text().splitlines(), ""], 1):
        if line.startswith("#"):
            continue
        if line:
            block.append(line)
        elif block:
            mutants.append(_mutant(block, f"{path.name}:{number - len(block)}"))
            block = []
    return mutants


def _mutant(block, where):
    head = HEAD.fullmatch(block[0])
    if not head or len(block) != 3 or block[1][:2] != "- " or block[2][:1] != "+":
        raise Wrong(f"{where}: no mutant: {' | '.join(block)}")
    return Mutant(head["id"], head["file"], block[1][2:], block[2][2:].strip(),
                  int(head["which"] or 1), int(head["count"] or 1))


def read_all(paths):
    """The mutants of all lists (a directory stands for the lists in it that hold any)."""
    mutants = []
    for path in map(Path, paths):
        lists = sorted(path.glob("*.list")) if path.is_dir() else [path]
        mutants += [mutant for each in lists if each.name not in NOT_MUTANTS for mutant in read(each)]
    names = [mutant.name for mutant in mutants]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Wrong(f"named twice: {' '.join(twice)}")
    return mutants


QUICK, SURVIVORS = "quick.list", "survivors.list"
NOT_MUTANTS = {QUICK, SURVIVORS}


def read_quick(directory):
    """The names of the sample that --quick takes."""
    return [line.strip() for line in (directory / QUICK).read_text().splitlines()
            if line.strip() and not line.startswith("#")]


def read_survivors(directory):
    """{name: reason} of the mutants that are known to survive; the reason begins with its kind."""
    survivors, path = {}, directory / SURVIVORS
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, reason = line.partition(" ")
        if not re.match(r"(equivalent|tolerated): \S", reason.strip()):
            raise Wrong(f"{path.name}:{number}: no reason that begins with equivalent: or tolerated:")
        survivors[name] = reason.strip()
    return survivors
