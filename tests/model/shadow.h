// SPDX-License-Identifier: MIT
// The model's own map of the memory: which 16 bytes belong to a chunk in use, and for which slot a chunk
// began there last. It knows nothing of zones or runs.
#ifndef FT_TESTS_MODEL_SHADOW_H
#define FT_TESTS_MODEL_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHADOW_GRAIN_BYTES = 16, SHADOW_NO_SLOT = 0xFFFF };

struct shadow {
    size_t bytes;     // of the memory that is mapped
    uint64_t *in_use; // a bit for each grain
    uint16_t *began;  // for each grain: 1 + the slot, 0: no chunk ever began here
};

// A shadow of so much memory, in which nothing is or was.
void shadow_begin(struct shadow *shadow, size_t bytes);

// Forgets everything about the first `bytes` bytes.
void shadow_clear(struct shadow *shadow, size_t bytes);

// A chunk is handed out at this offset. False if any of it is in use already, or is no memory.
bool shadow_take(struct shadow *shadow, size_t offset, size_t bytes, uint16_t slot);

// A chunk is given back, or becomes shorter.
void shadow_give(struct shadow *shadow, size_t offset, size_t bytes);

// Whether the grain at this offset belongs to a chunk in use.
static inline bool shadow_is_in_use(const struct shadow *shadow, size_t offset)
{
    size_t grain = offset / SHADOW_GRAIN_BYTES;
    return offset < shadow->bytes && (shadow->in_use[grain / 64] >> grain % 64 & 1) != 0;
}

// The slot whose chunk began at this very offset last, or SHADOW_NO_SLOT.
static inline uint16_t shadow_slot(const struct shadow *shadow, size_t offset)
{
    if (offset >= shadow->bytes || offset % SHADOW_GRAIN_BYTES != 0) {
        return SHADOW_NO_SLOT;
    }
    return (uint16_t)(shadow->began[offset / SHADOW_GRAIN_BYTES] - 1);
}

#endif
