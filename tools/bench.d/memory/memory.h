// SPDX-License-Identifier: MIT
// What the programs of `tools/bench memory` share: what the system has given to this process, read without
// allocating, and memory that is used as a program would use it.
//
// A program prints lines of a name and a number. What it keeps for itself lies in static memory, or in the
// chunks that it measures.
#ifndef MEMORY_H
#define MEMORY_H

#include "bench.d/random.h"

#include <stddef.h>
#include <stdint.h>

// Bytes of this process that are in memory, its code and libraries included: "Rss" of /proc/self/smaps_rollup,
// which is counted page by page. The sum in /proc/self/statm is put together from a share of each processor
// and may be some hundred KiB off.
size_t resident_bytes(void);

// Bytes that this process may write to and shares with nobody, whether in memory or not: "data" of
// /proc/self/statm. Address space that is reserved without access is not in it.
size_t mapped_bytes(void);

// All of the process's address space, which RLIMIT_AS limits: "size" of /proc/self/statm.
size_t address_space_bytes(void);

// malloc(), except that NULL ends the program; stores one byte in each page.
void *chunk_new(size_t bytes);

// Stores one byte in each page of a chunk.
void chunk_touch(void *chunk, size_t bytes);

// malloc_trim(0), which an allocator may bring or leave to libc.
void trim(void);

// What allocators without a malloc_trim have in its place; nothing with all others.
void trim_by_own_name(void);

// Ends the program with these words: what it measures went wrong.
_Noreturn void fail(const char *words);

// How many of so many coins show heads, each with a chance of `eighths` in eight.
unsigned random_heads(uint64_t *seed, unsigned coins, unsigned eighths);

#endif
