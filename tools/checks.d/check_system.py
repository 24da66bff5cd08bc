# SPDX-License-Identifier: MIT
"""The system calls of a program on our allocator: memory by mmap and munmap, and nothing else.

Everything is counted beside an empty preloaded library in the same run, because what the loader
does for a library is not ours. strace must be allowed to trace.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from common import BUILD, Check, output_of

OURS = {"mmap", "munmap", "prlimit64", "getrlimit"}
# How often a thread waits is a matter of chance.
CHANCE = {"futex", "sched_yield"}
MEMORY = ("mmap", "munmap", "mprotect", "madvise", "mremap", "brk")

# Blocks of 1 byte to 1 MiB come, grow and go on two threads. With no argument it only makes the
# threads, so that their stacks are in both counts.
PROGRAM = r"""
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void *work(void *count)
{
    unsigned char *live[64] = {0};
    for (unsigned i = 0; i < *(unsigned *)count; i++) {
        size_t size = (size_t)1 << (i % 21);
        unsigned char *block = realloc(live[i % 64], size);
        if (block == NULL) {
            abort();
        }
        memset(block, 1, size);
        live[i % 64] = block;
        if (i % 5 == 0) {
            free(live[i % 64]);
            live[i % 64] = NULL;
        }
    }
    for (unsigned i = 0; i < 64; i++) {
        free(live[i]);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argv;
    unsigned count = argc > 1 ? 2000 : 0;
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, &count) != 0) {
        abort();
    }
    pthread_join(thread, NULL);
    work(&count);
    return 0;
}
"""

check = Check("system")


def calls_of(directory, library, *command):
    """How often each system call was made, and the trace."""
    trace = Path(directory, "trace")
    subprocess.run(["strace", "-f", "-qq", "-o", trace, "-E", f"LD_PRELOAD={library}", *command], check=True)
    text = trace.read_text(encoding="utf-8", errors="replace")
    return Counter(re.findall(r"^\d+ +(\w+)\(", text, re.M)), text


def why_no_strace():
    if not shutil.which("strace"):
        return "strace is missing"
    tried = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return f"strace cannot trace here: {tried.stderr.strip()}" if tried.returncode else None


def main():
    reason = why_no_strace()
    if reason:
        check.skip(reason)
    library = (BUILD / "libft_malloc.so").resolve(strict=True)
    # A trace of the compiler's or the user's preloads would not be ours.
    os.environ.pop("LD_PRELOAD", None)

    with tempfile.TemporaryDirectory() as directory:
        empty, program = Path(directory, "empty.so"), Path(directory, "program")
        output_of("cc", "-shared", "-x", "c", "/dev/null", "-o", empty)
        output_of("cc", "-O1", "-fno-builtin", "-pthread", "-x", "c", "-", "-o", program, input=PROGRAM)

        loader, _ = calls_of(directory, empty, program)
        ours, trace = calls_of(directory, library, program, "work")
        for name, count in sorted(ours.items()):
            if name not in OURS | CHANCE and count > loader[name]:
                check.fail(library.name, 1, f"makes the system call {name} ({count} times, an empty library {loader[name]})")
        if re.search(r"^\d+ +brk\(0x", trace, re.M):
            check.fail(library.name, 1, "moves the break (brk): memory comes from mmap and munmap alone")

        empty_calls, _ = calls_of(directory, empty, "true")
        our_calls, _ = calls_of(directory, library, "true")
        empty_count = sum(empty_calls[name] for name in MEMORY)
        our_count = sum(our_calls[name] for name in MEMORY)
        if our_count > empty_count:
            check.fail(library.name, 1, f"makes {our_count} memory calls in true, an empty library {empty_count}")
    check.finish(f"memory calls of true: {our_count}, with an empty library {empty_count}")


main()
