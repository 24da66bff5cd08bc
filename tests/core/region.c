// SPDX-License-Identifier: MIT
#include "tests/core/region.h"

#include "core/bits.h"
#include "tests/core/test.h"

#include <stdlib.h>
#include <string.h>

enum { GUARD_BYTES = 4096, GUARD = 0xA5, WITHHELD = 0xEE, GONE = 0xDB };

// gcc tells of AddressSanitizer by a macro, clang by a feature.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
static void set_access(const volatile void *base, size_t bytes, bool access)
{
    if (access) {
        __asan_unpoison_memory_region(base, bytes);
    } else {
        __asan_poison_memory_region(base, bytes);
    }
}
#else
static void set_access(const volatile void *base, size_t bytes, bool access)
{
    (void)base;
    (void)bytes;
    (void)access;
}
#endif

bool bytes_are(const void *ptr, size_t bytes, unsigned char byte)
{
    const unsigned char *first = ptr;
    return bytes == 0 || (*first == byte && memcmp(first, first + 1, bytes - 1) == 0);
}

struct region region_new(size_t bytes, size_t align, size_t phase)
{
    struct region region = {.bytes = bytes};
    region.memory = malloc(bytes + align + phase + 2 * (size_t)GUARD_BYTES);
    assert_non_null(region.memory);
    uintptr_t first = bits_align_up((uintptr_t)region.memory + GUARD_BYTES, align) + phase;
    region.base = region.memory + (first - (uintptr_t)region.memory);
    memset(region.base - GUARD_BYTES, GUARD, GUARD_BYTES);
    memset(region.base, 0, bytes);
    memset(region.base + bytes, GUARD, GUARD_BYTES);
    return region;
}

bool region_is_guarded(const struct region *region)
{
    return bytes_are(region->base - GUARD_BYTES, GUARD_BYTES, GUARD) &&
           bytes_are(region->base + region->bytes, GUARD_BYTES, GUARD);
}

void region_delete(struct region *region)
{
    assert_true(region_is_guarded(region));
    set_access(region->base, region->bytes, true);
    free(region->memory);
    *region = (struct region){.base = NULL};
}

void region_withhold(const struct region *region)
{
    set_access(region->base, region->bytes, true); // some of it may be without already
    memset(region->base, WITHHELD, region->bytes);
    set_access(region->base, region->bytes, false);
}

void region_commit(uintptr_t base, size_t bytes)
{
    void *first = (void *)base;
    set_access(first, bytes, true);
    assert_true(bytes_are(first, bytes, WITHHELD));
    memset(first, 0, bytes);
}

void region_take_away(uintptr_t base, size_t bytes)
{
    void *first = (void *)base;
    set_access(first, bytes, true);
    memset(first, GONE, bytes);
    set_access(first, bytes, false);
}

bool region_is_gone(uintptr_t base, size_t bytes)
{
    const void *first = (void *)base;
    set_access(first, bytes, true);
    bool is_gone = bytes_are(first, bytes, GONE);
    set_access(first, bytes, false);
    return is_gone;
}
