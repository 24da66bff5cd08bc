# SPDX-License-Identifier: MIT
"""What the checks share: the tree, the findings, and how a check ends."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FT_BUILD", ROOT / "build" / "release"))
LAYERS = ("core", "platform", "api")
# The top level is fixed, so that a check need not ask git (a copy has none).
DIRECTORIES = LAYERS + ("tests", "tools", ".ci")
SKIPPED = 77
# What is no text of ours: a fuzzer's inputs are bytes.
SKIPPED_PARTS = {"__pycache__", "corpus"}


class Check:
    """Collects findings; finish() prints what was looked at and exits."""

    def __init__(self, name):
        self.name = name
        self.findings = 0

    def fail(self, path, line, cause):
        path = Path(path)
        if path.is_absolute() and path.is_relative_to(ROOT):
            path = path.relative_to(ROOT)
        print(f"{path}:{line}: {cause}")
        self.findings += 1

    def finish(self, looked_at):
        if self.findings:
            print(f"check {self.name}: {self.findings} finding(s)")
            sys.exit(1)
        print(f"check {self.name}: passed ({looked_at})")
        sys.exit(0)

    def skip(self, reason):
        print(f"check {self.name}: skipped: {reason}")
        sys.exit(SKIPPED)


def files(directories=DIRECTORIES, suffixes=None):
    """The tree's files in order, those of the top level included when all are asked for."""
    found = []
    for directory in directories:
        found += [path for path in (ROOT / directory).rglob("*") if path.is_file()]
    if directories == DIRECTORIES:
        found += [path for path in ROOT.iterdir() if path.is_file()]
    return sorted(
        path
        for path in found
        if not SKIPPED_PARTS.intersection(path.parts) and (suffixes is None or path.suffix in suffixes)
    )


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


def lines_of(path):
    """(number, line) of each line."""
    return enumerate(text_of(path).splitlines(), 1)


def blank_comments(text):
    """C text with comments and the insides of strings blanked; every line stays where it is."""

    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        return token[0] + " " * (len(token) - 2) + token[-1]

    return re.sub(
        r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S
    )


def words_of_list(path):
    """The first word of each line that is not a comment."""
    return [
        line.split()[0]
        for _, line in lines_of(path)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def exports():
    """(line, name, kind) of each row of api/exports.list."""
    rows = [(number, *line.split()) for number, line in lines_of(ROOT / "api" / "exports.list")]
    return [row for row in rows if len(row) == 3 and not row[1].startswith("#")]


def output_of(*command, **options):
    """What a command printed; a command that fails ends the check, and loudly."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout
