# SPDX-License-Identifier: MIT
"""Reads what options write of a program's calls: the log, the history, the leak report."""

import re

ALLOCATED = re.compile(r"\[DEBUG\] Allocated (\d+) bytes at (0x[0-9a-f]+)")
REALLOCATED = re.compile(r"\[DEBUG\] Reallocated (\d+) bytes at (0x[0-9a-f]+) \(was (\d+) bytes at (0x[0-9a-f]+)\)")
FREED = re.compile(r"\[DEBUG\] Freed (\d+) bytes at (0x[0-9a-f]+)")
REFUSED = re.compile(r"\[DEBUG\] Refused (\d+) bytes")
HISTORY_HEAD = "=============== ALLOCATION HISTORY ==============="
HISTORY_TAIL = "=================================================="
LEAKS_HEAD = "========== MEMORY LEAK REPORT =========="
LEAKS_TAIL = "========================================"
LEAK = re.compile(r"\[LEAK\] (0x[0-9a-f]+) - (0x[0-9a-f]+) : (\d+) bytes")
DUMP = re.compile(r"0x[0-9a-f]+  ([0-9a-f]{2} ){8}( ([0-9a-f]{2}|  )){8}  \|.{1,16}\||\*|and \d+ bytes more")
# Behind a misuse, where calls are remembered.
CALL = re.compile(r"\[\d+\] 0x[0-9a-f]+ -> 0x[0-9a-f]+ : \d+ bytes, \w+(?: of 0x[0-9a-f]+)?(?: \(misuse\))? by thread \d+")
# Where call stacks are kept.
GROUP = re.compile(r"\[LEAK\] (\d+) blocks?, (\d+) bytes, (?:the first )?at (0x[0-9a-f]+)")
FRAME = re.compile(r"    #(\d+) (/.*\+0x[0-9a-f]+|0x[0-9a-f]+)")


def live_after(lines):
    """Reads a log, and demands that each line makes sense after those before it; what is live at its end."""
    live = {}
    for number, line in enumerate(lines, 1):
        context = f"line {number}: {line}"
        if match := ALLOCATED.fullmatch(line):
            if match[2] in live:
                raise AssertionError(f"handed out twice, {context}")
            live[match[2]] = int(match[1])
        elif match := REALLOCATED.fullmatch(line):
            if live.pop(match[4], None) != int(match[3]) or match[2] in live:
                raise AssertionError(f"not as it was, {context}")
            live[match[2]] = int(match[1])
        elif match := FREED.fullmatch(line):
            if live.pop(match[2], None) != int(match[1]):
                raise AssertionError(f"not as it was, {context}")
        elif not REFUSED.fullmatch(line):
            raise AssertionError(f"no line of a log, {context}")
    return live


def leaks_in(lines):
    """The report at the end of some lines: address and size of each, by address."""
    start = lines.index(LEAKS_HEAD)
    assert lines[-1] == LEAKS_TAIL, lines
    leaks = []
    for line in lines[start + 2:-1]:
        match = LEAK.fullmatch(line)
        assert match and int(match[2], 16) - int(match[1], 16) == int(match[3]), line
        leaks.append((int(match[1], 16), int(match[3])))
    assert leaks == sorted(leaks)
    total = sum(size for _, size in leaks)
    word = "block" if len(leaks) == 1 else "blocks"
    assert lines[start + 1] == f"{len(leaks)} {word} not freed (total: {total} bytes)", lines[start + 1]
    return leaks


def leaks_sum(lines):
    """How many blocks and bytes a report tells, of which some may be told by call stacks: what stands below is as much."""
    start = lines.index(LEAKS_HEAD)
    head = re.fullmatch(r"(\d+) blocks? not freed \(total: (\d+) bytes\)", lines[start + 1])
    body = lines[start + 2:lines.index(LEAKS_TAIL)]
    single = [int(match[3]) for match in map(LEAK.match, body) if match]
    groups = [match for match in map(GROUP.match, body) if match]
    count = len(single) + sum(int(match[1]) for match in groups)
    total = sum(single) + sum(int(match[2]) for match in groups)
    assert (count, total) == (int(head[1]), int(head[2])), (count, total, head[0])
    return count, total
