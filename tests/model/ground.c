// SPDX-License-Identifier: MIT
#include "tests/model/ground.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { GUARD = 0xA5 };

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0
#endif

// Where nothing lies in most processes, and where sanitizers let a program map something.
static const uintptr_t ground_address = 0x7E8800000000;

// Both stretches are a multiple of this apart, so that any unit is.
enum { APART_BYTES = 1 << 30 };

static unsigned char *map_at(void *hint, size_t bytes, int flags)
{
    void *mapped = mmap(hint, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    if (mapped == MAP_FAILED) {
        return NULL;
    }
    if (flags != 0 && mapped != hint) {
        munmap(mapped, bytes);
        return NULL;
    }
    return mapped;
}

static unsigned char *map_both(void)
{
    const size_t bytes = (size_t)APART_BYTES + GROUND_BYTES;
    unsigned char *fixed = map_at((void *)ground_address, bytes, MAP_FIXED_NOREPLACE);
    if (fixed != NULL) {
        return fixed;
    }
    unsigned char *mapped = map_at(NULL, bytes + APART_BYTES, 0);
    if (mapped == NULL) {
        abort();
    }
    uintptr_t start = ((uintptr_t)mapped + APART_BYTES - 1) & ~(uintptr_t)(APART_BYTES - 1);
    return mapped + (start - (uintptr_t)mapped);
}

unsigned char *ground_at(unsigned which)
{
    static unsigned char *grounds;
    if (grounds == NULL) {
        grounds = map_both();
    }
    return grounds + (size_t)which * APART_BYTES;
}

static size_t up_to_grain(size_t offset)
{
    return (offset + GROUND_GRAIN_BYTES - 1) & ~(size_t)(GROUND_GRAIN_BYTES - 1);
}

size_t ground_plan(size_t first_bytes, size_t extra_bytes, size_t phase,
                   struct ground_region regions[GROUND_REGIONS_MAX])
{
    memset(regions, 0, GROUND_REGIONS_MAX * sizeof(*regions));
    size_t end = GROUND_GUARD_BYTES;
    if (extra_bytes != 0) {
        regions[1].offset = up_to_grain(end) + phase * 3 % GROUND_GRAIN_BYTES;
        regions[1].bytes = extra_bytes;
        end = regions[1].offset + extra_bytes;
    }
    regions[0].offset = up_to_grain(end + 2 * GROUND_GUARD_BYTES) + phase;
    regions[0].bytes = first_bytes;
    end = regions[0].offset + first_bytes;
    if (extra_bytes != 0) {
        regions[2].offset = up_to_grain(end + 2 * GROUND_GUARD_BYTES) + phase * 5 % 4096;
        regions[2].bytes = extra_bytes / 2 + 1024;
        regions[3].offset = regions[2].offset + regions[2].bytes;
        regions[3].bytes = extra_bytes;
        end = regions[3].offset + regions[3].bytes;
    }
    return end + GROUND_GUARD_BYTES;
}

void ground_fill(unsigned char *ground, const struct ground_region *regions, unsigned char byte)
{
    for (unsigned index = 0; index < GROUND_REGIONS_MAX; index++) {
        const struct ground_region *region = &regions[index];
        if (region->bytes != 0) {
            memset(ground + region->offset - GROUND_GUARD_BYTES, GUARD, GROUND_GUARD_BYTES);
            memset(ground + region->offset + region->bytes, GUARD, GROUND_GUARD_BYTES);
        }
    }
    // After all guards, because the last two regions have none between them.
    for (unsigned index = 0; index < GROUND_REGIONS_MAX; index++) {
        memset(ground + regions[index].offset, byte, regions[index].bytes);
    }
}

static bool is_guard(const unsigned char *at)
{
    unsigned char guard[GROUND_GUARD_BYTES];
    memset(guard, GUARD, sizeof(guard));
    return memcmp(at, guard, sizeof(guard)) == 0;
}

bool ground_is_guarded(const unsigned char *ground, const struct ground_region *regions)
{
    for (unsigned index = 0; index < GROUND_REGIONS_MAX; index++) {
        const struct ground_region *region = &regions[index];
        bool follows = index == 3;
        bool leads = index == 2;
        if (region->bytes != 0 &&
            !((follows || is_guard(ground + region->offset - GROUND_GUARD_BYTES)) &&
              (leads || is_guard(ground + region->offset + region->bytes)))) {
            return false;
        }
    }
    return true;
}
