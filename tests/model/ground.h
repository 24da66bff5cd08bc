// SPDX-License-Identifier: MIT
// The memory that the model plays on: two stretches of address space, so that an arena can be moved from
// one to the other. They are at the same addresses in every process if they can be, so that a replay sees
// what the failure saw.
//
//   0      64 KiB
//   | map  | extra 1 | gap | first region | gap | extra 2 | extra 3 |
//
// Extra 3 begins where extra 2 ends. The regions begin `phase` bytes, or multiples of that, above
// multiples of 64 KiB; around them lie guards.
#ifndef FT_TESTS_MODEL_GROUND_H
#define FT_TESTS_MODEL_GROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GROUND_BYTES = 128 << 20,
    GROUND_GRAIN_BYTES = 65536,
    GROUND_REGION_BYTES_MAX = 64 << 20,
    GROUND_EXTRA_BYTES_MAX = 16 << 20,
    GROUND_GUARD_BYTES = 64,
    GROUND_REGIONS_MAX = 4,
};

struct ground_region {
    size_t offset;
    size_t bytes; // 0: no region
};

// The start of one of the two stretches.
unsigned char *ground_at(unsigned which);

// Where the regions of this setup lie; returns where the last one ends, its guard included.
size_t ground_plan(size_t first_bytes, size_t extra_bytes, size_t phase,
                   struct ground_region regions[GROUND_REGIONS_MAX]);

// Fills the regions with a byte and sets guards around them.
void ground_fill(unsigned char *ground, const struct ground_region *regions, unsigned char byte);

// Whether the guards are as they were.
bool ground_is_guarded(const unsigned char *ground, const struct ground_region *regions);

#endif
