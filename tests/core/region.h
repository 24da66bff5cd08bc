// SPDX-License-Identifier: MIT
// Plain buffers that play the part of the system's memory, with guards around them. Bytes that are not
// committed hold a pattern that nobody may change, and that AddressSanitizer lets nobody read.
#ifndef FT_TESTS_CORE_REGION_H
#define FT_TESTS_CORE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct region {
    unsigned char *base; // NULL: no region
    size_t bytes;
    unsigned char *memory; // what free() wants
};

// A zeroed region of `bytes` that begins `phase` bytes above a multiple of `align`, a power of two.
struct region region_new(size_t bytes, size_t align, size_t phase);

// Whether nothing was written next to the region.
bool region_is_guarded(const struct region *region);

// Frees a region, whose guards are as they were.
void region_delete(struct region *region);

// Takes access from a region that nobody has used.
void region_withhold(const struct region *region);

// Gives access to withheld bytes, which nobody may have written meanwhile, and zeroes them.
void region_commit(uintptr_t base, size_t bytes);

// Takes bytes back for good, committed or not: nobody may read, write or commit them from now on.
void region_take_away(uintptr_t base, size_t bytes);

// Whether nobody has written to such bytes.
bool region_is_gone(uintptr_t base, size_t bytes);

// Whether every byte is `byte`.
bool bytes_are(const void *ptr, size_t bytes, unsigned char byte);

#endif
