#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# malloc_trim as a program of another language calls it: test_trim.py LIBRARY. Python's objects come from malloc; most of
# them are freed, and what is free and kept goes back.

import ctypes
import os
import sys

if "LD_PRELOAD" not in os.environ:
    environment = dict(os.environ, LD_PRELOAD=sys.argv[1], PYTHONMALLOC="malloc")
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def resident():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


libc = ctypes.CDLL(None, use_errno=True)
mib = 1 << 20
blocks = [bytes([index % 251]) * 991 for index in range(100 * 1024)]
for index in range(0, len(blocks)):
    if index // 20 % 5 == 0:
        blocks[index] = None
before = resident()
ctypes.set_errno(77)
result = libc.malloc_trim(ctypes.c_size_t(0))
after = resident()
print(f"malloc_trim returned {result}, errno {ctypes.get_errno()}; {before} bytes in memory, then {after}")
assert result == 1
assert ctypes.get_errno() == 77
assert after < before - 10 * mib
for index, block in enumerate(blocks):
    assert block is None or block == bytes([index % 251]) * 991

del blocks, block
libc.malloc_trim(ctypes.c_size_t(0))
print(f"{resident()} bytes after all was freed")
assert resident() < before - 80 * mib
