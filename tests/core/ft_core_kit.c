// SPDX-License-Identifier: MIT
#include "tests/core/ft_core_kit.h"

#include <stdlib.h>
#include <string.h>

enum { DIRT = 0xEE };

struct region kit_dirty_region(size_t bytes, size_t phase)
{
    struct region region = region_new(bytes, 65536, phase);
    memset(region.base, DIRT, bytes);
    return region;
}

struct kit kit_new_with(size_t bytes, size_t phase, const struct ft_core_options *options)
{
    struct kit kit = {.region = kit_dirty_region(bytes, phase)};
    if (options != NULL && options->is_zero) {
        memset(kit.region.base, 0, bytes);
    }
    kit.core = ft_core_create(kit.region.base, bytes, options);
    assert_non_null(kit.core);
    assert_true(ft_core_open(&kit.heap, kit.core, NULL));
    assert_true(ft_core_check(kit.core));
    return kit;
}

struct kit kit_new(size_t bytes)
{
    return kit_new_with(bytes, 0, NULL);
}

void kit_delete(struct kit *kit)
{
    assert_true(ft_core_check(kit->core));
    ft_core_destroy(kit->core);
    region_delete(&kit->region);
}

// The pattern's first byte, which neighbours do not share, and which is not the region's dirt.
static unsigned char first_byte(const void *ptr)
{
    return (unsigned char)(((uintptr_t)ptr >> 4) * 7 + 1);
}

void kit_fill(void *ptr, size_t bytes)
{
    memset(ptr, first_byte(ptr), bytes);
}

bool kit_is_filled(const void *ptr, size_t bytes)
{
    return bytes_are(ptr, bytes, first_byte(ptr)) &&
           (bytes == 0 || *(const unsigned char *)ptr == first_byte(ptr));
}

void *kit_alloc(struct kit *kit, size_t bytes)
{
    void *ptr = ft_core_alloc(&kit->heap, bytes);
    assert_non_null(ptr);
    assert_int_equal((uintptr_t)ptr % 16, 0);
    struct ft_core_place place = ft_core_locate(kit->core, ptr);
    assert_int_equal(place.status, FT_CORE_LIVE);
    assert_ptr_equal(place.base, ptr);
    assert_int_equal(place.bytes, bytes);
    assert_true(place.capacity >= bytes);
    assert_true((uintptr_t)ptr >= (uintptr_t)kit->region.base);
    assert_true((uintptr_t)ptr + bytes <= (uintptr_t)kit->region.base + kit->region.bytes);
    kit_fill(ptr, bytes);
    return ptr;
}

void kit_free(struct kit *kit, void *ptr, size_t bytes)
{
    assert_true(kit_is_filled(ptr, bytes));
    assert_int_equal(ft_core_free(&kit->heap, ptr), FT_CORE_OK);
}

static void count_acquire(void *context)
{
    struct counting_lock *lock = context;
    assert_false(lock->is_held);
    lock->is_held = true;
    lock->acquire_count++;
}

static void count_release(void *context)
{
    struct counting_lock *lock = context;
    assert_true(lock->is_held);
    lock->is_held = false;
    lock->release_count++;
}

struct ft_core_lock counting_lock(struct counting_lock *lock)
{
    *lock = (struct counting_lock){.is_held = false};
    return (struct ft_core_lock){
        .acquire = count_acquire, .release = count_release, .context = lock};
}

static void look_away(bool away)
{
    if (kit_look_away != NULL) {
        kit_look_away(away);
    }
}

// What tools that watch memory do not see: byte by byte, because a call of memcpy() would be watched.
__attribute__((no_sanitize_address)) void kit_move(unsigned char *to, const unsigned char *from,
                                                   size_t bytes)
{
    look_away(true);
    volatile unsigned char *out = to;
    const volatile unsigned char *in = from;
    bool is_up = (uintptr_t)to < (uintptr_t)from;
    for (size_t at = 0; at < bytes; at++) {
        size_t index = is_up ? at : bytes - 1 - at;
        out[index] = in[index];
    }
    look_away(false);
}

__attribute__((no_sanitize_address)) void kit_poke(unsigned char *at, size_t bytes,
                                                   unsigned char byte)
{
    look_away(true);
    for (volatile unsigned char *out = at; bytes > 0; bytes--) {
        *out++ = byte;
    }
    look_away(false);
}

struct picture picture_of(const struct region *region)
{
    struct picture picture = {.bytes = malloc(region->bytes), .count = region->bytes};
    assert_non_null(picture.bytes);
    kit_move(picture.bytes, region->base, region->bytes);
    return picture;
}

bool picture_is_still(struct picture *picture, const struct region *region)
{
    struct picture now = picture_of(region);
    bool is_still = memcmp(now.bytes, picture->bytes, picture->count) == 0;
    free(now.bytes);
    free(picture->bytes);
    *picture = (struct picture){.bytes = NULL};
    return is_still;
}
