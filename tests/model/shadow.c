// SPDX-License-Identifier: MIT
#include "tests/model/shadow.h"

#include <stdlib.h>
#include <string.h>

void shadow_begin(struct shadow *shadow, size_t bytes)
{
    size_t grains = bytes / SHADOW_GRAIN_BYTES;
    shadow->bytes = bytes;
    shadow->in_use = calloc(grains / 64 + 2, sizeof(*shadow->in_use));
    shadow->began = calloc(grains + 64, sizeof(*shadow->began));
    if (shadow->in_use == NULL || shadow->began == NULL) {
        abort();
    }
}

void shadow_clear(struct shadow *shadow, size_t bytes)
{
    size_t grains = bytes / SHADOW_GRAIN_BYTES;
    memset(shadow->in_use, 0, (grains / 64 + 1) * sizeof(*shadow->in_use));
    memset(shadow->began, 0, grains * sizeof(*shadow->began));
}

// The bits of a word from `first` on, `count` of them at most.
static uint64_t mask_of(size_t first, size_t count)
{
    uint64_t mask = count >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1;
    return mask << first;
}

bool shadow_take(struct shadow *shadow, size_t offset, size_t bytes, uint16_t slot)
{
    if (offset % SHADOW_GRAIN_BYTES != 0 || offset > shadow->bytes ||
        bytes > shadow->bytes - offset) {
        return false;
    }
    size_t grain = offset / SHADOW_GRAIN_BYTES;
    size_t end = grain + (bytes + SHADOW_GRAIN_BYTES - 1) / SHADOW_GRAIN_BYTES;
    shadow->began[grain] = (uint16_t)(slot + 1);
    while (grain < end) {
        uint64_t mask = mask_of(grain % 64, end - grain);
        uint64_t *word = &shadow->in_use[grain / 64];
        if ((*word & mask) != 0) {
            return false;
        }
        *word |= mask;
        grain += 64 - grain % 64;
    }
    return true;
}

void shadow_give(struct shadow *shadow, size_t offset, size_t bytes)
{
    size_t grain = offset / SHADOW_GRAIN_BYTES;
    size_t end = grain + (bytes + SHADOW_GRAIN_BYTES - 1) / SHADOW_GRAIN_BYTES;
    while (grain < end) {
        shadow->in_use[grain / 64] &= ~mask_of(grain % 64, end - grain);
        grain += 64 - grain % 64;
    }
}
