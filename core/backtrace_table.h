// SPDX-License-Identifier: MIT
// Backtraces, each once, in one region of memory of the caller's that is zero at first. Of each there is a number, which
// is where it lies in the region:
//
//   | buckets: the first of each chain | record | record | ...          | never used |
//   record: the next of its chain, hash, mark, frames, and what came with the first of its kind
//
// A record is never moved and never dropped, so that a number is good for as long as the table is. Nothing here locks.
#ifndef FT_CORE_BACKTRACE_TABLE_H
#define FT_CORE_BACKTRACE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct backtrace_table {
    unsigned char *base;
    size_t bytes;       // of the region, that may be used
    size_t used;        // of them
    size_t bucket_mask; // their number less one
    size_t count;       // of records
};

// What tells a backtrace from others.
struct backtrace_key {
    const uintptr_t *frames;
    size_t count;  // up to UINT16_MAX
    uint64_t mark; // of the caller's: those with different marks are different
};

// What is kept beside a backtrace, of the first of its kind. Its bytes are not looked at.
struct backtrace_more {
    const void *bytes;
    size_t count; // up to UINT32_MAX
};

// ANY. Makes a table of a region, at a multiple of 16, 4 KiB to 32 GiB.
void backtrace_table_init(struct backtrace_table *table, void *region, size_t bytes);

// LOCKED. Says how many bytes from the start of the region on may be used from now on, which is no less than `used`. The
// number of its buckets stays what it was made with.
void backtrace_table_bound(struct backtrace_table *table, size_t bytes);

// LOCKED. The number of a backtrace, which is noted if it is new. 0 if it has no frames, or if there is no room.
uint32_t backtrace_table_put(struct backtrace_table *table, const struct backtrace_key *key,
                             struct backtrace_more more);

// LOCKED. The frames of a backtrace, by its number; none for 0.
struct backtrace_key backtrace_table_get(const struct backtrace_table *table, uint32_t number);

// LOCKED. What is kept beside it.
struct backtrace_more backtrace_table_more(const struct backtrace_table *table, uint32_t number);

#endif
